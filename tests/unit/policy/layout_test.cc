// The layout against what stands outside it: the C interface, the standard, the processor.
#include "policy/layout.h"

#include <gtest/gtest.h>

#include <cstddef>

#include "mimalloc.h"

namespace ashlar {
namespace {

TEST(Layout, TheDirectTableCoversWhatTheSmallCallsMayAskFor) {
  EXPECT_EQ(kDirectWords, std::size_t{MI_SMALL_WSIZE_MAX});
  EXPECT_EQ(kDirectMax, MI_SMALL_SIZE_MAX);
}

TEST(Layout, BlocksSuitEveryOrdinaryObject) {
  EXPECT_GE(kBlockAlignment, alignof(std::max_align_t));
  EXPECT_GE(kBlockAlignment, std::size_t{__STDCPP_DEFAULT_NEW_ALIGNMENT__});
}

TEST(Layout, LimitsOfPagesFollowEachOther) {
  EXPECT_LT(kDirectMax, kSmallBlockMax);
  EXPECT_LT(kSmallBlockMax, kMediumBlockMax);
  EXPECT_LT(kMediumBlockMax, kArenaPlainMax);
  EXPECT_LE(kArenaPlainMax, kArenaBlockMax);
  EXPECT_LT(kArenaBlockMax, kRequestMax);
}

TEST(Layout, AnArenaOfAnySizeHoldsItsLargestBlocksAndItsMetadata) {
  for (const std::size_t size : {kArenaMinSize, kArenaDefaultSize, kArenaMaxSize}) {
    const std::size_t slices = size / kSliceSize;
    EXPECT_LT(slices * kPageEntrySize, size / 64) << "metadata takes more than a 64th of " << size;
    EXPECT_EQ(size % kArenaAlignment, 0u);
  }
  EXPECT_LE(kArenaBlockMax, kArenaDefaultSize);
}

TEST(Layout, RequestsEndWherePointerDifferencesDo) {
  EXPECT_EQ(kRequestMax, std::size_t{PTRDIFF_MAX});
  EXPECT_GT(align_up(kRequestMax, kArenaAlignment), kRequestMax) << "rounding must not wrap";
}

TEST(Layout, HintsLieInTheLowerHalfOfTheAddressSpace) {
  const std::uintptr_t highest = kHintStart + (kHintStep << kHintRandomBits);
  EXPECT_LE(highest + kArenaMaxSize, kHintEnd);
  EXPECT_LT(kHintEnd, std::uintptr_t{1} << 47);
  EXPECT_EQ(kHintStart % kArenaAlignment, 0u);
  EXPECT_EQ(kHintStep % kArenaAlignment, 0u);
}

TEST(Layout, MetadataEntriesAreWholeCacheLines) { EXPECT_EQ(kPageEntrySize % kLinePair, 0u); }

}  // namespace
}  // namespace ashlar
