// Row 16: more than 16 GiB in all, blocks over 4 GiB, reallocs over 2 GiB. The memory is touched
// here and there only, and must stay as sparse as it is used: nothing may write to all of it.
#include "regress_support.h"

#include <gtest/gtest.h>

#include <vector>

namespace {

using regress::kGiB;

constexpr std::size_t kSparse = kGiB;  // more resident than this and somebody touched it all

void touch(void* block, std::size_t size, std::size_t stride, unsigned seed) {
  auto* const bytes = static_cast<volatile unsigned char*>(block);
  for (std::size_t at = 0; at < size; at += stride)
    bytes[at] = static_cast<unsigned char>(regress::pattern_byte(at / stride, seed) | 1);
  bytes[size - 1] = 0x77;
}

::testing::AssertionResult touched(const void* block, std::size_t written, std::size_t stride,
                                   unsigned seed, bool with_end) {
  const auto* const bytes = static_cast<const volatile unsigned char*>(block);
  for (std::size_t at = 0; at < written; at += stride) {
    if (with_end && at + 1 == written) break;
    const unsigned char expected = regress::pattern_byte(at / stride, seed) | 1;
    if (bytes[at] != expected)
      return ::testing::AssertionFailure() << "changed at offset " << at << " of " << written;
  }
  if (with_end && bytes[written - 1] != 0x77) return ::testing::AssertionFailure() << "end changed";
  return ::testing::AssertionSuccess();
}

// 20 GiB in blocks of one size each; any two that overlap would change one another.
void fill_twenty_gib(std::size_t size) {
  const std::size_t before = regress::resident_bytes();
  std::vector<void*> blocks;
  for (std::size_t total = 0; total < 20 * kGiB; total += size) {
    void* const block = mi_malloc(size);
    ASSERT_NE(block, nullptr) << "after " << (total >> 20) << " MiB";
    blocks.push_back(block);
    touch(block, size, size / 4, static_cast<unsigned>(blocks.size()));
    ASSERT_LT(regress::resident_bytes(), before + kSparse) << "touched only here and there";
  }
  for (std::size_t i = 0; i < blocks.size(); i++)
    ASSERT_TRUE(touched(blocks[i], size, size / 4, static_cast<unsigned>(i + 1), true));
  for (void* const block : blocks) mi_free(block);
}

TEST(regress_16_vast, twenty_gib_in_blocks_of_two_gib) { fill_twenty_gib(2 * kGiB); }
TEST(regress_16_vast, twenty_gib_in_blocks_of_300_mib) { fill_twenty_gib(std::size_t{300} << 20); }
TEST(regress_16_vast, twenty_gib_in_blocks_of_24_mib) { fill_twenty_gib(std::size_t{24} << 20); }

TEST(regress_16_vast, a_block_over_four_gib) {
  const std::size_t before = regress::resident_bytes();
  for (const std::size_t size : {4 * kGiB + 100, 4 * kGiB, 5 * kGiB + (kGiB / 2) + 1}) {
    auto* const block = static_cast<unsigned char*>(mi_malloc(size));
    ASSERT_NE(block, nullptr) << size;
    EXPECT_GE(mi_usable_size(block), size);
    touch(block, size, kGiB / 8, 9);
    // A size cut to 32 bits would put these two on one another.
    auto* const small = static_cast<unsigned char*>(mi_malloc(100));
    ASSERT_NE(small, nullptr);
    std::memset(small, 0x11, 100);
    EXPECT_TRUE(touched(block, size, kGiB / 8, 9, true));
    EXPECT_TRUE(small + 100 <= block || small >= block + size);
    mi_free(small);
    EXPECT_LT(regress::resident_bytes(), before + kSparse);
    mi_free(block);
  }
}

TEST(regress_16_vast, calloc_over_four_gib_is_zero_and_sparse) {
  const std::size_t before = regress::resident_bytes();
  const std::size_t count = 70000;
  const std::size_t each = 70000;  // the product does not fit in 32 bits
  auto* const block = static_cast<unsigned char*>(mi_calloc(count, each));
  ASSERT_NE(block, nullptr);
  EXPECT_GE(mi_usable_size(block), count * each);
  for (std::size_t at = 0; at + 4096 <= count * each; at += 32 << 20)
    ASSERT_EQ(regress::first_non_zero(block, at, at + 4096), at + 4096);
  EXPECT_EQ(block[count * each - 1], 0);
  EXPECT_LT(regress::resident_bytes(), before + kSparse);
  mi_free(block);
}

TEST(regress_16_vast, realloc_over_two_gib_keeps_content_and_stays_sparse) {
  const std::size_t before = regress::resident_bytes();
  constexpr std::size_t kStride = kGiB / 16;
  std::size_t size = kGiB + kGiB / 2;
  void* block = mi_malloc(size);
  ASSERT_NE(block, nullptr);
  touch(block, size, kStride, 2);
  for (const std::size_t next : {2 * kGiB + 1, 3 * kGiB, 4 * kGiB + 5, 6 * kGiB}) {
    block = mi_realloc(block, next);
    ASSERT_NE(block, nullptr) << next;
    EXPECT_GE(mi_usable_size(block), next);
    ASSERT_TRUE(touched(block, size, kStride, 2, true)) << size << " to " << next;
    touch(block, next, kStride, 2);
    EXPECT_LT(regress::resident_bytes(), before + kSparse)
        << "realloc to " << next << " wrote to it all";
    size = next;
  }
  block = mi_realloc(block, 2 * kGiB + 3);  // and back
  ASSERT_NE(block, nullptr);
  EXPECT_TRUE(touched(block, 2 * kGiB + 3, kStride, 2, false));
  EXPECT_LT(regress::resident_bytes(), before + kSparse);
  mi_free(block);
}

TEST(regress_16_vast, an_aligned_block_over_four_gib) {
  const std::size_t size = 4 * kGiB + 4096;
  void* const block = mi_malloc_aligned(size, 2u << 20);
  ASSERT_NE(block, nullptr);
  EXPECT_TRUE(regress::aligned(block, 2u << 20));
  touch(block, size, kGiB / 8, 4);
  EXPECT_TRUE(touched(block, size, kGiB / 8, 4, true));
  mi_free(block);
}

}  // namespace
