// ashlar_trim and malloc_trim: from any thread, of any thread's memory, from callbacks too.
#include <gtest/gtest.h>
#include <mimalloc.h>

#include <atomic>
#include <barrier>
#include <cstddef>
#include <thread>
#include <vector>

#include "api_test_support.h"

#if defined(ASHLAR_OVERRIDE)
#include <malloc.h>
#endif

namespace {

using api_test::kKiB;
using api_test::kMiB;
using api_test::touched;

std::size_t waiting() { return api_test::memory_use().waiting; }

std::vector<void*> fill_with(std::size_t bytes, std::size_t size) {
  std::vector<void*> blocks(bytes / size);
  for (void*& block : blocks) {
    block = mi_malloc(size);
    std::memset(block, 1, size);
  }
  return blocks;
}
void free_all(const std::vector<void*>& blocks) {
  for (void* const block : blocks) {
    mi_free(block);
  }
}

// What is freed waits for ever, unless it is trimmed.
class Trim : public testing::Test {
 protected:
  Trim() : delay_(mi_option_get(mi_option_purge_delay)) {
    ashlar_trim(ASHLAR_TRIM_COLLECT);
    mi_option_set(mi_option_purge_delay, -1);
  }
  ~Trim() override { mi_option_set(mi_option_purge_delay, delay_); }

 private:
  const long delay_;
};

TEST_F(Trim, GivesBackWhatWaitsAndSaysHowMuch) {
  constexpr std::size_t kBytes = 8 * kMiB;
  free_all(fill_with(kBytes, 64 * kKiB));
  ASSERT_GE(waiting(), kBytes * 3 / 4);
  const std::size_t before = touched();
  const std::size_t bytes = ashlar_trim(ASHLAR_TRIM_WAITING);
  EXPECT_GE(bytes, kBytes * 3 / 4);
  EXPECT_LE(touched() + kBytes * 3 / 4, before);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(ashlar_trim(ASHLAR_TRIM_WAITING), 0U) << "there is nothing left";
}

TEST_F(Trim, CollectsWhatTheCallersThreadKeeps) {
  const std::vector<void*> blocks = fill_with(kMiB, 1024);
  std::thread([&blocks] { free_all(blocks); }).join();
  ashlar_trim(ASHLAR_TRIM_WAITING);
  EXPECT_NE(ashlar_trim(ASHLAR_TRIM_COLLECT), 0U) << "pages whose blocks another thread freed";
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Trim, ReachesOrphansOfThreadsThatEnded) {
  std::vector<void*> blocks;
  std::thread([&blocks] { blocks = fill_with(4 * kMiB, 512); }).join();
  free_all(blocks);
  EXPECT_GE(ashlar_trim(ASHLAR_TRIM_COLLECT), 3 * kMiB);
}

TEST_F(Trim, ReachesMemoryOfThreadsThatSleep) {
  constexpr std::size_t kBytes = 8 * kMiB;
  std::barrier<> step(2);
  std::thread sleeper([&step] {
    free_all(fill_with(kBytes, 512));
    step.arrive_and_wait();  // asleep until it was trimmed
    step.arrive_and_wait();
  });
  step.arrive_and_wait();
  EXPECT_GE(ashlar_trim(ASHLAR_TRIM_COLLECT), kBytes - kMiB);
  step.arrive_and_wait();
  sleeper.join();
}

TEST_F(Trim, AsksOtherThreadsToDoTheirPart) {
  std::barrier<> step(2);
  std::vector<void*> blocks;
  std::thread other([&] {
    blocks = fill_with(64 * kKiB, 512);  // a page or two: it stays the owner
    step.arrive_and_wait();              // 1
    step.arrive_and_wait();              // 2: freed by the test, and trimmed
    // The next request of another size takes a slow path, and with it the thread's part is done.
    mi_free(mi_malloc(20 * kKiB));
    step.arrive_and_wait();  // 3
    step.arrive_and_wait();  // 4
  });
  step.arrive_and_wait();  // 1
  free_all(blocks);
  ashlar_trim(ASHLAR_TRIM_LET_GO);
  const std::size_t before = waiting();
  step.arrive_and_wait();  // 2
  step.arrive_and_wait();  // 3
  EXPECT_GT(waiting(), before);
  EXPECT_NE(ashlar_trim(ASHLAR_TRIM_WAITING), 0U);
  step.arrive_and_wait();  // 4
  other.join();
}

TEST_F(Trim, LettingGoLeavesBlocksAsTheyAre) {
  const std::vector<void*> blocks = fill_with(kMiB, 100);
  ashlar_trim(ASHLAR_TRIM_LET_GO);
  for (void* const block : blocks) {
    for (std::size_t i = 0; i < 100; ++i) {
      ASSERT_EQ(static_cast<unsigned char*>(block)[i], 1);
    }
  }
  free_all(blocks);
}

TEST_F(Trim, TakesOtherLevelsForTheNearest) {
  free_all(fill_with(2 * kMiB, 64 * kKiB));
  EXPECT_NE(ashlar_trim(-7), 0U);
  free_all(fill_with(2 * kMiB, 64 * kKiB));
  EXPECT_NE(ashlar_trim(1000), 0U);
}

TEST_F(Trim, MayBeCalledFromADeferredFree) {
  static int calls;
  calls = 0;
  mi_register_deferred_free(
      [](bool, unsigned long long, void*) {
        ++calls;
        ashlar_trim(ASHLAR_TRIM_LET_GO);
      },
      nullptr);
  for (int round = 0; round < 10; ++round) {
    free_all(fill_with(kMiB, 300));
  }
  mi_register_deferred_free(nullptr, nullptr);
  EXPECT_GT(calls, 0);
}

TEST_F(Trim, OfManyThreadsAtOnceWhileTheyAllocate) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&stop, i] {
      unsigned seed = static_cast<unsigned>(i) + 1;
      std::vector<unsigned char*> held(200);
      while (!stop.load(std::memory_order_relaxed)) {
        seed = seed * 1664525 + 1013904223;
        unsigned char*& slot = held[seed % held.size()];
        if (slot != nullptr) {
          ASSERT_EQ(*slot, static_cast<unsigned char>(i + 1));
          mi_free(slot);
        }
        slot = static_cast<unsigned char*>(mi_malloc(seed % 5000 + 1));
        *slot = static_cast<unsigned char>(i + 1);
      }
      for (unsigned char* const block : held) {
        mi_free(block);
      }
    });
  }
  for (int round = 0; round < 200; ++round) {
    ashlar_trim(round % 3);
  }
  stop.store(true, std::memory_order_relaxed);
  for (std::thread& thread : threads) {
    thread.join();
  }
}

#if defined(ASHLAR_OVERRIDE)
TEST_F(Trim, MallocTrimSaysWhetherItGaveAnythingBack) {
  free_all(fill_with(2 * kMiB, 64 * kKiB));
  EXPECT_EQ(malloc_trim(0), 1);
  ashlar_trim(ASHLAR_TRIM_COLLECT);
  EXPECT_EQ(malloc_trim(0), 0);
}
#endif

}  // namespace
