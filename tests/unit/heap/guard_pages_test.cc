// Guards: OS pages behind blocks and round our own records that nobody may touch, in the profile
// that has them, and that there are none in the others. And records that were written over.
#include "heap/guard_pages.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

#include "arena/guarded_records.h"
#include "support/options.h"
#include "unit/heap/heap_test_support.h"

namespace ashlar {
namespace {

using heap_test::page_of;
using heap_test::take;

// The kernel says no to a byte that may not be read, where we would be stopped.
bool is_accessible(const void* address) {
  static int ends[2] = {-1, -1};
  if (ends[0] < 0 && pipe(ends) != 0) {
    return false;
  }
  if (write(ends[1], address, 1) != 1) {
    EXPECT_EQ(errno, EFAULT);
    return false;
  }
  char byte = 0;
  EXPECT_EQ(read(ends[0], &byte, 1), 1);
  return true;
}

const void* before(const void* address) {
  return reinterpret_cast<const void*>(address_of(address) - 1);
}

void expect_guard(const void* address, const char* what) {
  EXPECT_EQ(is_accessible(address), !kActive.guard_pages) << what;
}

class GuardLevels : public testing::Test {
 protected:
  void TearDown() override { set_level(kDefault); }
  static void set_level(long level) {
    option_set(Option::kGuardPages, level);
    read_tuning();
  }
  const long kDefault = option_get(Option::kGuardPages);
};

TEST_F(GuardLevels, WhatTakesMoreThanASliceHasOneBehindItByDefault) {
  void* const huge = take(100'000);
  const Page* const page = page_of(huge);
  expect_guard(at_offset(huge, page->block_size), "behind a huge block");
  EXPECT_TRUE(is_accessible(at_offset(huge, page->block_size - 1)));
  void* const medium = take(kMediumBlockMax - kPadding);
  const Page* const large = page_of(medium);
  ASSERT_GT(large->slices.value, 1U);
  expect_guard(at_offset(large->start, page_bytes(large) - 1), "at the end of a large page");
  EXPECT_TRUE(is_accessible(at_offset(large->start, large->reserved * large->block_size - 1)));
  free_block(huge);
  free_block(medium);
  void* const of_one_slice = take(kMediumBlockMax + 1);
  EXPECT_FALSE(page_of(of_one_slice)->guarded);
  free_block(of_one_slice);
}

TEST_F(GuardLevels, EveryPageHasOneWhereThatIsAskedFor) {
  set_level(2);
  const std::vector<void*> held = heap_test::take_pages(200, 2);
  const Page* const page = page_of(held.back());
  EXPECT_EQ(page->guarded, kActive.guard_pages);
  expect_guard(at_offset(page->start, page_bytes(page) - 1), "at the end of a page");
  heap_test::free_all(held);
}

TEST_F(GuardLevels, NoneWhereNoneIsAskedFor) {
  set_level(0);
  void* const huge = take(100'000);
  EXPECT_FALSE(page_of(huge)->guarded);
  free_block(huge);
}

TEST(RecordGuards, StandBehindTheMetadataOfAnArena) {
  void* const block = take(100);
  const SystemArena* const arena = page_of(block)->arena;
  ASSERT_NE(arena, nullptr);
  const void* const front_end =
      at_offset(static_cast<const void*>(arena->start()), SystemArena::front_bytes(arena->size()));
  EXPECT_TRUE(is_accessible(arena->start()));
  expect_guard(before(front_end), "between the metadata and the first page");
  EXPECT_LT(address_of(page_of(block)), address_of(front_end) - System::page_size());
  free_block(block);
}

TEST(RecordGuards, StandOnBothSidesOfRecords) {
  constexpr std::size_t kBytes = 3 * kSliceSize;
  void* const records = reserve_records<System>(kBytes);
  ASSERT_NE(records, nullptr);
  EXPECT_TRUE(is_aligned(address_of(records), kCacheLine));
  EXPECT_TRUE(is_accessible(records));
  EXPECT_TRUE(is_accessible(at_offset(records, kBytes - 1)));
  if (kActive.guard_pages) {
    EXPECT_FALSE(is_accessible(before(records)));
    EXPECT_FALSE(is_accessible(at_offset(records, kBytes)));
  }
  EXPECT_TRUE(release_records<System>(records, kBytes));
  EXPECT_FALSE(is_accessible(records));
}

TEST(RecordGuards, RecordsOfThreadsLieApartFromBlocks) {
  // In a profile that guards no arena holds them.
  const bool in_arena = page_map.find(thread_heap) != nullptr ||
                        thread_heap->home->realm->arenas.arena_of(thread_heap) != nullptr;
  EXPECT_TRUE(!kActive.guard_pages || !in_arena);
}

#if defined(ASHLAR_PROFILE_SECURE) || defined(ASHLAR_PROFILE_DEBUG)

// What a stray write does to a page's record shows when the page is next looked at.
class DamagedRecords : public testing::Test {
 protected:
  // Blocks of a class that nothing else uses: their page is the last one looked at.
  static constexpr std::size_t kSize = 5000;
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "fast"); }

  template <class Damage>
  static void damage_and_go_on(Damage damage) {
    void* const block = take(kSize);
    damage(page_of(block));
    for (int i = 0; i < 100; ++i) {
      static_cast<void>(take(kSize));
    }
  }
};

TEST_F(DamagedRecords, TheSizeOfItsBlocks) {
  EXPECT_DEATH(damage_and_go_on([](Page* page) { page->block_size = 16; }),
               "corrupted record of the page at 0x[0-9a-f]+ \\(its size class\\)");
}

TEST_F(DamagedRecords, HowManyItHas) {
  EXPECT_DEATH(damage_and_go_on([](Page* page) { page->reserved = 1'000'000; }),
               "corrupted record of the page at 0x[0-9a-f]+ \\(how many blocks it has\\)");
}

TEST_F(DamagedRecords, WhereTheyLie) {
  EXPECT_DEATH(
      damage_and_go_on([](Page* page) { page->start = at_offset(page->start, kSliceSize * 100); }),
      "corrupted record of the page at 0x[0-9a-f]+ \\(where its blocks lie\\)");
}

TEST_F(DamagedRecords, WhichPagesStandBesideIt) {
  EXPECT_DEATH(damage_and_go_on([](Page* page) {
                 static Page elsewhere;
                 page->next = &elsewhere;
               }),
               "corrupted record of the page at 0x[0-9a-f]+ \\(its place among the pages");
}

#endif

}  // namespace
}  // namespace ashlar
