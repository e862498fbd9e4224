// Blocks with a page of their own: where they lie, how they grow and shrink, and that what they
// gave back is nobody's afterwards.
#include "heap/huge.h"

#include <gtest/gtest.h>

#include <cstring>

#include "heap_test_support.h"

namespace ashlar {
namespace {

using namespace heap_test;

constexpr std::size_t kModerate = 3 * kMiB;
constexpr std::size_t kOwnMapping = kArenaPlainMax + kMiB;

// What must be zero has a mapping from here on.
[[nodiscard]] void* take_mapping() { return allocate<Contents::kZero>(kOwnMapping); }

void mark(void* block, std::size_t size) {
  for (std::size_t at = 0; at < size; at += 4096) {
    static_cast<unsigned char*>(block)[at] = static_cast<unsigned char>(at >> 12);
  }
}
bool is_marked(const void* block, std::size_t size) {
  for (std::size_t at = 0; at < size; at += 4096) {
    if (static_cast<const unsigned char*>(block)[at] != static_cast<unsigned char>(at >> 12)) {
      return false;
    }
  }
  return true;
}

TEST(Huge, ModerateBlocksLieInAnArenaAndTheLargestInMappings) {
  void* const moderate = take(kModerate);
  void* const mapping = take_mapping();
  EXPECT_NE(page_of(moderate)->arena, nullptr);
  EXPECT_EQ(page_of(mapping)->arena, nullptr);
  EXPECT_TRUE(page_of(moderate)->is_huge());
  EXPECT_TRUE(page_of(mapping)->is_huge());
  free_block(moderate);
  free_block(mapping);
  EXPECT_EQ(page_of(moderate), nullptr);
  EXPECT_EQ(page_of(mapping), nullptr);
}

TEST(Huge, EveryByteOfABlockLeadsToItAndNoneBeyond) {
  for (const std::size_t size : {kModerate, kOwnMapping}) {
    auto* const block = static_cast<char*>(size == kOwnMapping ? take_mapping() : take(size));
    Page* const page = page_of(block);
    for (std::size_t at = 0; at < size; at += kSliceSize / 2) {
      ASSERT_EQ(page_of(block + at), page);
    }
    EXPECT_NE(page_of(block + page_bytes(page)), page);
    EXPECT_NE(page_of(block - 1), page);
    free_block(block);
  }
}

TEST(Huge, AnyThreadMayFreeOne) {
  const std::int64_t before = main_realm.stats.huge_blocks.current();
  void* const moderate = take(kModerate);
  void* const mapping = take_mapping();
  EXPECT_EQ(main_realm.stats.huge_blocks.current(), before + 2);
  in_thread([&] {
    free_block(moderate);
    free_block(mapping);
  });
  EXPECT_EQ(main_realm.stats.huge_blocks.current(), before);
}

TEST(Huge, GrowingAndShrinkingKeepsTheBytes) {
  void* block = take(kMiB);
  mark(block, kMiB);
  std::size_t size = kMiB;
  for (const std::size_t next : {2 * kMiB, 20 * kMiB, 40 * kMiB, 70 * kMiB, 33 * kMiB, 9 * kMiB,
                                 kMiB, 600 * kKiB, 5 * kMiB}) {
    block = reallocate(block, next, Contents::kUnknown);
    ASSERT_NE(block, nullptr) << next;
    EXPECT_GE(resolve(block).usable, next);
    EXPECT_TRUE(is_marked(block, size < next ? size : next)) << size << " to " << next;
    mark(block, next);
    size = next;
  }
  free_block(block);
}

TEST(Huge, WhatAShrunkBlockGaveBackIsNobodys) {
  auto* const block = static_cast<char*>(take(20 * kMiB));
  Page* const page = page_of(block);
  ASSERT_EQ(reallocate(block, 5 * kMiB, Contents::kUnknown), block);
  EXPECT_EQ(page_of(block + 5 * kMiB - 1), page);
  EXPECT_NE(page_of(block + 5 * kMiB + kSliceSize), page);
  EXPECT_NE(page_of(block + 20 * kMiB - 1), page);
  free_block(block);
}

// 20 GiB of addresses, of which hardly any memory is touched: the page map keeps one entry for
// each 4 GiB that the block fills, and must cut them when the block shrinks.
TEST(Huge, WhatAVastBlockGaveBackIsNobodys) {
  constexpr std::size_t kVast = 20 * kGiB;
  constexpr std::size_t kKept = 7 * kGiB;
  auto* const block = static_cast<char*>(take(kVast));
  ASSERT_NE(block, nullptr);
  Page* const page = page_of(block);
  for (std::size_t at = 0; at < kVast; at += 64 * kMiB) {
    ASSERT_EQ(page_of(block + at), page);
  }
  ASSERT_EQ(reallocate(block, kKept, Contents::kUnknown), block);
  for (std::size_t at = 0; at < kVast; at += 64 * kMiB) {
    if (at < kKept + kPadding) {
      ASSERT_EQ(page_of(block + at), page) << at / kMiB << " MiB";
    } else {
      ASSERT_EQ(page_of(block + at), nullptr) << at / kMiB << " MiB";
    }
  }
  free_block(block);
  for (std::size_t at = 0; at < kVast; at += 64 * kMiB) {
    ASSERT_EQ(page_of(block + at), nullptr) << at / kMiB << " MiB";
  }
}

TEST(Huge, GrowingWithZeroesFindsNoOldBytes) {
  for (const auto& [from, to] : {std::pair{kMiB, 6 * kMiB}, std::pair{kMiB + 4096, 2 * kMiB},
                                 std::pair{kOwnMapping, 2 * kOwnMapping}}) {
    // What the arena hands out next was used before.
    void* const used = take(to);
    std::memset(used, 0xFF, to);
    free_block(used);
    void* block = allocate<Contents::kZero>(from);
    ASSERT_NE(block, nullptr);
    std::memset(block, 1, from);
    block = reallocate(block, to, Contents::kZero);
    ASSERT_NE(block, nullptr);
    const auto* bytes = static_cast<const unsigned char*>(block);
    for (std::size_t at = 0; at < to; ++at) {
      ASSERT_EQ(bytes[at], at < from ? 1 : 0) << at << " of " << from << " to " << to;
    }
    free_block(block);
  }
}

}  // namespace
}  // namespace ashlar
