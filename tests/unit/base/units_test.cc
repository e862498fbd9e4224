// Slice arithmetic, and that the types keep apart what must not be mixed up.
#include "base/units.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace ashlar {
namespace {

TEST(Units, ARunEndsBehindItsLastSlice) {
  const SliceRun run{{10}, {4}};
  EXPECT_EQ(run.end(), SliceIndex{14});
  const SliceRun empty{{10}, {0}};
  EXPECT_EQ(empty.end(), empty.first);
}

TEST(Units, IndexesAndCountsCompareByValue) {
  EXPECT_LT(SliceIndex{3}, SliceIndex{4});
  EXPECT_EQ(SliceIndex{3} + SliceCount{2}, SliceIndex{5});
  EXPECT_GT(SliceCount{64}, SliceCount{8});
  EXPECT_EQ(SliceCount{}, SliceCount{0});
}

TEST(Units, AnIndexIsNotACount) {
  EXPECT_FALSE((std::is_convertible_v<SliceIndex, SliceCount>));
  EXPECT_FALSE((std::is_convertible_v<SliceCount, SliceIndex>));
  EXPECT_FALSE((std::is_convertible_v<SliceIndex, unsigned>));
  EXPECT_FALSE((std::is_convertible_v<Contents, bool>));
}

}  // namespace
}  // namespace ashlar
