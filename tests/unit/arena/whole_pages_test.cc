// Huge OS pages that the system put together stay whole while most of them is in use.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>

#include "arena/arena.h"
#include "arena/arena_mapping.h"
#include "arena/arena_set.h"
#include "unit/arena/fake_os.h"

namespace ashlar {
namespace {

using TestArena = Arena<FakeOs>;
constexpr std::size_t kWholeSize = 32 * kMiB;
constexpr std::uint32_t kSlicesOfPage = kLargeOsPage / kSliceSize;
constexpr std::uint32_t kDense = kSlicesOfPage / 4 * 3;

class WholePages : public FakeOsTest {
 protected:
  TestArena* make(HugePageUse use) {
    const ArenaMemory memory = map_arena<FakeOs>(nullptr, kWholeSize, {.committed = true}, use);
    return TestArena::create(memory);
  }

  // The first huge page behind the metadata, of which `in_use` slices stay in use, and the others
  // are free and wait.
  SliceRun fill_page(TestArena* arena, std::uint32_t in_use) {
    const std::uint32_t first =
        (arena->first_slice().value + kSlicesOfPage - 1) / kSlicesOfPage * kSlicesOfPage;
    const SliceRun page{{first}, {kSlicesOfPage}};
    Contents contents = Contents::kUnknown;
    EXPECT_TRUE(arena->claim_at(page, &contents));
    arena->release({{first + in_use}, {kSlicesOfPage - in_use}}, {kSlicesOfPage - in_use},
                   Contents::kUnknown);
    return page;
  }

  std::uint32_t purge(TestArena* arena) { return arena->purge_waiting(UINT32_MAX); }
};

TEST_F(WholePages, ADensePageIsNotPurgedInPart) {
  os().makes_huge_pages = true;
  TestArena* const arena = make({});
  ASSERT_NE(arena, nullptr);
  fill_page(arena, kDense);
  EXPECT_EQ(purge(arena), 0u);
  EXPECT_EQ(os().purges.load(std::memory_order_relaxed), 0u);
  EXPECT_EQ(arena->kept_whole(), (kSlicesOfPage - kDense) * kSliceSize);
  EXPECT_EQ(arena->waiting_bytes(), arena->kept_whole()) << "it waits until the page is less dense";
}

TEST_F(WholePages, AnEmptierPageIs) {
  os().makes_huge_pages = true;
  TestArena* const arena = make({});
  ASSERT_NE(arena, nullptr);
  const SliceRun page = fill_page(arena, kDense);
  ASSERT_EQ(purge(arena), 0u);
  arena->release({page.first, {1}}, {1}, Contents::kUnknown);
  EXPECT_EQ(arena->kept_whole(), 0u);
  EXPECT_EQ(purge(arena), kSlicesOfPage - kDense + 1);
  EXPECT_EQ(arena->waiting_bytes(), 0u);
}

TEST_F(WholePages, OrdinaryPagesArePurgedOneByOne) {
  TestArena* const arena = make({});
  ASSERT_NE(arena, nullptr);
  fill_page(arena, kDense);
  EXPECT_EQ(arena->kept_whole(), 0u);
  EXPECT_EQ(purge(arena), kSlicesOfPage - kDense);
}

TEST_F(WholePages, SoAreThoseOfAProgramThatWantsNoOthers) {
  os().makes_huge_pages = true;
  TestArena* const arena = make({.allow_large = false, .allow_transparent = false});
  ASSERT_NE(arena, nullptr);
  EXPECT_EQ(os().huge_unwanted, kWholeSize);
  fill_page(arena, kDense);
  EXPECT_EQ(purge(arena), kSlicesOfPage - kDense);
}

TEST_F(WholePages, WhatWasAskedForIsKeptWholeOnEverySystem) {
  TestArena* const arena = make({.allow_large = true, .allow_transparent = true});
  ASSERT_NE(arena, nullptr);
  EXPECT_EQ(os().huge_wanted, kWholeSize);
  fill_page(arena, kDense);
  EXPECT_EQ(purge(arena), 0u);
}

}  // namespace
}  // namespace ashlar
