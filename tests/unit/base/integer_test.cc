// Alignment, powers of two and checked products, at the ends of their ranges above all.
#include "base/integer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace ashlar {
namespace {

TEST(Integer, PowersOfTwo) {
  EXPECT_FALSE(is_power_of_two(0));
  for (unsigned shift = 0; shift < 64; ++shift) {
    const std::size_t power = std::size_t{1} << shift;
    EXPECT_TRUE(is_power_of_two(power));
    if (shift > 1) {
      EXPECT_FALSE(is_power_of_two(power + 1));
      EXPECT_FALSE(is_power_of_two(power - 1));
    }
  }
}

TEST(Integer, AligningMovesToTheNearestMultiple) {
  for (const std::size_t alignment : {1u, 2u, 8u, 16u, 64u, 4096u, 65536u}) {
    for (const std::size_t value : {0u, 1u, 7u, 8u, 15u, 16u, 17u, 4095u, 4097u, 1000000u}) {
      const std::size_t down = align_down(value, alignment);
      const std::size_t up = align_up(value, alignment);
      EXPECT_EQ(down % alignment, 0u);
      EXPECT_EQ(up % alignment, 0u);
      EXPECT_LE(down, value);
      EXPECT_GE(up, value);
      EXPECT_LT(value - down, alignment);
      EXPECT_LT(up - value, alignment);
      EXPECT_EQ(is_aligned(value, alignment), up == down);
    }
  }
  EXPECT_EQ(align_down(SIZE_MAX, 4096), SIZE_MAX - 4095);
}

TEST(Integer, PointersAreAlignedByAddress) {
  alignas(64) char bytes[128] = {};
  EXPECT_TRUE(is_aligned(bytes, 64));
  EXPECT_FALSE(is_aligned(bytes + 32, 64));
  EXPECT_TRUE(is_aligned(bytes + 32, 32));
}

TEST(Integer, DivisionRoundsUp) {
  EXPECT_EQ(divide_up(0, 8), 0u);
  EXPECT_EQ(divide_up(1, 8), 1u);
  EXPECT_EQ(divide_up(8, 8), 1u);
  EXPECT_EQ(divide_up(9, 8), 2u);
}

TEST(Integer, FloorLog2IsTheHighestBit) {
  EXPECT_EQ(floor_log2(1), 0u);
  EXPECT_EQ(floor_log2(2), 1u);
  EXPECT_EQ(floor_log2(3), 1u);
  EXPECT_EQ(floor_log2(4096), 12u);
  EXPECT_EQ(floor_log2(SIZE_MAX), 63u);
}

TEST(Integer, ProductsThatDoNotFitAreFound) {
  std::size_t product = 0;
  EXPECT_FALSE(multiply_overflows(0, SIZE_MAX, &product));
  EXPECT_EQ(product, 0u);
  EXPECT_FALSE(multiply_overflows(3, 5, &product));
  EXPECT_EQ(product, 15u);
  EXPECT_FALSE(multiply_overflows(SIZE_MAX / 8, 8, &product));
  EXPECT_EQ(product, SIZE_MAX - 7);
  EXPECT_TRUE(multiply_overflows(SIZE_MAX / 8 + 1, 8, &product));
  EXPECT_TRUE(multiply_overflows(SIZE_MAX, SIZE_MAX, &product));
  EXPECT_TRUE(multiply_overflows(std::size_t{1} << 32, std::size_t{1} << 32, &product));
}

TEST(Integer, AddressesAndOffsets) {
  std::uint32_t words[4] = {1, 2, 3, 4};
  void* const base = words;
  EXPECT_EQ(*at_offset<std::uint32_t>(base, 8), 3u);
  const void* const constant = words;
  EXPECT_EQ(*at_offset<std::uint32_t>(constant, 12), 4u);
  EXPECT_EQ(bytes_between(words, words + 3), 12u);
  EXPECT_EQ(address_of(words + 1) - address_of(words), 4u);
}

TEST(Integer, LowBits) {
  EXPECT_EQ(low_bits(0), 0u);
  EXPECT_EQ(low_bits(3), 7u);
  EXPECT_EQ(low_bits(63), ~std::uint64_t{0} >> 1);
  EXPECT_EQ(low_bits(64), ~std::uint64_t{0});
}

TEST(Integer, RunsOfBitsFromTheLowest) {
  const auto runs_of = [](std::uint64_t bits) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> runs;
    for_each_bit_run(
        bits, [&](std::uint32_t first, std::uint32_t count) { runs.emplace_back(first, count); });
    return runs;
  };
  using Runs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
  EXPECT_EQ(runs_of(0), Runs{});
  EXPECT_EQ(runs_of(0b0111'0010), (Runs{{1, 1}, {4, 3}}));
  EXPECT_EQ(runs_of(std::uint64_t{3} << 62 | 1), (Runs{{0, 1}, {62, 2}}));
  EXPECT_EQ(runs_of(~std::uint64_t{0}), (Runs{{0, 64}}));
}

TEST(Integer, BinaryUnits) {
  EXPECT_EQ(kKiB, 1024u);
  EXPECT_EQ(kMiB, 1048576u);
  EXPECT_EQ(kGiB, 1073741824u);
}

}  // namespace
}  // namespace ashlar
