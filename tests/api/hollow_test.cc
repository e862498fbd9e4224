// What is free within pages that still have blocks in use: it goes back when asked for, and by
// itself where pages are idle; blocks and what others see of them stay as they are.
#include <gtest/gtest.h>
#include <mimalloc.h>

#include <barrier>
#include <cstddef>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "api_test_support.h"

namespace {

using api_test::kKiB;
using api_test::kMiB;
using api_test::touched;

constexpr std::size_t kHollowSize = 512;

// So many bytes of blocks of which then all are freed but the first of each 64 KiB.
std::vector<void*> leave_few(std::size_t bytes) {
  std::vector<void*> blocks(bytes / kHollowSize);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    blocks[i] = mi_malloc(kHollowSize);
    api_test::fill(blocks[i], 0, kHollowSize, static_cast<unsigned>(i));
  }
  constexpr std::size_t kKept = 64 * kKiB / kHollowSize;
  std::vector<void*> kept;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i % kKept == 0) {
      kept.push_back(blocks[i]);
    } else {
      mi_free(blocks[i]);
    }
  }
  return kept;
}

void check_and_free(const std::vector<void*>& kept) {
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const auto seed = static_cast<unsigned>(i * (64 * kKiB / kHollowSize));
    EXPECT_EQ(api_test::first_difference(kept[i], 0, kHollowSize, seed), kHollowSize);
    mi_free(kept[i]);
  }
}

TEST(Hollow, TrimReachesWhatIsFreeInPagesInUse) {
  ashlar_trim(ASHLAR_TRIM_COLLECT);
  const std::vector<void*> kept = leave_few(16 * kMiB);
  ashlar_trim(ASHLAR_TRIM_WAITING);
  const std::size_t before = touched();
  const std::size_t bytes = ashlar_trim(ASHLAR_TRIM_COLLECT);
  EXPECT_GE(bytes, 14 * kMiB);
  EXPECT_LE(touched() + 14 * kMiB, before);
  check_and_free(kept);
}

TEST(Hollow, ACollectionByForceDoesToo) {
  const std::vector<void*> kept = leave_few(8 * kMiB);
  const std::size_t before = touched();
  mi_collect(true);
  EXPECT_LE(touched() + 7 * kMiB, before);
  check_and_free(kept);
}

TEST(Hollow, OrphansAreReachedToo) {
  std::vector<void*> kept;
  std::thread([&kept] { kept = leave_few(16 * kMiB); }).join();
  const std::size_t before = touched();
  EXPECT_GE(ashlar_trim(ASHLAR_TRIM_COLLECT), 14 * kMiB);
  EXPECT_LE(touched() + 14 * kMiB, before);
  check_and_free(kept);
}

TEST(Hollow, BlocksAreHandedOutAgainOnceEach) {
  const std::vector<void*> kept = leave_few(4 * kMiB);
  ashlar_trim(ASHLAR_TRIM_COLLECT);
  std::vector<void*> blocks(8 * kMiB / kHollowSize);
  std::set<void*> seen(kept.begin(), kept.end());
  for (void*& block : blocks) {
    block = mi_malloc(kHollowSize);
    EXPECT_TRUE(seen.insert(block).second);
    std::memset(block, 0xAA, kHollowSize);
  }
  for (void* const block : blocks) {
    mi_free(block);
  }
  check_and_free(kept);
}

TEST(Hollow, ZeroedBlocksFromThemAreZero) {
  const std::vector<void*> kept = leave_few(4 * kMiB);
  ashlar_trim(ASHLAR_TRIM_COLLECT);
  std::vector<void*> blocks(4 * kMiB / kHollowSize);
  for (void*& block : blocks) {
    block = mi_calloc(1, kHollowSize);
    for (std::size_t i = 0; i < kHollowSize; ++i) {
      ASSERT_EQ(static_cast<unsigned char*>(block)[i], 0);
    }
  }
  for (void* const block : blocks) {
    mi_free(block);
  }
  check_and_free(kept);
}

