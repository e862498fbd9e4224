// Size classes, exhaustively: every request up to the largest block.
#include "page/size_class.h"

#include <gtest/gtest.h>

#include <cstddef>

namespace ashlar {
namespace {

TEST(SizeClass, EveryRequestFitsItsClassAndNoSmallerOne) {
  for (std::size_t size = 0; size <= kMediumBlockMax; ++size) {
    const SizeClass size_class = size_class_of(size);
    ASSERT_LT(size_class, kSizeClassCount) << size;
    ASSERT_GE(block_size_of(size_class), size);
    if (size_class != 0) {
      ASSERT_LT(block_size_of(size_class - 1), size);
    }
  }
}

template <unsigned kPerDoubling>
void expect_smallest_class_that_fits() {
  for (std::size_t size = 0; size <= kMediumBlockMax; ++size) {
    const SizeClass size_class = size_class_of<kPerDoubling>(size);
    ASSERT_GE(detail::compute_block_size<kPerDoubling>(size_class), size);
    if (size_class != 0) {
      ASSERT_LT(detail::compute_block_size<kPerDoubling>(size_class - 1), size);
    }
  }
}

// What docs/size-classes.md compares.
TEST(SizeClass, BothNumbersOfClassesADoublingServeEveryRequest) {
  expect_smallest_class_that_fits<4>();
  expect_smallest_class_that_fits<8>();
}

TEST(SizeClass, RoundingUpLosesAtMostItsShareAboveTheLinearClasses) {
  for (std::size_t size = kLinearClassMax + 1; size <= kMediumBlockMax; ++size) {
    const std::size_t block = block_size_of(size_class_of(size));
    ASSERT_LT((block - size) * (kActive.classes_per_doubling + 1), block) << size;
  }
}

TEST(SizeClass, RoundingUpLosesLessThanTheAlignmentInTheLinearClasses) {
  for (std::size_t size = 1; size <= kLinearClassMax; ++size) {
    ASSERT_LT(block_size_of(size_class_of(size)) - size, kBlockAlignment) << size;
  }
}

TEST(SizeClass, BlocksOfSixteenBytesAndMoreAreAligned) {
  EXPECT_EQ(block_size_of(0), kWordSize);
  for (SizeClass c = 1; c < kSizeClassCount; ++c) {
    EXPECT_EQ(block_size_of(c) % kBlockAlignment, 0u) << block_size_of(c);
  }
}

TEST(SizeClass, PowersOfTwoAreClasses) {
  for (std::size_t size = kWordSize; size <= kMediumBlockMax; size *= 2) {
    EXPECT_EQ(block_size_of(size_class_of(size)), size);
  }
}

TEST(SizeClass, SizesRiseAndADoublingHasAsManyClassesAsThePolicySays) {
  for (SizeClass c = 1; c < kSizeClassCount; ++c) {
    EXPECT_LT(block_size_of(c - 1), block_size_of(c));
  }
  for (std::size_t size = kLinearClassMax; size < kMediumBlockMax; size *= 2) {
    EXPECT_EQ(size_class_of(2 * size) - size_class_of(size), kActive.classes_per_doubling);
  }
}

TEST(SizeClass, APageHoldsAtLeastEightBlocksAndWastesLittle) {
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    const std::size_t bytes = page_slices_of(c).value * kSliceSize;
    const std::size_t block = block_size_of(c);
    EXPECT_GE(bytes / block, 8u) << block;
    EXPECT_LT((bytes % block) * 8, bytes) << block;
  }
}

TEST(SizeClass, PagesGrowWithTheirBlocks) {
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    const std::size_t size = block_size_of(c);
    EXPECT_EQ(page_slices_of(c), size <= kSmallBlockMax ? kSmallPageSlices : kMediumPageSlices)
        << size;
  }
}

}  // namespace
}  // namespace ashlar
