// Where memory is asked for first lies within the addresses that there are.
#include "policy/hint_range.h"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

TEST(HintRange, LiesWithinTheAddresses) {
  for (const unsigned bits : {38U, 39U, 42U, 46U, 47U, 48U, 52U, 57U}) {
    for (const HintRange& range : {arena_hints(bits), huge_hints(bits)}) {
      EXPECT_LT(range.start, range.end);
      EXPECT_LE(range.start + (range.step << range.random_bits), range.end);
      EXPECT_LE(range.end, std::uintptr_t{1} << bits) << bits;
    }
  }
}

TEST(HintRange, NarrowAddressesLeaveProgramsTheirPlace) {
  const std::uintptr_t programs = (std::uintptr_t{1} << 38) / 3 * 2;
  EXPECT_LE(arena_hints(38).end, programs);
  EXPECT_LE(huge_hints(38).end, programs);
}

TEST(HintRange, WideAddressesAreUsed) {
  EXPECT_EQ(arena_hints(47).start, kHintStart);
  EXPECT_EQ(arena_hints(48).start, kHintStart);
  EXPECT_EQ(huge_hints(57).start, kHugeHintStart);
}

}  // namespace
}  // namespace ashlar