TEST(Hollow, AVisitShowsTheBlocksInUseAlone) {
  mi_heap_t* const heap = mi_heap_new();
  std::set<const void*> live;
  for (int i = 0; i < 20000; ++i) {
    void* const block = mi_heap_malloc(heap, 300);
    if (i % 500 == 0) {
      live.insert(block);
    } else {
      live.insert(block);
      if (live.size() > 200) {
        mi_free(const_cast<void*>(*live.begin()));
        live.erase(live.begin());
      }
    }
  }
  mi_heap_collect(heap, true);
  std::set<const void*> shown;
  mi_heap_visit_blocks(
      heap, true,
      [](const mi_heap_t*, const mi_heap_area_t*, void* block, size_t, void* arg) {
        if (block != nullptr) {
          static_cast<std::set<const void*>*>(arg)->insert(block);
        }
        return true;
      },
      &shown);
  EXPECT_EQ(shown, live);
  mi_heap_destroy(heap);
}

// While a thread allocates other sizes, the pages that it left alone go back by themselves.
class IdlePages : public testing::Test {
 protected:
  IdlePages() : interval_(mi_option_get(mi_option_generic_collect)) {
    mi_option_set(mi_option_generic_collect, 100);
  }
  ~IdlePages() override {
    mi_option_set(mi_option_generic_collect, interval_);
    mi_option_set(mi_option_hollow_pages, 1);
  }

  // Bytes touched less after a thread has gone on with blocks of other sizes: until it is `enough`,
  // or for so many rounds.
  static std::ptrdiff_t given_back(std::size_t enough, int rounds) {
    std::ptrdiff_t given = 0;
    // A thread of its own, whose pages nobody looked at yet.
    std::thread([&given, enough, rounds] {
      const std::vector<void*> kept = leave_few(16 * kMiB);
      const std::size_t before = touched();
      for (int round = 0; round < rounds && given < static_cast<std::ptrdiff_t>(enough); ++round) {
        std::vector<void*> others(200);
        for (void*& other : others) {
          other = mi_malloc(20 * kKiB);
        }
        for (void* const other : others) {
          mi_free(other);
        }
        // Between two looks there is a pause.
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        given = static_cast<std::ptrdiff_t>(before) - static_cast<std::ptrdiff_t>(touched());
      }
      check_and_free(kept);
    }).join();
    return given;
  }

 private:
  const long interval_;
};

TEST_F(IdlePages, GoBackByThemselves) {
  EXPECT_GE(given_back(8 * kMiB, 600), static_cast<std::ptrdiff_t>(8 * kMiB));
}

TEST_F(IdlePages, StayWhereTheOptionSaysSo) {
  mi_option_set(mi_option_hollow_pages, 0);
  EXPECT_LE(given_back(8 * kMiB, 30), static_cast<std::ptrdiff_t>(4 * kMiB));
}

TEST(Hollow, WhileOtherThreadsFreeIntoThePages) {
  constexpr int kThreads = 3;
  constexpr int kRounds = 50;
  std::vector<std::vector<void*>> handed(kThreads);
  std::barrier<> step(kThreads + 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < kRounds; ++round) {
        step.arrive_and_wait();  // there are blocks
        for (void* const block : handed[static_cast<std::size_t>(t)]) {
          mi_free(block);
        }
        step.arrive_and_wait();
      }
    });
  }
  std::vector<void*> kept;
  for (int round = 0; round < kRounds; ++round) {
    for (std::vector<void*>& blocks : handed) {
      blocks.clear();
    }
    for (int i = 0; i < 6000; ++i) {
      void* const block = mi_malloc(200);
      api_test::fill(block, 0, 200, 7);
      if (i % 97 == 0) {
        kept.push_back(block);
      } else {
        handed[static_cast<std::size_t>(i / 100 % kThreads)].push_back(block);
      }
    }
    step.arrive_and_wait();
    for (int i = 0; i < 5; ++i) {
      ashlar_trim(ASHLAR_TRIM_COLLECT);
    }
    step.arrive_and_wait();
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (void* const block : kept) {
    EXPECT_EQ(api_test::first_difference(block, 0, 200, 7), 200U);
    mi_free(block);
  }
}

}  // namespace
