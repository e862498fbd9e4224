// How sizes of mappings are rounded, at every boundary of the table and in general.
#include "os/memory.h"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

TEST(RoundMappingSize, UnitsGrowWithTheSize) {
  constexpr std::size_t kPage = 4096;
  EXPECT_EQ(round_mapping_size(1, kPage), 4096u);
  EXPECT_EQ(round_mapping_size(4096, kPage), 4096u);
  EXPECT_EQ(round_mapping_size(4097, kPage), 8192u);
  EXPECT_EQ(round_mapping_size(512 * kKiB - 1, kPage), 512 * kKiB);
  EXPECT_EQ(round_mapping_size(512 * kKiB + 1, kPage), 576 * kKiB);
  EXPECT_EQ(round_mapping_size(2 * kMiB + 1, kPage), 2 * kMiB + 256 * kKiB);
  EXPECT_EQ(round_mapping_size(8 * kMiB + 1, kPage), 9 * kMiB);
  EXPECT_EQ(round_mapping_size(32 * kMiB + 1, kPage), 36 * kMiB);
}

TEST(RoundMappingSize, NeverShrinksNeverWastesMoreThanAnEighth) {
  for (const std::size_t page : {4 * kKiB, 16 * kKiB, 64 * kKiB}) {
    for (std::size_t size = page; size < 200 * kMiB; size += size / 7 + 1) {
      const std::size_t rounded = round_mapping_size(size, page);
      EXPECT_GE(rounded, size);
      EXPECT_EQ(rounded % page, 0u) << size;
      if (size >= 8 * page) {
        EXPECT_LE(rounded - size, size / 8) << size;
      }
      EXPECT_EQ(round_mapping_size(rounded, page), rounded) << size;
    }
  }
}

TEST(RoundMappingSize, AnOsPageLargerThanTheUnitWins) {
  EXPECT_EQ(round_mapping_size(600 * kKiB, 2 * kMiB), 2 * kMiB);
}

}  // namespace
}  // namespace ashlar
