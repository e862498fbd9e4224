// What a block can hold: usable and good sizes, expansion in place, frees that name a size, and
// the family that reports sizes with each call.
#include <gtest/gtest.h>

#include <algorithm>

#include "api_test_support.h"

namespace {

using namespace api_test;

TEST(UsableSize, IsAtLeastTheRequestAndAllOfItIsUsable) {
  for (const std::size_t size : border_sizes(2 * kMiB)) {
    const Block block(mi_malloc(size));
    const Block other(mi_malloc(size));
    const std::size_t usable = mi_usable_size(block.get());
    ASSERT_GE(usable, size);
    ASSERT_GE(mi_usable_size(other.get()), size);
    fill(other.get(), 0, mi_usable_size(other.get()), 1);
    fill(block.get(), 0, usable, 2);
    ASSERT_EQ(first_difference(other.get(), 0, mi_usable_size(other.get()), 1),
              mi_usable_size(other.get()));
    ASSERT_EQ(first_difference(block.get(), 0, usable, 2), usable);
  }
}

TEST(UsableSize, OfNullIsZero) {
  EXPECT_EQ(mi_usable_size(opaque<void*>(nullptr)), 0u);
  EXPECT_EQ(mi_malloc_usable_size(opaque<void*>(nullptr)), 0u);
  EXPECT_EQ(mi_malloc_size(opaque<void*>(nullptr)), 0u);
}

TEST(UsableSize, HasTheSameAnswerUnderEachName) {
  for (const std::size_t size : border_sizes(kMiB)) {
    const Block block(mi_malloc(size));
    EXPECT_EQ(mi_malloc_usable_size(block.get()), mi_usable_size(block.get()));
    EXPECT_EQ(mi_malloc_size(block.get()), mi_usable_size(block.get()));
  }
}

TEST(GoodSize, IsARoundingUp) {
  std::size_t previous = 0;
  for (const std::size_t size : border_sizes(std::size_t{1} << 44)) {
    const std::size_t good = mi_good_size(size);
    ASSERT_GE(good, size);
    ASSERT_GE(good, previous) << "a larger request never rounds to less";
    ASSERT_EQ(mi_good_size(good), good) << size;
    ASSERT_EQ(mi_malloc_good_size(size), good);
    previous = good;
  }
}

TEST(GoodSize, WastesAtMostAQuarterBeyondTheSmallestSizes) {
  for (std::size_t size = 64; size <= 256 * kKiB; size += 1 + size / 50) {
    EXPECT_LE(mi_good_size(size), size + size / 4 + 16) << size;
  }
}

TEST(GoodSize, NeverOverflows) {
  for (const std::size_t size :
       {kMaxDifference - 1, kMaxDifference, kMaxDifference + 1, kMaxSize}) {
    EXPECT_GE(mi_good_size(size), size);
  }
}

TEST(GoodSize, IsWhatABlockOfThatRequestHolds) {
  for (const std::size_t size : border_sizes(kMiB)) {
    if (size == 0) continue;
    const Block asked(mi_malloc(size));
    const Block rounded(mi_malloc(mi_good_size(size)));
    EXPECT_GE(mi_usable_size(rounded.get()), mi_good_size(size)) << size;
    if (!kHardened) {
      EXPECT_EQ(mi_usable_size(asked.get()), mi_good_size(size)) << size;
    }
  }
}

TEST(Expand, SucceedsWithinTheUsableSizeOnly) {
  for (const std::size_t size : border_sizes(256 * kKiB)) {
    const Block block(mi_malloc(size));
    fill(block.get(), 0, size, 1);
    const std::size_t usable = mi_usable_size(block.get());
    ErrorRecorder errors;
    errno = 0;
    for (const std::size_t to : {std::size_t{0}, size, usable}) {
      void* p = opaque(mi_expand(block.get(), to));
      void* q = opaque(mi__expand(block.get(), to));
      EXPECT_EQ(p, q);
      if (!kHardened) {
        EXPECT_EQ(p, block.get()) << size << " -> " << to;
      } else {
        EXPECT_TRUE(p == nullptr || p == block.get());
      }
    }
    // Where blocks are padded there is room beyond what is usable.
    EXPECT_EQ(opaque(mi_expand(block.get(), std::max(usable, mi_good_size(size)) + 1)), nullptr)
        << size;
    EXPECT_EQ(opaque(mi__expand(block.get(), kMaxSize)), nullptr) << size;
    EXPECT_EQ(opaque(mi_expand(opaque<void*>(nullptr), 1)), nullptr);
    EXPECT_EQ(errno, 0);
    EXPECT_TRUE(errors.take().empty());
    EXPECT_EQ(first_difference(block.get(), 0, size, 1), size);
    EXPECT_EQ(mi_usable_size(block.get()), usable);
  }
}

TEST(SizedFree, TakesTheSizeThatWasAskedForUpToTheUsableSize) {
  ErrorRecorder errors;
  for (const std::size_t size : border_sizes(kMiB)) {
    mi_free_size(opaque(mi_malloc(size)), size);
    void* p = opaque(mi_malloc(size));
    mi_free_size(p, mi_usable_size(p));
    mi_free_size_aligned(opaque(mi_malloc_aligned(size, 64)), size, 64);
    mi_free_aligned(opaque(mi_malloc_aligned(size, 64)), 64);
  }
  mi_free_size(opaque<void*>(nullptr), 8);
  mi_free_aligned(opaque<void*>(nullptr), 8);
  mi_free_size_aligned(opaque<void*>(nullptr), 8, 8);
  EXPECT_TRUE(errors.take().empty());
}

TEST(SizedFree, TakesTheNewSizeAfterAResizeInPlace) {
  ErrorRecorder errors;
  for (const std::size_t size : {std::size_t{64}, std::size_t{1000}, 30 * kKiB, 300 * kKiB}) {
    void* p = opaque(mi_malloc(size));
    p = opaque(mi_realloc(p, size - size / 4));
    ASSERT_NE(p, nullptr);
    mi_free_size(p, size - size / 4);
  }
  EXPECT_TRUE(errors.take().empty());
}

TEST(SizedFree, GivesTheMemoryBack) {
  std::vector<std::uintptr_t> first;
  std::size_t seen_again = 0;
  for (int round = 0; round < 2; ++round) {
    std::vector<void*> blocks;
    for (int i = 0; i < 1000; ++i) {
      blocks.push_back(opaque(mi_malloc_small(48)));
      const std::uintptr_t address = address_of(blocks.back());
      if (round == 0)
        first.push_back(address);
      else
        seen_again += std::count(first.begin(), first.end(), address) != 0;
    }
    for (void* p : blocks) {
      if (round == 0)
        mi_free_small(p);
      else
        mi_free_size(p, 48);
    }
  }
  EXPECT_GT(seen_again, 0u);
}

TEST(SizeReports, MatchTheUsableSize) {
  for (const std::size_t size : border_sizes(kMiB)) {
    std::size_t reported = 1;
    const Block plain(mi_umalloc(size, &reported));
    ASSERT_TRUE(plain);
    EXPECT_EQ(reported, mi_usable_size(plain.get())) << size;
    EXPECT_GE(reported, size);
    leave_dirty_blocks(size, 2);
    const Block zeroed(mi_ucalloc(1, size, &reported));
    EXPECT_EQ(reported, mi_usable_size(zeroed.get())) << size;
    EXPECT_EQ(first_nonzero(zeroed.get(), 0, size), size);
    for (const std::size_t alignment : {std::size_t{16}, std::size_t{64}, 8 * kKiB}) {
      const Block aligned(mi_umalloc_aligned(size, alignment, &reported));
      EXPECT_TRUE(is_aligned(aligned.get(), alignment));
      EXPECT_EQ(reported, mi_usable_size(aligned.get())) << size;
      const Block both(mi_uzalloc_aligned(size, alignment, &reported));
      EXPECT_TRUE(is_aligned(both.get(), alignment));
      EXPECT_EQ(reported, mi_usable_size(both.get())) << size;
      EXPECT_EQ(first_nonzero(both.get(), 0, size), size);
    }
    if (size > MI_SMALL_SIZE_MAX) continue;
    const Block small(mi_umalloc_small(size, &reported));
    EXPECT_EQ(reported, mi_usable_size(small.get())) << size;
    const Block small_zeroed(mi_uzalloc_small(size, &reported));
    EXPECT_EQ(reported, mi_usable_size(small_zeroed.get())) << size;
    EXPECT_EQ(first_nonzero(small_zeroed.get(), 0, size), size);
  }
}

TEST(SizeReports, ReallocReportsBeforeAndAfter) {
  std::size_t before = 1;
  std::size_t after = 1;
  void* p = opaque(mi_urealloc(nullptr, 100, &before, &after));
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(before, 0u);
  EXPECT_EQ(after, mi_usable_size(p));
  fill(p, 0, 100, 1);
  const std::size_t old = after;
  p = opaque(mi_urealloc(p, 5000, &before, &after));
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(before, old);
  EXPECT_EQ(after, mi_usable_size(p));
  EXPECT_EQ(first_difference(p, 0, 100, 1), 100u);
  std::size_t freed = 1;
  mi_ufree(p, &freed);
  EXPECT_EQ(freed, after);
  mi_ufree(opaque<void*>(nullptr), &freed);
  EXPECT_EQ(freed, 0u);
}

TEST(SizeReports, FailuresReportZero) {
  std::size_t reported = 1;
  EXPECT_EQ(opaque(mi_umalloc(opaque(kMaxSize), &reported)), nullptr);
  EXPECT_EQ(reported, 0u);
  reported = 1;
  EXPECT_EQ(opaque(mi_ucalloc(opaque(kMaxSize), 2, &reported)), nullptr);
  EXPECT_EQ(reported, 0u);
  const Block block(mi_malloc(100));
  std::size_t before = 1;
  reported = 1;
  EXPECT_EQ(opaque(mi_urealloc(block.get(), opaque(kMoreThanThereIs), &before, &reported)),
            nullptr);
  EXPECT_EQ(before, mi_usable_size(block.get()));
  EXPECT_EQ(reported, 0u);
}

TEST(SizeReports, NobodyHasToListen) {
  void* p = opaque(mi_umalloc(100, nullptr));
  p = opaque(mi_urealloc(p, 200, nullptr, nullptr));
  ASSERT_NE(p, nullptr);
  mi_ufree(p, nullptr);
  for (void* q :
       {mi_ucalloc(10, 10, nullptr), mi_umalloc_small(10, nullptr), mi_uzalloc_small(10, nullptr),
        mi_umalloc_aligned(100, 64, nullptr), mi_uzalloc_aligned(100, 64, nullptr)}) {
    ASSERT_NE(opaque(q), nullptr);
    mi_free(q);
  }
}

}  // namespace
