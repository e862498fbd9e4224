// Guarded blocks as programs see them: everything works as with other blocks. Each test is a
// process of its own, since calls stay slow once blocks are guarded often. What is said of programs
// that break them is tested in tests/misuse.
#include <gtest/gtest.h>
#include <mimalloc-stats.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <set>
#include <thread>
#include <vector>

#include "api_test_support.h"

namespace {

using namespace api_test;

// Runs a body in a child, where it may change what it likes.
template <class Body>
void in_child(Body body) {
  std::fflush(nullptr);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    body();
    std::fflush(nullptr);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
}

std::int64_t guarded_of(mi_heap_t* heap) {
  mi_stats_t stats{};
  stats.size = sizeof stats;
  stats.version = MI_STAT_VERSION;
  EXPECT_TRUE(mi_heap_stats_get(heap, &stats));
  return stats.malloc_guarded_count.total;
}

// A heap all of whose blocks are guarded.
mi_heap_t* guarded_heap() {
  mi_heap_t* const heap = mi_heap_new();
  mi_heap_guarded_set_sample_rate(heap, 1, 1);
  return heap;
}

TEST(Guards, EachBlockOfAHeapThatAsksForIt) {
  in_child([] {
    mi_heap_t* const heap = guarded_heap();
    for (std::size_t size = 0; size <= 32 * kKiB; size = size * 5 / 4 + 1) {
      void* const p = opaque(mi_heap_malloc(heap, size));
      ASSERT_NE(p, nullptr);
      EXPECT_TRUE(is_aligned(p, size > 8 ? 16 : 8));
      EXPECT_EQ(mi_usable_size(p), size == 0 ? 1 : size);
      EXPECT_EQ(mi_heap_of(p), heap);
      EXPECT_TRUE(mi_heap_contains(heap, p));
      EXPECT_TRUE(mi_is_in_heap_region(p));
      std::memset(p, 1, size);
      mi_free(p);
      EXPECT_EQ(mi_heap_of(p), nullptr);
    }
    EXPECT_GE(guarded_of(heap), 30);
    mi_heap_t* const other = mi_heap_new();
    mi_free(mi_heap_malloc(other, 100));
    EXPECT_EQ(guarded_of(other), 0);
  });
}

TEST(Guards, OneInSoManyIsGuarded) {
  in_child([] {
    for (const std::size_t rate : {10u, 100u}) {
      mi_heap_t* const heap = mi_heap_new();
      mi_heap_guarded_set_sample_rate(heap, rate, 7);
      constexpr std::size_t kBlocks = 20'000;
      for (std::size_t i = 0; i < kBlocks; ++i) mi_free(opaque(mi_heap_malloc(heap, 24)));
      const auto expected = static_cast<double>(kBlocks) / static_cast<double>(rate);
      EXPECT_NEAR(static_cast<double>(guarded_of(heap)), expected, expected / 5);
    }
  });
}

// Not every call is looked at, and yet so many are guarded.
TEST(Guards, SeldomOnesAreSampledOnSlowPathsOnly) {
  in_child([] {
    mi_heap_t* const heap = mi_heap_new();
    mi_heap_guarded_set_sample_rate(heap, 5000, 7);
    constexpr std::size_t kBlocks = 2'000'000;
    for (std::size_t i = 0; i < kBlocks; ++i) mi_free(opaque(mi_heap_malloc(heap, 24)));
    EXPECT_NEAR(static_cast<double>(guarded_of(heap)), kBlocks / 5000.0, kBlocks / 5000.0 / 5);
  });
}

TEST(Guards, TheSeedSaysWhichOnes) {
  const auto count_after = [](std::size_t seed, std::vector<std::int64_t>* counts) {
    mi_heap_t* const heap = mi_heap_new();
    mi_heap_guarded_set_sample_rate(heap, 20, seed);
    for (int i = 0; i < 200; ++i) {
      mi_free(opaque(mi_heap_malloc(heap, 24)));
      counts->push_back(guarded_of(heap));
    }
  };
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::vector<std::int64_t> seen[3];
  const std::size_t seeds[] = {1, 1, 2};
  for (int run = 0; run < 3; ++run) {
    in_child([&] {
      std::vector<std::int64_t> counts;
      count_after(seeds[run], &counts);
      const std::size_t bytes = counts.size() * sizeof counts[0];
      EXPECT_EQ(write(ends[1], counts.data(), bytes), static_cast<ssize_t>(bytes));
    });
    seen[run].resize(200);
    const std::size_t bytes = 200 * sizeof(std::int64_t);
    ASSERT_EQ(read(ends[0], seen[run].data(), bytes), static_cast<ssize_t>(bytes));
  }
  close(ends[0]);
  close(ends[1]);
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_NE(seen[0], seen[2]);
}

TEST(Guards, SizesOutOfBoundsAreNotGuarded) {
  in_child([] {
    mi_heap_t* const heap = guarded_heap();
    mi_heap_guarded_set_size_bound(heap, 100, 200);
    mi_free(mi_heap_malloc(heap, 99));
    mi_free(mi_heap_malloc(heap, 201));
    EXPECT_EQ(guarded_of(heap), 0);
    mi_free(mi_heap_malloc(heap, 100));
    mi_free(mi_heap_malloc(heap, 200));
    EXPECT_EQ(guarded_of(heap), 2);
    mi_heap_guarded_set_sample_rate(heap, 0, 0);
    mi_free(mi_heap_malloc(heap, 100));
    EXPECT_EQ(guarded_of(heap), 2);
    mi_theap_guarded_set_sample_rate(mi_heap_theap(heap), 1, 0);
    mi_theap_guarded_set_size_bound(mi_heap_theap(heap), 10, 20);
    mi_free(mi_heap_malloc(heap, 15));
    EXPECT_EQ(guarded_of(heap), 3);
  });
}

// For all heaps of which the program said nothing.
TEST(Guards, ByOptions) {
  in_child([] {
    mi_heap_t* const heap = mi_heap_new();
    mi_option_set(mi_option_guarded_min, 50);
    mi_option_set(mi_option_guarded_sample_rate, 1);
    mi_free(opaque(mi_heap_malloc(heap, 49)));
    EXPECT_EQ(guarded_of(heap), 0);
    void* const p = opaque(mi_heap_malloc(heap, 61));
    EXPECT_EQ(mi_usable_size(p), 61u);
    mi_free(p);
    EXPECT_EQ(guarded_of(heap), 1);
    mi_option_set(mi_option_guarded_sample_rate, 0);
    mi_free(opaque(mi_heap_malloc(heap, 61)));
    EXPECT_EQ(guarded_of(heap), 1);
  });
}

TEST(Guards, ZeroedBlocksAreZeroAlsoWhenSlotsAreUsedAgain) {
  in_child([] {
    mi_option_set(mi_option_guarded_pool, 16);
    mi_heap_t* const heap = guarded_heap();
    for (int i = 0; i < 200; ++i) {
      const std::size_t size = 1 + static_cast<std::size_t>(i) * 37 % 5000;
      auto* const p = static_cast<unsigned char*>(opaque(mi_heap_zalloc(heap, size)));
      for (std::size_t at = 0; at < size; ++at) ASSERT_EQ(p[at], 0);
      std::memset(p, 0xff, size);
      mi_free(p);
    }
    EXPECT_EQ(guarded_of(heap), 200);
  });
}

TEST(Guards, AlignedBlocks) {
  in_child([] {
    mi_heap_t* const heap = guarded_heap();
    for (std::size_t alignment = 1; alignment <= 64 * kKiB; alignment *= 2) {
      for (const std::size_t size : {1u, 7u, 100u, 4000u, 9000u, 40000u}) {
        auto* const p =
            static_cast<unsigned char*>(opaque(mi_heap_zalloc_aligned(heap, size, alignment)));
        ASSERT_NE(p, nullptr);
        EXPECT_TRUE(is_aligned(p, alignment)) << alignment << " " << size;
        EXPECT_GE(mi_usable_size(p), size);
        for (std::size_t at = 0; at < size; ++at) ASSERT_EQ(p[at], 0);
        std::memset(p, 1, size);
        mi_free(p);
        void* const shifted = opaque(mi_heap_malloc_aligned_at(heap, size, alignment, 8));
        EXPECT_TRUE(is_aligned(shifted, alignment, 8));
        std::memset(shifted, 1, size);
        mi_free(shifted);
      }
    }
    EXPECT_GT(guarded_of(heap), 50);
  });
}

TEST(Guards, ReallocKeepsContents) {
  in_child([] {
    mi_heap_t* const heap = guarded_heap();
    auto* p = static_cast<unsigned char*>(opaque(mi_heap_malloc(heap, 1)));
    p[0] = 0;
    std::size_t held = 1;
    for (const std::size_t size :
         {2u, 100u, 99u, 5000u, 32768u, 40000u, 200000u, 32768u, 10u, 70000u, 3u}) {
      p = static_cast<unsigned char*>(opaque(mi_heap_realloc(heap, p, size)));
      ASSERT_NE(p, nullptr);
      for (std::size_t i = 0; i < size; ++i) {
        if (i < held) {
          ASSERT_EQ(p[i], static_cast<unsigned char>(i)) << size << " " << i;
        }
        p[i] = static_cast<unsigned char>(i);
      }
      held = size;
    }
    mi_free(p);
  });
}

TEST(Guards, APoolThatIsUsedUpIsNoFailure) {
  in_child([] {
    mi_option_set(mi_option_guarded_pool, 16);
    mi_heap_t* const heap = guarded_heap();
    std::set<void*> blocks;
    for (int i = 0; i < 1000; ++i) {
      void* const p = opaque(mi_heap_malloc(heap, 50));
      ASSERT_NE(p, nullptr);
      EXPECT_TRUE(blocks.insert(p).second);
    }
    EXPECT_EQ(guarded_of(heap), 16);
    for (void* const p : blocks) mi_free(p);
    mi_free(mi_heap_malloc(heap, 50));
    EXPECT_EQ(guarded_of(heap), 17);
  });
}

TEST(Guards, VisitsDeletionAndDestruction) {
  in_child([] {
    mi_heap_t* const heap = guarded_heap();
    std::set<void*> blocks;
    for (int i = 0; i < 20; ++i) blocks.insert(mi_heap_malloc(heap, 24));
    const auto visit = [](const mi_heap_t*, const mi_heap_area_t*, void* block, std::size_t size,
                          void* arg) {
      if (block != nullptr) {
        EXPECT_EQ(size, 24u);
        EXPECT_EQ(static_cast<std::set<void*>*>(arg)->erase(block), 1u);
      }
      return true;
    };
    std::set<void*> left = blocks;
    EXPECT_TRUE(mi_heap_visit_blocks(heap, true, visit, &left));
    EXPECT_TRUE(left.empty());
    mi_heap_delete(heap);
    for (void* const p : blocks) {
      EXPECT_EQ(mi_heap_of(p), mi_heap_main());
      mi_free(p);
    }
    mi_heap_t* const doomed = guarded_heap();
    std::vector<void*> gone;
    for (int i = 0; i < 20; ++i) gone.push_back(mi_heap_malloc(doomed, 24));
    mi_heap_destroy(doomed);
    for (void* const p : gone) EXPECT_EQ(mi_heap_of(p), nullptr);
  });
}

TEST(Guards, OtherThreadsFreeThem) {
  in_child([] {
    mi_heap_t* const heap = guarded_heap();
    for (int round = 0; round < 20; ++round) {
      std::vector<void*> blocks;
      for (int i = 0; i < 50; ++i) blocks.push_back(mi_heap_malloc(heap, 100));
      std::vector<std::thread> threads;
      for (std::size_t t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
          for (std::size_t i = t; i < blocks.size(); i += 4) {
            mi_free(blocks[i]);
            mi_free(mi_heap_malloc(heap, 200));
          }
        });
      }
      for (std::thread& thread : threads) thread.join();
    }
    EXPECT_EQ(guarded_of(heap), 2000);
  });
}

TEST(Guards, MemoryComesBackWhenTheyAreFreed) {
  in_child([] {
    mi_heap_t* const heap = guarded_heap();
    mi_free(mi_heap_malloc(heap, 100));
    std::vector<void*> blocks;
    const std::size_t before = touched();
    for (int i = 0; i < 100; ++i) blocks.push_back(mi_heap_malloc(heap, 5000));
    const std::size_t held = touched();
    EXPECT_GE(held, before + 100 * 8 * kKiB);
    for (void* const p : blocks) mi_free(p);
    EXPECT_LE(touched(), held - 100 * 8 * kKiB);
  });
}

}  // namespace
