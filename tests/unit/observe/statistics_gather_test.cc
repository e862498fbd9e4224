// Statistics as they are gathered: exact, of one moment for each page, and never going back.
#include "observe/statistics_gather.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "heap/allocate.h"
#include "heap/free.h"
#include "heap/thread_heap.h"
#include "heap/thread_life.h"

namespace ashlar {
namespace {

constexpr std::int64_t kBytes = 64;  // of a block
constexpr std::size_t kSize = static_cast<std::size_t>(kBytes) - kPadding;
constexpr SizeClass kClass = class_for(kSize);

std::size_t bytes_of(void* huge) { return page_map.find(huge)->block_size; }

class StatisticsGather : public testing::Test {
 protected:
  ~StatisticsGather() override { destroy_heap(heap_); }

  void* allocate_in_heap(std::size_t size = kSize) {
    return allocate_plain(heap_, size, Contents::kUnknown);
  }
  Statistics heap_statistics() {
    Statistics statistics;
    gather_heap(heap_, &statistics);
    return statistics;
  }
  const StatisticsCount& bin(const Statistics& statistics) {
    return statistics.malloc_bins[bin_of(kClass)];
  }

  Heap* const heap_ = make_heap(nullptr, 0, true);
};

TEST_F(StatisticsGather, CountsEveryBlockAtOnce) {
  std::vector<void*> blocks;
  for (int i = 1; i <= 5000; ++i) {
    blocks.push_back(allocate_in_heap());
    if (i % 611 == 0 || i == 1) {
      const Statistics seen = heap_statistics();
      ASSERT_EQ(bin(seen).current, i);
      ASSERT_EQ(bin(seen).total, i);
      ASSERT_EQ(seen.malloc_normal.current, i * kBytes);
      ASSERT_EQ(seen.malloc_normal_count.total, i);
    }
  }
  for (int i = 1; i <= 5000; ++i) {
    free_block(blocks.back());
    blocks.pop_back();
    if (i % 613 == 0 || i > 4998) {
      const Statistics seen = heap_statistics();
      ASSERT_EQ(bin(seen).current, 5000 - i);
      ASSERT_EQ(bin(seen).total, 5000);
      ASSERT_GE(seen.malloc_normal.peak, (5000 / 611) * 611 * kBytes) << "of all readings";
    }
  }
}

TEST_F(StatisticsGather, KeepsTotalsOfBlocksUsedAgainAndOfPagesThatAreGone) {
  for (int i = 0; i < 1000; ++i) {
    free_block(allocate_in_heap());
  }
  for (int round = 0; round < 3; ++round) {
    std::vector<void*> blocks;
    for (int i = 0; i < 4000; ++i) {
      blocks.push_back(allocate_in_heap());
    }
    for (void* const block : blocks) {
      free_block(block);
    }
    collect_heap(heap_, true);
  }
  const Statistics seen = heap_statistics();
  EXPECT_EQ(bin(seen).total, 13'000);
  EXPECT_EQ(bin(seen).current, 0);
  EXPECT_EQ(seen.page_bins[bin_of(kClass)].current, 0);
  EXPECT_GE(seen.page_bins[bin_of(kClass)].total, 3);
}

TEST_F(StatisticsGather, CountsFreesOfOtherThreadsAtOnce) {
  std::vector<void*> blocks;
  for (int i = 0; i < 1000; ++i) {
    blocks.push_back(allocate_in_heap());
  }
  std::thread([&] {
    for (int i = 0; i < 300; ++i) {
      free_block(blocks[static_cast<std::size_t>(i)]);
    }
    EXPECT_EQ(bin(heap_statistics()).current, 700);
  }).join();
  EXPECT_EQ(bin(heap_statistics()).current, 700);
  EXPECT_EQ(bin(heap_statistics()).total, 1000);
}

TEST_F(StatisticsGather, CountsBlocksOfThreadsThatEnded) {
  std::thread([&] {
    for (int i = 0; i < 500; ++i) {
      EXPECT_NE(allocate_in_heap(), nullptr);
    }
    free_block(allocate_in_heap());
  }).join();
  EXPECT_EQ(bin(heap_statistics()).current, 500);
  EXPECT_EQ(bin(heap_statistics()).total, 501);
}

TEST_F(StatisticsGather, CountsHugeBlocksAndTheirBytes) {
  void* const first = allocate_in_heap(100'000);
  void* const second = allocate_in_heap(std::size_t{50} << 20);
  Statistics seen = heap_statistics();
  EXPECT_EQ(seen.malloc_huge_count.total, 2);
  EXPECT_EQ(seen.malloc_huge.current,
            static_cast<std::int64_t>(bytes_of(first) + bytes_of(second)));
  EXPECT_EQ(seen.malloc_bins[kHugeBin].current, 2);
  const auto first_size = static_cast<std::int64_t>(bytes_of(first));
  free_block(second);
  seen = heap_statistics();
  EXPECT_EQ(seen.malloc_huge.current, first_size);
  EXPECT_EQ(seen.malloc_huge_count.total, 2);
  free_block(first);
}

// A reader must never see a total that was not true at some moment of its call, nor more or fewer
// blocks in use than there ever were.
TEST_F(StatisticsGather, IsExactWhileAnotherThreadAllocates) {
  std::atomic<std::int64_t> allocated{0};
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    std::vector<void*> held(64, nullptr);
    for (std::int64_t i = 0; !stop; ++i) {
      void*& place = held[static_cast<std::size_t>(i) % held.size()];
      if (place != nullptr) {
        free_block(place);
      }
      place = allocate_in_heap();
      allocated.store(i + 1);
    }
    for (void* const block : held) {
      free_block(block);
    }
  });
  std::int64_t last = 0;
  for (int i = 0; (i < 3000 || allocated.load() < 200'000) && !HasFailure(); ++i) {
    const std::int64_t before = allocated.load();
    const Statistics seen = heap_statistics();
    const std::int64_t after = allocated.load();
    EXPECT_GE(bin(seen).total, before);
    EXPECT_LE(bin(seen).total, after + 1);
    EXPECT_GE(bin(seen).total, last);
    EXPECT_GE(bin(seen).current, before < 64 ? 0 : 63);
    EXPECT_LE(bin(seen).current, 64);
    last = bin(seen).total;
  }
  stop = true;
  worker.join();
  EXPECT_EQ(bin(heap_statistics()).current, 0);
}

// The same with two threads that hand blocks over, so that lists of remote frees are collected all
// the time.
TEST_F(StatisticsGather, IsExactWhileBlocksAreHandedOver) {
  std::atomic<void*> box{nullptr};
  std::atomic<bool> stop{false};
  std::atomic<int> handed_over{0};
  std::thread maker([&] {
    while (!stop) {
      void* const block = allocate_in_heap();
      void* empty = nullptr;
      while (!stop && !box.compare_exchange_weak(empty, block)) {
        empty = nullptr;
      }
    }
  });
  std::thread freer([&] {
    while (!stop) {
      if (void* const block = box.exchange(nullptr)) {
        free_block(block);
        ++handed_over;
      }
    }
  });
  std::int64_t least = 0;
  std::int64_t most = 0;
  for (int i = 0; i < 3000 || handed_over.load() < 50'000; ++i) {
    const std::int64_t seen = bin(heap_statistics()).current;
    least = std::min(least, seen);
    most = std::max(most, seen);
  }
  stop = true;
  maker.join();
  freer.join();
  EXPECT_EQ(least, 0);
  EXPECT_LE(most, 3) << "one made, one in the box, one being freed";
}

TEST_F(StatisticsGather, TheRealmHoldsWhatItsHeapsHold) {
  Statistics before;
  gather_realm(&main_realm, StatisticsScope::kAll, &before);
  Heap* const heap = make_heap(nullptr, 0, true);
  for (int i = 0; i < 100; ++i) {
    EXPECT_NE(allocate_plain(heap, kSize, Contents::kUnknown), nullptr);
  }
  Statistics with;
  gather_realm(&main_realm, StatisticsScope::kAll, &with);
  EXPECT_EQ(with.heaps.current, before.heaps.current + 1);
  EXPECT_EQ(bin(with).current, bin(before).current + 100);
  destroy_heap(heap);
  Statistics after;
  gather_realm(&main_realm, StatisticsScope::kAll, &after);
  EXPECT_EQ(bin(after).total, bin(before).total + 100) << "what a heap did outlives it";
  EXPECT_EQ(bin(after).current, bin(before).current);
  EXPECT_EQ(after.heaps.current, before.heaps.current);
  EXPECT_GE(after.reserved.current, after.committed.current);
  EXPECT_GT(after.committed.current, 0);
}

TEST_F(StatisticsGather, BlocksOfADeletedHeapAreTheMainHeaps) {
  Statistics before;
  gather_heap(&main_heap, &before);
  Heap* const heap = make_heap(nullptr, 0, true);
  void* const block = allocate_plain(heap, kSize, Contents::kUnknown);
  delete_heap(heap);
  Statistics after;
  gather_heap(&main_heap, &after);
  EXPECT_EQ(bin(after).current, bin(before).current + 1);
  free_block(block);
}

TEST_F(StatisticsGather, ResetBeginsAnew) {
  void* const kept = allocate_in_heap();
  free_block(allocate_in_heap());
  reset_statistics(&main_realm);
  Statistics seen = heap_statistics();
  EXPECT_EQ(bin(seen).total, 0);
  EXPECT_EQ(bin(seen).current, 1) << "what there is stays";
  free_block(allocate_in_heap());
  EXPECT_EQ(bin(heap_statistics()).total, 1);
  gather_realm(&main_realm, StatisticsScope::kAll, &seen);
  EXPECT_EQ(bin(seen).total, 1);
  free_block(kept);
}

TEST_F(StatisticsGather, MergingMovesTotalsToTheRealm) {
  free_block(allocate_in_heap());
  Statistics realm_before;
  gather_realm(&main_realm, StatisticsScope::kExclusive, &realm_before);
  merge_heap_statistics(heap_);
  EXPECT_EQ(bin(heap_statistics()).total, 0);
  Statistics realm_after;
  gather_realm(&main_realm, StatisticsScope::kExclusive, &realm_after);
  EXPECT_EQ(bin(realm_after).total, bin(realm_before).total + 1);
  free_block(allocate_in_heap());
  EXPECT_EQ(bin(heap_statistics()).total, 1);
}

TEST_F(StatisticsGather, AThreadSeesItsOwnPages) {
  std::thread([&] {
    Statistics none;
    gather_thread(&none);
    EXPECT_EQ(none.threads.current, 0);
    void* const block = allocate_in_heap();
    Statistics some;
    gather_thread(&some);
    EXPECT_EQ(bin(some).current, 1);
    EXPECT_EQ(some.threads.current, 1);
    EXPECT_EQ(some.theaps.current, 2);
    free_block(block);
    end_thread();
  }).join();
}

TEST_F(StatisticsGather, CountsSlowPaths) {
  Statistics before;
  gather_realm(&main_realm, StatisticsScope::kAll, &before);
  for (int i = 0; i < 2000; ++i) {
    EXPECT_NE(allocate_in_heap(), nullptr);
  }
  Statistics after;
  gather_realm(&main_realm, StatisticsScope::kAll, &after);
  EXPECT_GE(after.pages_extended.total, before.pages_extended.total + 20);
  EXPECT_GE(after.page_searches_count.total, before.page_searches_count.total + 20);
  EXPECT_GE(after.page_searches.total, before.page_searches.total + 18);
}

}  // namespace
}  // namespace ashlar
