// How far slices are touched: what counts while they are used, wait, are purged and used again, and
// what counts of the arena's own metadata.
#include <gtest/gtest.h>

#include <cstdint>

#include "arena/arena.h"
#include "fake_os.h"

namespace ashlar {
namespace {

using TestArena = Arena<FakeOs>;

constexpr std::size_t kTouchedSize = 16 * kMiB;

class TouchedTest : public FakeOsTest {
 protected:
  TouchedTest() : before_(touched_bytes.now()) {}

  static TestArena* make(Purging purging = Purging::kLeavesZero) {
    void* const start = FakeOs::reserve(nullptr, kTouchedSize, kArenaAlignment, Access::kReadWrite);
    return TestArena::create({.start = start,
                              .size = kTouchedSize,
                              .committed = true,
                              .zero = true,
                              .purging = purging});
  }
  static SliceRun claim(TestArena* arena, std::uint32_t count) {
    SliceRun run;
    Contents contents = Contents::kUnknown;
    EXPECT_TRUE(arena->claim({count}, {1}, {0}, &run, &contents));
    return run;
  }
  static void touch(TestArena* arena, SliceRun run, std::size_t bytes) {
    touched_bytes.add(arena->untouched(run, bytes));
    arena->mark_touched(run, bytes);
  }
  static void release(TestArena* arena, SliceRun run) {
    arena->release(run, run.count, Contents::kUnknown);
  }
  std::size_t grown() const { return touched_bytes.now() - before_; }

  const std::size_t before_;
};

TEST_F(TouchedTest, MetadataCountsAsItIsWritten) {
  TestArena* const arena = make();
  const std::size_t made = grown();
  EXPECT_GE(made, FakeOs::page_size());
  EXPECT_LE(made, 8 * FakeOs::page_size());
  // The entries of 16 slices lie in one OS page of 4 KiB.
  const SliceRun run = claim(arena, 1);
  for (int i = 0; i < 100; ++i) {
    claim(arena, 1);
  }
  EXPECT_LE(grown() - made, 100 / (FakeOs::page_size() / kPageEntrySize) * FakeOs::page_size() +
                                4 * FakeOs::page_size());
  EXPECT_GT(grown(), made);
  release(arena, run);
  arena->forget_touched();
  EXPECT_EQ(grown(), 0U);
}

TEST_F(TouchedTest, BytesCountUpToTheOsPageAndOnce) {
  TestArena* const arena = make();
  const SliceRun run = claim(arena, 4);
  EXPECT_EQ(arena->untouched(run, 1), FakeOs::page_size());
  EXPECT_EQ(arena->untouched(run, 3 * kSliceSize + 1), 3 * kSliceSize + FakeOs::page_size());
  EXPECT_EQ(arena->untouched(run, 4 * kSliceSize), 4 * kSliceSize);
  touch(arena, run, kSliceSize + 1);
  EXPECT_EQ(arena->untouched(run, kSliceSize), 0U);
  EXPECT_EQ(arena->untouched(run, 4 * kSliceSize), 3 * kSliceSize - FakeOs::page_size());
  // Less than what is touched already changes nothing.
  arena->mark_touched(run, 1);
  EXPECT_EQ(arena->units_touched(run.first), kTouchedUnitsOfSlice);
}

TEST_F(TouchedTest, WhatWaitsCountsUntilItIsPurged) {
  TestArena* const arena = make();
  const SliceRun run = claim(arena, 4);
  const std::size_t base = grown();
  touch(arena, run, 2 * kSliceSize);
  release(arena, run);
  EXPECT_EQ(grown(), base + 2 * kSliceSize);
  EXPECT_EQ(arena->touched_waiting(), 2 * kSliceSize);
  // Claimed again it is not counted twice.
  const SliceRun again = claim(arena, 4);
  EXPECT_EQ(again.first, run.first);
  EXPECT_EQ(arena->untouched(again, 4 * kSliceSize), 2 * kSliceSize);
  EXPECT_EQ(arena->touched_waiting(), 0U);
  release(arena, again);
  arena->purge_waiting(UINT32_MAX);
  EXPECT_EQ(grown(), base);
  EXPECT_EQ(arena->touched_waiting(), 0U);
  EXPECT_EQ(arena->untouched(claim(arena, 4), 4 * kSliceSize), 4 * kSliceSize);
}

TEST_F(TouchedTest, APurgeThatFailsOrOnlyResetsLeavesItCounted) {
  TestArena* const arena = make();
  const SliceRun run = claim(arena, 2);
  touch(arena, run, 2 * kSliceSize);
  release(arena, run);
  const std::size_t base = grown();
  os().purge_fails = true;
  arena->purge_waiting(UINT32_MAX);
  EXPECT_EQ(grown(), base);
  os().purge_fails = false;
  release(arena, claim(arena, 2));
  arena->purge_waiting(UINT32_MAX, {.by_reset = true});
  EXPECT_EQ(grown(), base);
  release(arena, claim(arena, 2));
  arena->purge_waiting(UINT32_MAX);
  EXPECT_EQ(grown(), base - 2 * kSliceSize);
}

TEST_F(TouchedTest, MemoryOfTheProgramsCountsNoMoreOnceItIsPurged) {
  TestArena* const arena = make(Purging::kLeavesUnknown);
  const SliceRun run = claim(arena, 2);
  const std::size_t base = grown();
  touch(arena, run, 2 * kSliceSize);
  release(arena, run);
  arena->purge_waiting(UINT32_MAX);
  EXPECT_EQ(grown(), base);
}

TEST(TouchedBytes, StopAtTheHardLimitAndCountWhatIsForced) {
  TouchedBytes bytes;
  EXPECT_TRUE(bytes.try_add(100));
  bytes.set_hard(150);
  EXPECT_TRUE(bytes.try_add(50));
  EXPECT_FALSE(bytes.try_add(1));
  EXPECT_TRUE(bytes.try_add(0));
  EXPECT_EQ(bytes.now(), 150U);
  EXPECT_EQ(bytes.refusals(), 1U);
  bytes.add(20);
  EXPECT_EQ(bytes.now(), 170U);
  EXPECT_FALSE(bytes.try_add(1));
  EXPECT_TRUE(bytes.try_add(0));
  bytes.sub(21);
  EXPECT_TRUE(bytes.try_add(1));
  EXPECT_FALSE(bytes.try_add(SIZE_MAX));
  EXPECT_EQ(bytes.peak(), 170U);
  bytes.sub(1000);
  EXPECT_EQ(bytes.now(), 0U);
}

TEST(TouchedBytesTest, WhatNoSystemHasIsRefusedAndChangesNoSum) {
  for (const std::size_t hard : {std::size_t{0}, std::size_t{PTRDIFF_MAX}, SIZE_MAX}) {
    TouchedBytes sums;
    sums.set_hard(hard);
    sums.add(1000);
    EXPECT_FALSE(sums.try_add(PTRDIFF_MAX));
    EXPECT_FALSE(sums.try_hold(SIZE_MAX));
    EXPECT_EQ(sums.now(), 1000U);
    EXPECT_EQ(sums.peak(), 1000U);
    EXPECT_TRUE(sums.try_add(TouchedBytes::kMost));
    EXPECT_EQ(sums.now(), TouchedBytes::kMost + 1000);
  }
}

}  // namespace
}  // namespace ashlar
