// Row 7: a heap is deleted while other threads free its last blocks, heaps come and go at the same
// address while threads have the earlier one in mind, and heaps outlive the thread that made them.
// Blocks keep their content and their heap throughout, and nothing is used up.
#include "heap_support.h"

#include <array>
#include <barrier>

namespace {

using regress::Chance;
using regress::Footprint;
using regress::Live;
using regress::Watchdog;

constexpr std::size_t kSizes[] = {16, 48, 320, 1000, 4000, 9000, 40000, 200000};
constexpr std::size_t kHeapRounds = 2000 / regress::kSlower;

// The freeing thread and the deleting one start together; who is first changes from round to round.
TEST(regress_07_heaps, deleted_while_another_thread_frees_its_last_blocks) {
  Watchdog watchdog;
  const std::uint64_t seed = Chance::seed();
  Footprint footprint;
  std::vector<Live> blocks;
  std::barrier step(2);
  std::thread freer([&] {
    Chance chance(seed + 1);
    for (std::size_t round = 0; round < kHeapRounds; round++) {
      step.arrive_and_wait();
      for (std::size_t i = chance.below(200); i > 0; i--)
        std::atomic_signal_fence(std::memory_order_seq_cst);
      for (const Live& live : blocks) regress::drop(live);
      step.arrive_and_wait();
    }
  });
  Chance chance(seed);
  for (std::size_t round = 0; round < kHeapRounds; round++) {
    mi_heap_t* const heap = mi_heap_new();
    ASSERT_NE(heap, nullptr);
    const std::size_t size = kSizes[chance.below(std::size(kSizes))];
    const std::size_t count = 1 + chance.below(size < 5000 ? 200000 / size : 3);
    const auto allocate = [&] { blocks = regress::many_from_heap(heap, size, count, 7); };
    // Every third time the pages are nobody's, since the thread that allocated has ended.
    if (round % 3 == 0) {
      regress::on_a_thread(allocate);
    } else {
      allocate();
    }
    for (const Live& live : blocks) footprint.note(live.block, live.size);
    step.arrive_and_wait();
    mi_heap_delete(heap);
    step.arrive_and_wait();
  }
  freer.join();
  EXPECT_LE(footprint.bytes(), std::size_t{32} << 20) << "seed " << seed;
}

TEST(regress_07_heaps, blocks_of_a_deleted_heap_go_to_the_main_heap) {
  for (const std::size_t size : kSizes) {
    mi_heap_t* const heap = mi_heap_new();
    ASSERT_NE(heap, nullptr);
    std::vector<Live> blocks = regress::many_from_heap(heap, size, 50, 3);
    for (const Live& live : blocks) EXPECT_EQ(mi_heap_of(live.block), heap);
    mi_heap_delete(heap);
    for (const Live& live : blocks) {
      EXPECT_TRUE(regress::is_intact(live));
      EXPECT_EQ(mi_heap_of(live.block), mi_heap_main());
    }
    regress::write_over_free_memory();
    for (const Live& live : blocks) regress::drop(live);
  }
}

// Threads that own pages of a heap when another one deletes it go on with its blocks.
TEST(regress_07_heaps, deleted_while_owners_sleep) {
  Watchdog watchdog;
  constexpr std::size_t kThreads = 3;
  for (int round = 0; round < 30; round++) {
    mi_heap_t* const heap = mi_heap_new();
    ASSERT_NE(heap, nullptr);
    std::barrier step(kThreads + 1);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kThreads; t++) {
      threads.emplace_back([&] {
        std::vector<Live> blocks;
        for (const std::size_t size : kSizes) {
          const std::vector<Live> more = regress::many_from_heap(heap, size, 20, 5);
          blocks.insert(blocks.end(), more.begin(), more.end());
        }
        step.arrive_and_wait();
        step.arrive_and_wait();  // the heap is deleted between the two
        std::vector<Live> others;
        for (std::size_t i = 0; i < blocks.size(); i++) {
          regress::drop(blocks[i]);
          others.push_back(regress::from_heap(mi_heap_main(), blocks[i].size, 6));
        }
        for (const Live& live : others) regress::drop(live);
      });
    }
    step.arrive_and_wait();
    mi_heap_delete(heap);
    step.arrive_and_wait();
    for (auto& thread : threads) thread.join();
  }
}

