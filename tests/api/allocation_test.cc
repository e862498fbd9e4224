// malloc, zalloc, calloc, mallocn and the small forms: what a block is, and how a request fails.
// Resizing, alignment and zeroing after reuse have files of their own.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "api_test_support.h"

namespace {

using namespace api_test;

TEST(Allocation, EveryByteOfABlockIsUsable) {
  for (const std::size_t size : border_sizes(8 * kMiB)) {
    const Block block(mi_malloc(size));
    ASSERT_TRUE(block) << size;
    fill(block.get(), 0, size, 3);
    ASSERT_EQ(first_difference(block.get(), 0, size, 3), size);
  }
}

TEST(Allocation, LiveBlocksDoNotOverlap) {
  const std::vector<std::size_t> sizes = border_sizes(256 * kKiB);
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    blocks.emplace_back(mi_malloc(sizes[i]));
    ASSERT_TRUE(blocks.back()) << sizes[i];
    fill(blocks[i].get(), 0, sizes[i], static_cast<unsigned>(i));
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(first_difference(blocks[i].get(), 0, sizes[i], static_cast<unsigned>(i)), sizes[i]);
  }
}

TEST(Allocation, BlocksAreAlignedTo16AndSmallestOnesTo8) {
  for (const std::size_t size : border_sizes(4 * kMiB)) {
    const Block first(mi_malloc(size));
    const Block second(mi_zalloc(size));
    const std::size_t alignment = size >= 16 ? 16 : 8;
    EXPECT_TRUE(is_aligned(first.get(), alignment)) << size;
    EXPECT_TRUE(is_aligned(second.get(), alignment)) << size;
  }
}

TEST(Allocation, ZeroBytesGiveUniqueBlocks) {
  std::set<void*> seen;
  std::vector<Block> blocks;
  for (int i = 0; i < 300; ++i) {
    blocks.emplace_back(mi_malloc(0));
    ASSERT_TRUE(blocks.back());
    EXPECT_TRUE(seen.insert(blocks.back().get()).second);
  }
  for (void* p : {mi_zalloc(0), mi_calloc(0, 8), mi_calloc(8, 0), mi_mallocn(0, 0),
                  mi_malloc_small(0), mi_zalloc_small(0)}) {
    blocks.emplace_back(p);
    ASSERT_TRUE(blocks.back());
    EXPECT_TRUE(seen.insert(blocks.back().get()).second);
  }
}

TEST(Allocation, SmallFormsServeEverySmallSize) {
  for (std::size_t size = 0; size <= MI_SMALL_SIZE_MAX; ++size) {
    const Block plain(mi_malloc_small(size));
    ASSERT_TRUE(plain) << size;
    std::memset(plain.get(), 0xff, size);
    const Block zeroed(mi_zalloc_small(size));
    ASSERT_TRUE(zeroed) << size;
    EXPECT_EQ(first_nonzero(zeroed.get(), 0, size), size);
    EXPECT_GE(mi_usable_size(plain.get()), size);
  }
}

TEST(Allocation, ZallocAndCallocAreZeroOnReusedMemory) {
  for (const std::size_t size : border_sizes(4 * kMiB)) {
    leave_dirty_blocks(size, 3);
    const Block zeroed(mi_zalloc(size));
    const Block counted(mi_calloc(1, size));
    ASSERT_TRUE(zeroed && counted) << size;
    EXPECT_EQ(first_nonzero(zeroed.get(), 0, size), size);
    EXPECT_EQ(first_nonzero(counted.get(), 0, size), size);
  }
}

TEST(Allocation, CallocMultiplies) {
  leave_dirty_blocks(7 * 13);
  const Block block(mi_calloc(7, 13));
  ASSERT_TRUE(block);
  EXPECT_GE(mi_usable_size(block.get()), 7u * 13u);
  EXPECT_EQ(first_nonzero(block.get(), 0, 7 * 13), 7u * 13u);
}

TEST(Allocation, MallocnMultiplies) {
  const Block block(mi_mallocn(100, 100));
  ASSERT_TRUE(block);
  EXPECT_GE(mi_usable_size(block.get()), 10000u);
  fill(block.get(), 0, 10000, 1);
  EXPECT_EQ(first_difference(block.get(), 0, 10000, 1), 10000u);
}

TEST(Allocation, TypedHelpersSizeByType) {
  struct Item {
    long values[5];
  };
  Item* one = mi_malloc_tp(Item);
  Item* zeroed = mi_zalloc_tp(Item);
  Item* counted = mi_calloc_tp(Item, 9);
  Item* several = mi_mallocn_tp(Item, 9);
  ASSERT_TRUE(one && zeroed && counted && several);
  EXPECT_GE(mi_usable_size(one), sizeof(Item));
  EXPECT_EQ(first_nonzero(zeroed, 0, sizeof(Item)), sizeof(Item));
  EXPECT_EQ(first_nonzero(counted, 0, 9 * sizeof(Item)), 9 * sizeof(Item));
  EXPECT_GE(mi_usable_size(several), 9 * sizeof(Item));
  several[8].values[4] = 77;
  several = mi_reallocn_tp(Item, several, 90);
  ASSERT_NE(several, nullptr);
  EXPECT_EQ(several[8].values[4], 77);
  counted = mi_recalloc_tp(Item, counted, 90);
  ASSERT_NE(counted, nullptr);
  EXPECT_EQ(first_nonzero(counted, 0, 90 * sizeof(Item)), 90 * sizeof(Item));
  for (void* p : {one, zeroed, counted, several}) mi_free(p);
}

