// Row 11: a thread that says that it will sleep, by ashlar_thread_park, keeps nothing for itself,
// and is as good as before when it wakes; a pool of such threads leaves nearly everything to
// others.
#include "sleeping_pool.h"

namespace {

using namespace regress::pool;

TEST(regress_11_parked_pool, many_sizes_freed_by_the_pool) {
  EXPECT_LE(bytes_not_reused(many_sizes(), FreedBy::kItself, ashlar_thread_park), kBytes / 10);
}

TEST(regress_11_parked_pool, many_sizes_freed_by_main) {
  EXPECT_LE(bytes_not_reused(many_sizes(), FreedBy::kMain, ashlar_thread_park), kBytes / 10);
}

TEST(regress_11_parked_pool, threads_of_a_pool_that_collect) {
  EXPECT_LE(bytes_not_reused(many_sizes(), FreedBy::kItself,
                             [] {
                               mi_thread_set_in_threadpool();
                               mi_collect(false);
                             }),
            kBytes / 10);
}

TEST(regress_11_parked_pool, reduced_to_nothing_before_sleep) {
  EXPECT_LE(bytes_not_reused(many_sizes(), FreedBy::kItself, [] { mi_collect_reduce(0); }),
            kBytes / 10);
}

TEST(regress_11_parked_pool, a_parked_thread_goes_on_where_it_was) {
  std::thread([] {
    ashlar_thread_park();  // before any allocation
    std::vector<void*> blocks(2000, nullptr);
    for (unsigned round = 0; round < 20; round++) {
      for (unsigned i = round % 3; i < blocks.size(); i += 3) {
        const std::size_t size = i % 900 + 1;
        if (blocks[i] != nullptr) {
          ASSERT_EQ(regress::intact(blocks[i], size, i), size);
          mi_free(blocks[i]);
        }
        blocks[i] = mi_malloc(size);
        ASSERT_NE(blocks[i], nullptr);
        regress::fill(blocks[i], size, i);
      }
      ashlar_thread_park();
      if (round % 2 == 0) ashlar_thread_park();
    }
    for (unsigned i = 0; i < blocks.size(); i++) {
      ASSERT_EQ(regress::intact(blocks[i], i % 900 + 1, i), i % 900 + 1);
      mi_free(blocks[i]);
    }
    mi_thread_done();
    ashlar_thread_park();
  }).join();
}

// Parked and woken again and again, the thread needs no more memory than once.
TEST(regress_11_parked_pool, parking_uses_no_memory_up) {
  regress::Watchdog watchdog;
  regress::Footprint footprint;
  void* kept[50] = {};
  for (std::size_t round = 0; round < 5000 / regress::kSlower; round++) {
    void*& slot = kept[round % 50];
    const std::size_t size = 16 + round % 50 * 40;
    if (slot != nullptr) mi_free(slot);
    slot = mi_malloc(size);
    ASSERT_NE(slot, nullptr);
    footprint.note(slot, size);
    ashlar_thread_park();
  }
  EXPECT_LE(footprint.bytes(), std::size_t{8} << 20);
  for (void* block : kept) mi_free(block);
}

TEST(regress_11_parked_pool, parked_amid_other_threads_frees) {
  regress::Watchdog watchdog;
  for (int round = 0; round < 50; round++) {
    std::vector<void*> blocks(3000, nullptr);
    std::barrier step(3);
    std::thread owner([&] {
      for (unsigned i = 0; i < blocks.size(); i++) {
        blocks[i] = mi_malloc(i % 400 + 1);
        ASSERT_NE(blocks[i], nullptr);
        regress::fill(blocks[i], i % 400 + 1, i);
      }
      step.arrive_and_wait();
      for (int i = 0; i < 20; i++) {
        ashlar_thread_park();
        mi_free(mi_malloc(static_cast<std::size_t>(i) * 20 + 1));
      }
    });
    const auto release_from = [&](unsigned from) {
      step.arrive_and_wait();
      for (unsigned i = from; i < blocks.size(); i += 2) {
        ASSERT_EQ(regress::intact(blocks[i], i % 400 + 1, i), i % 400 + 1);
        mi_free(blocks[i]);
      }
    };
    std::thread one(release_from, 0u);
    std::thread other(release_from, 1u);
    owner.join();
    one.join();
    other.join();
  }
}

}  // namespace