// A worker remembers the heap that it used last. The heap is destroyed and another one made, as a
// rule at the same address: the worker's next block must be the new heap's, and go with it.
TEST(regress_07_heaps, a_new_heap_at_the_address_of_a_destroyed_one) {
  Watchdog watchdog;
  Footprint footprint;
  std::atomic<mi_heap_t*> current{nullptr};
  std::barrier step(2);
  std::vector<Live> kept;
  std::thread worker([&] {
    for (std::size_t round = 0; round < kHeapRounds; round++) {
      step.arrive_and_wait();
      // relaxed: ordered by the barrier.
      mi_heap_t* const heap = current.load(std::memory_order_relaxed);
      for (const std::size_t size : kSizes) {
        const Live live = regress::from_heap(heap, size, static_cast<unsigned>(round));
        footprint.note(live.block, size);
        EXPECT_EQ(mi_heap_of(live.block), heap);
        EXPECT_TRUE(regress::is_intact(live));
      }
      kept.push_back(regress::from_heap(mi_heap_main(), 48, static_cast<unsigned>(round)));
      step.arrive_and_wait();
    }
  });
  std::set<mi_heap_t*> addresses;
  for (std::size_t round = 0; round < kHeapRounds; round++) {
    mi_heap_t* const heap = mi_heap_new();
    ASSERT_NE(heap, nullptr);
    addresses.insert(heap);
    current.store(heap, std::memory_order_relaxed);  // relaxed: ordered by the barrier.
    step.arrive_and_wait();
    step.arrive_and_wait();  // the worker does not use the heap any more
    mi_heap_destroy(heap);
  }
  worker.join();
  EXPECT_LT(addresses.size(), kHeapRounds / 2) << "records of destroyed heaps are used again";
  EXPECT_LE(footprint.bytes(), std::size_t{16} << 20);
  for (const Live& live : kept) regress::drop(live);
}