TEST(Allocation, SuccessAndFreeLeaveErrnoAlone) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{100}, 100 * kKiB, 64 * kMiB}) {
    errno = ERANGE;
    void* p = opaque(mi_malloc(size));
    EXPECT_EQ(errno, ERANGE) << size;
    ASSERT_NE(p, nullptr);
    mi_free(p);
    EXPECT_EQ(errno, ERANGE) << size;
  }
}

TEST(Allocation, FreeOfNullDoesNothing) {
  ErrorRecorder errors;
  mi_free(opaque<void*>(nullptr));
  mi_free_small(opaque<void*>(nullptr));
  mi_cfree(opaque<void*>(nullptr));
  EXPECT_TRUE(errors.take().empty());
}

// A request that fails: what is called, and the error code that the error function must hear.
struct Failure {
  const char* name;
  void* (*call)();
  int error;
};

class FailedAllocation : public testing::TestWithParam<Failure> {};

TEST_P(FailedAllocation, GivesNullAndEnomemAndTellsTheErrorFunction) {
  ErrorRecorder errors;
  errno = 0;
  void* p = opaque(GetParam().call());
  EXPECT_EQ(errno, ENOMEM);
  EXPECT_EQ(p, nullptr);
  EXPECT_EQ(errors.take(), std::vector<int>{GetParam().error});
  mi_free(p);
}

// The sizes pass through opaque() so that no compiler sees a request it knows to be too large.
const Failure kFailures[] = {
    {"malloc_all", [] { return mi_malloc(opaque(kMaxSize)); }, EOVERFLOW},
    {"malloc_over", [] { return mi_malloc(opaque(kMaxDifference + 1)); }, EOVERFLOW},
    {"malloc_big", [] { return mi_malloc(opaque(kMoreThanThereIs)); }, ENOMEM},
    {"zalloc_over", [] { return mi_zalloc(opaque(kMaxDifference + 1)); }, EOVERFLOW},
    {"zalloc_big", [] { return mi_zalloc(opaque(kMoreThanThereIs)); }, ENOMEM},
    {"calloc_product", [] { return mi_calloc(opaque(kMaxSize / 2), 3); }, EOVERFLOW},
    {"calloc_over", [] { return mi_calloc(opaque(kMaxDifference / 2 + 1), 2); }, EOVERFLOW},
    {"calloc_big", [] { return mi_calloc(opaque(kMoreThanThereIs / 2), 2); }, ENOMEM},
    {"mallocn_product", [] { return mi_mallocn(opaque(kMaxSize / 2), 3); }, EOVERFLOW},
    {"mallocn_both_large",
     [] { return mi_mallocn(opaque(std::size_t{1} << 32), opaque(std::size_t{1} << 32)); },
     EOVERFLOW},
    {"realloc_over", [] { return mi_realloc(nullptr, opaque(kMaxDifference + 1)); }, EOVERFLOW},
    {"realloc_big", [] { return mi_realloc(nullptr, opaque(kMoreThanThereIs)); }, ENOMEM},
    {"reallocn_product", [] { return mi_reallocn(nullptr, opaque(kMaxSize), 2); }, EOVERFLOW},
    {"reallocarray_product", [] { return mi_reallocarray(nullptr, opaque(kMaxSize), 2); },
     EOVERFLOW},
    {"recalloc_product", [] { return mi_recalloc(nullptr, opaque(kMaxSize), 2); }, EOVERFLOW},
    {"aligned_over", [] { return mi_malloc_aligned(opaque(kMaxDifference + 1), 64); }, EOVERFLOW},
    {"aligned_big", [] { return mi_malloc_aligned(opaque(kMoreThanThereIs), 64); }, ENOMEM},
    {"zalloc_aligned_big", [] { return mi_zalloc_aligned(opaque(kMoreThanThereIs), 4096); },
     ENOMEM},
    {"calloc_aligned_product", [] { return mi_calloc_aligned(opaque(kMaxSize), 2, 64); },
     EOVERFLOW},
    {"recalloc_aligned_product",
     [] { return mi_recalloc_aligned(nullptr, opaque(kMaxSize), 2, 64); }, EOVERFLOW},
    {"aligned_recalloc_product",
     [] { return mi_aligned_recalloc(nullptr, opaque(kMaxSize), 2, 64); }, EOVERFLOW},
    {"memalign_big", [] { return mi_memalign(64, opaque(kMoreThanThereIs)); }, ENOMEM},
    {"aligned_alloc_over", [] { return mi_aligned_alloc(64, opaque(kMaxSize)); }, EOVERFLOW},
    {"valloc_big", [] { return mi_valloc(opaque(kMoreThanThereIs)); }, ENOMEM},
    {"pvalloc_all", [] { return mi_pvalloc(opaque(kMaxSize)); }, EOVERFLOW},
    {"new_nothrow_over", [] { return mi_new_nothrow(opaque(kMaxSize)); }, EOVERFLOW},
    {"new_aligned_nothrow_big", [] { return mi_new_aligned_nothrow(opaque(kMoreThanThereIs), 64); },
     ENOMEM},
};

INSTANTIATE_TEST_SUITE_P(Calls, FailedAllocation, testing::ValuesIn(kFailures),
                         [](const testing::TestParamInfo<Failure>& failure) {
                           return std::string(failure.param.name);
                         });

TEST(Allocation, AFailureLosesNothing) {
  const Block before(mi_malloc(1000));
  fill(before.get(), 0, 1000, 9);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(opaque(mi_malloc(opaque(kMoreThanThereIs))), nullptr);
    const Block after(mi_malloc(1000));
    ASSERT_TRUE(after);
    fill(after.get(), 0, 1000, 10);
  }
  EXPECT_EQ(first_difference(before.get(), 0, 1000, 9), 1000u);
}

}  // namespace
