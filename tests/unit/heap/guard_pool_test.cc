// The slots of guarded blocks: what may be touched, what is reused when, and a system that refuses.
#include "heap/guard_pool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <set>
#include <vector>

#include "unit/arena/fake_os.h"

namespace ashlar {
namespace {

// Whether the kernel can read a byte: it says no instead of stopping the program.
bool can_read(std::uintptr_t address) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const bool readable = write(ends[1], reinterpret_cast<const void*>(address), 1) == 1;
  close(ends[0]);
  close(ends[1]);
  return readable;
}

class GuardPoolTest : public FakeOsTest {
 protected:
  static constexpr std::uint32_t kSlots = 16;
  GuardPool<FakeOs> pool;

  GuardSlot* taken(std::size_t size, std::size_t alignment = 16) {
    GuardSlot* const slot = pool.take();
    EXPECT_NE(slot, nullptr);
    EXPECT_TRUE(pool.place(slot, size, alignment));
    return slot;
  }
};

TEST_F(GuardPoolTest, IsClosedAtFirst) {
  int local = 0;
  EXPECT_EQ(pool.count(), 0u);
  EXPECT_EQ(pool.take(), nullptr);
  EXPECT_EQ(pool.slot_at(address_of(&local)), nullptr);
  EXPECT_EQ(pool.slot_of(reinterpret_cast<Page*>(&local)), nullptr);
}

TEST_F(GuardPoolTest, OpensOnceTheSystemHasAddresses) {
  // The records, with two guards round them in profiles that guard, then the slots.
  for (const std::uint64_t call : {1u, kActive.guard_pages ? 4u : 2u}) {
    os().calls = 0;
    os().fail_at = call;
    EXPECT_FALSE(pool.open(kSlots));
    EXPECT_EQ(pool.count(), 0u);
    EXPECT_EQ(os().mapping_count(), 0u);
  }
  os().fail_at = 0;
  EXPECT_TRUE(pool.open(kSlots));
  EXPECT_TRUE(pool.open(99));
  EXPECT_EQ(pool.count(), kSlots);
}

TEST_F(GuardPoolTest, ClosesWhenNoBlockIsLeft) {
  ASSERT_TRUE(pool.open(kSlots));
  GuardSlot* const slot = taken(64);
  pool.close();
  EXPECT_EQ(pool.count(), kSlots);
  pool.put_back(slot);
  pool.close();
  EXPECT_EQ(pool.count(), 0u);
  EXPECT_EQ(os().mapping_count(), 0u);
  EXPECT_TRUE(pool.open(kSlots));
  pool.put_back(taken(64));
}

TEST_F(GuardPoolTest, ABlockStandsBetweenWhatMayNotBeTouched) {
  ASSERT_TRUE(pool.open(kSlots));
  for (const std::size_t size :
       {1u, 8u, 13u, 16u, 61u, 64u, 4095u, 4096u, 4097u, 8192u, 30000u, 32768u}) {
    for (const std::size_t alignment : {1u, 8u, 16u}) {
      GuardSlot* const slot = taken(size, alignment);
      const std::uintptr_t start = slot->start.get();
      const std::uintptr_t end = start + size;
      EXPECT_EQ(start % alignment, 0u);
      EXPECT_LT(align_up(end, 4096) - end, alignment);
      EXPECT_GE(start, address_of(pool.start_of(slot)));
      EXPECT_TRUE(can_read(start));
      EXPECT_TRUE(can_read(end - 1));
      EXPECT_FALSE(can_read(align_up(end, 4096)));
      EXPECT_FALSE(can_read(align_down(start, 4096) - 1));
      EXPECT_EQ(pool.slot_at(start), slot);
      EXPECT_EQ(pool.slot_at(align_up(end, 4096)), slot);
      EXPECT_EQ(pool.slot_of(&slot->page), slot);
      pool.put_back(slot);
      EXPECT_FALSE(can_read(start));
      EXPECT_FALSE(can_read(end - 1));
    }
  }
}

TEST_F(GuardPoolTest, WhatIsAlignedToMoreThanAnOsPageHasItsGuardWhereItEnds) {
  ASSERT_TRUE(pool.open(kSlots));
  for (const std::size_t size : {8192u, 16384u, 32768u, 24576u}) {
    const std::size_t alignment = size & (~size + 1);
    GuardSlot* const slot = taken(size, alignment);
    EXPECT_EQ(slot->start.get() % alignment, 0u);
    EXPECT_FALSE(can_read(slot->start.get() + size));
    EXPECT_FALSE(can_read(slot->start.get() - 1));
  }
}

TEST_F(GuardPoolTest, SlotsOfLargeOsPagesHaveRoomForAGuard) {
  os().page_size = kSliceSize;
  ASSERT_TRUE(pool.open(kSlots));
  EXPECT_EQ(pool.slot_bytes(), 2 * kSliceSize);
  const GuardSlot* const slot = taken(100);
  EXPECT_EQ(align_up(slot->start.get() + 100, kSliceSize),
            address_of(pool.start_of(slot)) + kSliceSize);
  EXPECT_FALSE(can_read(address_of(pool.start_of(slot)) + kSliceSize));
}

TEST_F(GuardPoolTest, AFreedSlotWaitsUntilAQuarterOfAllWasFreedAfterIt) {
  ASSERT_TRUE(pool.open(kSlots));
  std::vector<GuardSlot*> slots;
  for (std::uint32_t i = 0; i < kSlots; ++i) {
    slots.push_back(taken(64));
  }
  EXPECT_EQ(pool.take(), nullptr);
  for (std::uint32_t i = 0; i < kSlots / 4; ++i) {
    pool.put_back(slots[i]);
    EXPECT_EQ(pool.take(), nullptr);
  }
  for (std::uint32_t i = kSlots / 4; i < kSlots; ++i) {
    pool.put_back(slots[i]);
    EXPECT_EQ(pool.take(), slots[i - kSlots / 4]);
  }
  EXPECT_EQ(pool.take(), nullptr);
}

TEST_F(GuardPoolTest, FreshSlotsComeBeforeFreedOnes) {
  ASSERT_TRUE(pool.open(kSlots));
  std::set<GuardSlot*> seen;
  for (std::uint32_t i = 0; i < kSlots; ++i) {
    GuardSlot* const slot = taken(64);
    EXPECT_TRUE(seen.insert(slot).second);
    pool.put_back(slot);
  }
}

TEST_F(GuardPoolTest, WhatTheSystemRefusesIsNoFailure) {
  ASSERT_TRUE(pool.open(kSlots));
  GuardSlot* const slot = pool.take();
  os().commit_fails = true;
  EXPECT_FALSE(pool.place(slot, 64, 16));
  os().commit_fails = false;
  EXPECT_TRUE(pool.place(slot, 64, 16));
  os().purge_fails = true;
  pool.put_back(slot);
  EXPECT_FALSE(slot->is_zero);
  os().purge_fails = false;
  for (std::uint32_t i = 1; i < kSlots; ++i) {
    pool.put_back(taken(64));
  }
  EXPECT_EQ(pool.take(), slot);
  EXPECT_TRUE(pool.place(slot, 64, 16));
  pool.put_back(slot);
  EXPECT_TRUE(slot->is_zero);
}

TEST_F(GuardPoolTest, TouchedEdgesAreFoundToTheByte) {
  ASSERT_TRUE(pool.open(kSlots));
  for (const std::size_t size : {1u, 61u, 64u, 4090u, 4096u}) {
    GuardSlot* const slot = taken(size);
    auto* const block = reinterpret_cast<unsigned char*>(slot->start.get());
    const std::size_t slack = align_up(slot->start.get() + size, 4096) - slot->start.get() - size;
    const std::size_t front = (4096 - (size + slack) % 4096) % 4096;
    memset(block, 0, size);
    EXPECT_EQ(pool.check_edges(slot).behind, 0u);
    EXPECT_EQ(pool.check_edges(slot).before, 0u);
    for (std::size_t i = 0; i < slack; ++i) {
      block[size + i] = 1;
      EXPECT_EQ(pool.check_edges(slot).behind, i + 1);
    }
    for (std::size_t i = 1; i <= front && i <= kGuardFront; ++i) {
      *(block - i) = 1;
      EXPECT_EQ(pool.check_edges(slot).before, i);
    }
    pool.put_back(slot);
  }
}

TEST_F(GuardPoolTest, ABlockMayBeMadeSmallerBeforeAnybodyHasIt) {
  ASSERT_TRUE(pool.open(kSlots));
  GuardSlot* const slot = taken(128, 16);
  pool.place_again(slot, 100, 64);
  EXPECT_EQ(slot->start.get() % 64, 0u);
  EXPECT_EQ(slot->size.get(), 100u);
  const std::uintptr_t end = slot->start.get() + 100;
  EXPECT_LT(align_up(end, 4096) - end, 64u);
  EXPECT_FALSE(can_read(align_up(end, 4096)));
  EXPECT_EQ(pool.check_edges(slot).behind, 0u);
  EXPECT_EQ(pool.check_edges(slot).before, 0u);
}

}  // namespace
}  // namespace ashlar