// As above, but with many heaps alive and many threads, each with heaps of its own and one that all
// of them allocate from.
TEST(regress_07_heaps, heaps_come_and_go_while_others_allocate) {
  Watchdog watchdog;
  const std::uint64_t seed = Chance::seed();
  constexpr std::size_t kThreads = 4;
  mi_heap_t* const shared = mi_heap_new();
  ASSERT_NE(shared, nullptr);
  Footprint footprint;
  std::mutex handed_lock;
  std::vector<Live> handed;  // to whoever takes it, from heaps that are only ever deleted
  const auto hand_over = [&](std::vector<Live>& blocks) {
    const std::lock_guard<std::mutex> guard(handed_lock);
    handed.swap(blocks);
  };
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; t++) {
    threads.emplace_back([&, t] {
      Chance chance(seed + t);
      std::vector<Live> of_shared;
      for (std::size_t round = 0; round < kHeapRounds / 2; round++) {
        mi_heap_t* const heap = mi_heap_new();
        ASSERT_NE(heap, nullptr);
        std::vector<Live> blocks;
        for (std::size_t i = 0; i < 40; i++) {
          const std::size_t size = kSizes[chance.below(std::size(kSizes))];
          const auto value = static_cast<unsigned>(chance.next());
          blocks.push_back(regress::from_heap(heap, size, value));
          footprint.note(blocks.back().block, size);
          of_shared.push_back(regress::from_heap(shared, 64 + chance.below(900), value));
          if (of_shared.size() > 200) {
            const std::size_t place = chance.below(of_shared.size());
            regress::drop(of_shared[place]);
            of_shared[place] = of_shared.back();
            of_shared.pop_back();
          }
        }
        for (const Live& live : blocks) ASSERT_TRUE(regress::is_intact(live)) << "seed " << seed;
        if (round % 2 == 0) {
          mi_heap_destroy(heap);
          continue;
        }
        mi_heap_delete(heap);
        hand_over(blocks);
        for (const Live& live : blocks) regress::drop(live);
      }
      for (const Live& live : of_shared) {
        EXPECT_EQ(mi_heap_of(live.block), shared);
        regress::drop(live);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const Live& live : handed) regress::drop(live);
  mi_heap_destroy(shared);
  EXPECT_LE(footprint.bytes(), std::size_t{64} << 20) << "seed " << seed;
}

// What a heap had is of use to others after it was destroyed, also what other threads allocated
// from it, alive or not.
TEST(regress_07_heaps, destroying_gives_everything_back) {
  Watchdog watchdog;
  Footprint footprint;
  std::size_t early = 0;
  std::size_t resident = 0;
  for (std::size_t round = 0; round < 120 / regress::kSlower; round++) {
    mi_heap_t* const heap = mi_heap_new();
    ASSERT_NE(heap, nullptr);
    const auto allocate = [&] {
      for (const std::size_t size : kSizes)
        for (const Live& live : regress::many_from_heap(heap, size, 40, 1))
          footprint.note(live.block, live.size);
    };
    allocate();
    std::barrier step(2);
    std::thread alive([&] {
      allocate();
      step.arrive_and_wait();
      step.arrive_and_wait();
    });
    step.arrive_and_wait();
    regress::on_a_thread(allocate);
    mi_heap_destroy(heap);
    step.arrive_and_wait();
    alive.join();
    if (round == 10) {
      early = footprint.bytes();
      mi_collect(true);  // what waits to be purged is not what this is about
      resident = regress::resident_bytes();
    }
  }
  EXPECT_LE(footprint.bytes(), early + early / 2);
  if (regress::kExact) {
    mi_collect(true);
    EXPECT_LE(regress::resident_bytes(), resident + (4u << 20));
  }
}

TEST(regress_07_heaps, a_heap_outlives_the_thread_that_made_it) {
  for (int round = 0; round < 100; round++) {
    mi_heap_t* heap = nullptr;
    std::vector<Live> blocks;
    regress::on_a_thread([&] {
      heap = mi_heap_new();
      ASSERT_NE(heap, nullptr);
      blocks = regress::many_from_heap(heap, 200, 300, 1);
    });
    regress::on_a_thread([&] {
      for (std::size_t i = 0; i < blocks.size(); i += 2) {
        regress::drop(blocks[i]);
        blocks[i] = regress::from_heap(heap, 200, 9);
      }
    });
    for (const Live& live : blocks) {
      EXPECT_EQ(mi_heap_of(live.block), heap);
      EXPECT_TRUE(regress::is_intact(live));
    }
    if (round % 2 == 0) {
      mi_heap_destroy(heap);
    } else {
      mi_heap_delete(heap);
      for (const Live& live : blocks) regress::drop(live);
    }
  }
}

TEST(regress_07_heaps, the_default_heap_is_deleted_and_its_thread_goes_on) {
  regress::on_a_thread([] {
    mi_heap_t* const heap = mi_heap_new();
    ASSERT_NE(heap, nullptr);
    mi_heap_set_default(heap);
    void* const block = mi_malloc(100);
    EXPECT_EQ(mi_heap_of(block), heap);
    regress::fill(block, 100, 1);
    mi_heap_delete(heap);
    void* const other = mi_malloc(100);
    ASSERT_NE(other, nullptr);
    EXPECT_EQ(mi_heap_of(other), mi_heap_main());
    EXPECT_EQ(regress::intact(block, 100, 1), 100u);
    mi_free(block);
    mi_free(other);
  });
  // And a thread that ends with a default heap of its own, which is destroyed afterwards.
  mi_heap_t* heap = nullptr;
  regress::on_a_thread([&] {
    heap = mi_heap_new();
    mi_heap_set_default(heap);
    for (std::size_t size = 8; size < 100000; size *= 2) std::memset(mi_malloc(size), 1, size);
  });
  mi_heap_destroy(heap);
  regress::write_over_free_memory();
}

TEST(regress_07_heaps, neither_nothing_nor_the_main_heap_can_be_deleted) {
  regress::ErrorCount errors;  // no build stops the program then
  const Live live = regress::from_heap(mi_heap_main(), 100, 1);
  mi_heap_delete(nullptr);
  mi_heap_destroy(nullptr);
  mi_heap_delete(mi_heap_main());
  mi_heap_destroy(mi_heap_main());
  regress::write_over_free_memory();
  EXPECT_EQ(mi_heap_of(live.block), mi_heap_main());
  regress::drop(live);
}

}  // namespace
