// What one arena gives back: which slices wait, in how many calls they go, and what they hold then.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>

#include "arena_test_support.h"

namespace ashlar {
namespace {

using namespace arena_test;

TEST_F(ArenaTest, PurgedMemoryIsZeroAgain) {
  TestArena* const arena = make();
  const SliceRun run = claim(arena, 4, Contents::kZero);
  dirty(arena, run);
  release(arena, run);
  EXPECT_EQ(arena->waiting_bytes(), 4 * kSliceSize);
  EXPECT_EQ(purge(arena), 4u);
  EXPECT_EQ(arena->waiting_bytes(), 0u);
  EXPECT_EQ(os().purges.load(std::memory_order_relaxed), 1u) << "neighbours are purged in one call";
  const SliceRun again = claim(arena, 4, Contents::kZero);
  EXPECT_EQ(again.first.value, run.first.value);
  for (std::uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(*static_cast<char*>(arena->address({again.first.value + i})), 0);
  }
}

TEST_F(ArenaTest, MemoryThatTheSystemRefusesToPurgeStaysUnknown) {
  TestArena* const arena = make();
  const SliceRun run = claim(arena, 4, Contents::kZero);
  dirty(arena, run);
  release(arena, run);
  os().purge_fails = true;
  EXPECT_EQ(purge(arena), 0u);
  EXPECT_EQ(arena->count_in_use(), arena->first_slice().value) << "and can be claimed again";
  claim(arena, 4, Contents::kUnknown);
}

TEST_F(ArenaTest, MemoryThatIsNotPrivateIsNeverPurgedNorKnownToBeZeroAgain) {
  ArenaMemory memory = fresh_memory(kSize, true);
  memory.purging = Purging::kNever;
  TestArena* const arena = TestArena::create(memory);
  const SliceRun run = claim(arena, 2, Contents::kZero);
  release(arena, run);
  EXPECT_EQ(arena->waiting_bytes(), 0u);
  EXPECT_EQ(purge(arena), 0u);
  EXPECT_EQ(os().purges.load(std::memory_order_relaxed), 0u);
  claim(arena, 2, Contents::kUnknown);
}

TEST_F(ArenaTest, ClaimingWaitingMemoryTakesItOffTheCount) {
  TestArena* const arena = make();
  release(arena, claim(arena, 6, Contents::kZero));
  claim(arena, 2, Contents::kUnknown);
  EXPECT_EQ(arena->waiting_bytes(), 4 * kSliceSize);
  EXPECT_EQ(purge(arena), 4u);
}

TEST_F(ArenaTest, WhatWasNotTouchedDoesNotWaitAndHoldsWhatItHeld) {
  TestArena* const arena = make();
  const SliceRun run = claim(arena, 6, Contents::kZero);
  dirty(arena, {run.first, {2}});
  arena->release(run, {2}, Contents::kZero);
  EXPECT_EQ(arena->waiting_bytes(), 2 * kSliceSize);
  claim(arena, 2, Contents::kUnknown);
  claim(arena, 4, Contents::kZero);
}

// It may be resident from its last use: a page that used one slice of four that had been in use
// before kept the other three from ever being purged.
TEST_F(ArenaTest, WhatHeldUnknownBytesAndWasNotTouchedStaysUnknownAndWaits) {
  TestArena* const arena = make();
  release(arena, claim(arena, 6, Contents::kZero));
  const SliceRun run = claim(arena, 6, Contents::kUnknown);
  arena->release(run, {1}, Contents::kUnknown);
  EXPECT_EQ(arena->waiting_bytes(), 6 * kSliceSize);
  release(arena, claim(arena, 6, Contents::kUnknown));
  EXPECT_EQ(arena->purge_waiting(UINT32_MAX), 6u);
  claim(arena, 6, Contents::kZero);
}

TEST_F(ArenaTest, PurgesFromHighAddressesUntilItIsEnough) {
  TestArena* const arena = make();
  const SliceRun low = claim(arena, 2, Contents::kZero);
  SliceRun high;
  Contents contents;
  ASSERT_TRUE(try_claim(arena, 2, 64, &high, &contents));  // in another word of the bitmaps
  ASSERT_GT(high.first, low.first);
  dirty(arena, low);
  dirty(arena, high);
  release(arena, low);
  release(arena, high);
  EXPECT_EQ(arena->purge_waiting(1), 2u);
  EXPECT_EQ(*static_cast<char*>(arena->address(low.first)), 1);
  EXPECT_EQ(*static_cast<char*>(arena->address(high.first)), 0);
  EXPECT_EQ(arena->purge_waiting(1), 2u);
  EXPECT_EQ(arena->purge_waiting(1), 0u);
}

// 200 slices are four groups of the bitmaps and more.
TEST_F(ArenaTest, SlicesInARowAreGivenBackInOneCall) {
  TestArena* const arena = make();
  const SliceRun run = claim(arena, 200, Contents::kZero);
  const SliceRun behind = claim(arena, 1, Contents::kZero);
  dirty(arena, run);
  release(arena, run);
  EXPECT_EQ(purge(arena), 200u);
  EXPECT_EQ(os().purges.load(std::memory_order_relaxed), 1u);
  EXPECT_EQ(arena->count_waiting(), 0u);
  for (std::uint32_t i = run.first.value; i < run.end().value; ++i) {
    ASSERT_EQ(*static_cast<char*>(arena->address({i})), 0) << i;
  }
  // One in use divides them, and no more than is enough goes but for the group that it lies in.
  const SliceRun again = claim(arena, 200, Contents::kZero);
  ASSERT_EQ(again.first, run.first);
  const SliceIndex middle{run.first.value + 100};
  release(arena, {again.first, {100}});
  release(arena, {middle + SliceCount{1}, {99}});
  EXPECT_LE(arena->purge_waiting(50), 50u + kBitsPerWord);
  EXPECT_EQ(os().purges.load(std::memory_order_relaxed), 2u);
  EXPECT_GE(arena->count_waiting(), 100u);
  purge(arena);
  EXPECT_EQ(arena->count_waiting(), 0u);
  EXPECT_LE(os().purges.load(std::memory_order_relaxed), 4u);
  release(arena, {middle, {1}});
  release(arena, behind);
  EXPECT_EQ(purge(arena), 2u);
}

// A block that is far larger holds no other claim up for longer than one call of a bound takes.
TEST_F(ArenaTest, NoCallGivesBackMoreThanItsBound) {
  TestArena* const arena = make(true, 256 * kMiB);
  const SliceRun run = claim(arena, 3000, Contents::kZero);
  release(arena, run);
  EXPECT_EQ(purge(arena), 3000u);
  EXPECT_EQ(os().purges.load(std::memory_order_relaxed), 3u);
}

// Between slices in use: as many pieces as the system takes go in one call.
TEST_F(ArenaTest, SlicesApartAreGivenBackByFewCalls) {
  TestArena* const arena = make();
  const SliceRun run = claim(arena, 200, Contents::kZero);
  dirty(arena, run);
  for (std::uint32_t i = 0; i < 200; i += 2) {
    release(arena, {run.first + SliceCount{i}, {1}});
  }
  EXPECT_EQ(purge(arena), 100u);
  EXPECT_LE(os().purges.load(std::memory_order_relaxed), 3u);
  EXPECT_EQ(os().pieces.load(std::memory_order_relaxed), 100u);
  EXPECT_EQ(arena->count_waiting(), 0u);
  for (std::uint32_t i = 0; i < 200; ++i) {
    ASSERT_EQ(*static_cast<char*>(arena->address(run.first + SliceCount{i})), i % 2) << i;
  }
}

TEST_F(ArenaTest, APieceThatTheSystemRefusesStaysUnknownAmongThoseThatWent) {
  TestArena* const arena = make();
  const SliceRun run = claim(arena, 12, Contents::kZero);
  for (std::uint32_t i = 0; i < 12; i += 2) {
    release(arena, {run.first + SliceCount{i}, {1}});
  }
  const std::uint32_t dirty_before = arena->count_dirty();
  os().purge_fails_at = 2;
  EXPECT_EQ(purge(arena), 5u);
  EXPECT_EQ(arena->count_dirty(), dirty_before - 5);
  EXPECT_EQ(arena->count_waiting(), 0u);
  claim(arena, 1, Contents::kZero);
  claim(arena, 1, Contents::kUnknown);
  claim(arena, 1, Contents::kZero);
}

TEST_F(ArenaTest, CountsWhatIsClaimedAgainAfterAPurge) {
  TestArena* const arena = make();
  release(arena, claim(arena, 4, Contents::kZero));
  claim(arena, 1, Contents::kUnknown);
  EXPECT_EQ(purge(arena), 3u);
  EXPECT_EQ(arena->refaulted(), 0u);
  claim(arena, 5, Contents::kZero);
  EXPECT_EQ(arena->refaulted(), 3u);
}

}  // namespace
}  // namespace ashlar
