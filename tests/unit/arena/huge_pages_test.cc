// Huge OS pages over a system that has as many as the test says, by a clock of the test's.
#include "arena/huge_pages.h"

#include <gtest/gtest.h>

#include <memory>

#include "arena/arena_set.h"
#include "fake_os.h"

namespace ashlar {
namespace {

class HugePagesTest : public FakeOsTest {
 protected:
  HugePages reserve(std::size_t pages, std::uint64_t timeout_ms = 0, int node = -1) {
    return reserve_huge_pages<FakeOs>(
        {.start = start_, .pages = pages, .numa_node = node, .timeout_ms = timeout_ms},
        [this] { return os().clock_ms; });
  }
  // Free addresses, as far as a test can know.
  void* const start_ = [] {
    void* const place = Linux::reserve(nullptr, 16 * kHugeOsPage, kHugeOsPage, Access::kNone);
    Linux::release(place, 16 * kHugeOsPage);
    return place;
  }();
};

TEST_F(HugePagesTest, AreAllReservedSideBySide) {
  os().huge_pages = 5;
  const HugePages got = reserve(3);
  EXPECT_EQ(got.pages, 3u);
  EXPECT_EQ(got.end, HugePageEnd::kDone);
  EXPECT_EQ(got.error, 0);
  EXPECT_EQ(os().huge_pages, 2u);
  EXPECT_EQ(os().mapping_count(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    *at_offset<char>(start_, (i + 1) * kHugeOsPage - 1) = 1;
  }
  EXPECT_EQ(reserve(0).pages, 0u);
}

TEST_F(HugePagesTest, WhatThereIsIsKeptWhereTheSystemHasNoMore) {
  os().huge_pages = 2;
  const HugePages got = reserve(4);
  EXPECT_EQ(got.pages, 2u);
  EXPECT_EQ(got.end, HugePageEnd::kRefused);
  EXPECT_EQ(got.error, ENOMEM);
  EXPECT_EQ(os().mapping_count(), 2u);
}

TEST_F(HugePagesTest, NothingIsHeldWhereThereAreNone) {
  const HugePages got = reserve(4);
  EXPECT_EQ(got.pages, 0u);
  EXPECT_EQ(got.end, HugePageEnd::kRefused);
  EXPECT_EQ(os().mapping_count(), 0u);
}

TEST_F(HugePagesTest, AnAddressInUseIsLeftAlone) {
  os().huge_pages = 4;
  ASSERT_EQ(FakeOs::map_huge_page(at_offset(start_, kHugeOsPage), -1), 0);
  *at_offset<char>(start_, kHugeOsPage) = 42;
  const HugePages got = reserve(3);
  EXPECT_EQ(got.pages, 1u);
  EXPECT_EQ(got.error, EEXIST);
  EXPECT_EQ(*at_offset<char>(start_, kHugeOsPage), 42);
}

TEST_F(HugePagesTest, StopWhenTheTimeIsOver) {
  os().huge_pages = 8;
  os().ms_per_huge_page = 100;
  const HugePages got = reserve(8, 50);
  EXPECT_EQ(got.pages, 1u) << "the first is there whatever it took";
  EXPECT_EQ(got.end, HugePageEnd::kTimeout);
}

TEST_F(HugePagesTest, StopEarlyWhereThePaceIsTooSlowForTheWhole) {
  os().huge_pages = 8;
  os().ms_per_huge_page = 100;
  EXPECT_EQ(reserve(8, 799).pages, 1u);
  EXPECT_EQ(os().huge_pages, 7u);
}

TEST_F(HugePagesTest, TheTimeIsNoMatterOnceAllAreThere) {
  os().huge_pages = 8;
  os().ms_per_huge_page = 100;
  EXPECT_EQ(reserve(1, 50).end, HugePageEnd::kDone);
}

TEST_F(HugePagesTest, ExactlyInTimeIsInTime) {
  os().huge_pages = 4;
  os().ms_per_huge_page = 100;
  EXPECT_EQ(reserve(4, 400).end, HugePageEnd::kDone);
}

TEST_F(HugePagesTest, NoLimitIsNoLimit) {
  os().huge_pages = 4;
  os().ms_per_huge_page = 1'000'000;
  EXPECT_EQ(reserve(4, 0).end, HugePageEnd::kDone);
}

TEST_F(HugePagesTest, AreAskedForAtANode) {
  os().huge_pages = 4;
  reserve(1, 0, 3);
  EXPECT_EQ(os().last_huge_node, 3);
}

TEST_F(HugePagesTest, AreSpreadEvenlyAndTheRestGoesToTheFirstNodes) {
  for (const std::size_t pages : {0u, 1u, 3u, 4u, 7u, 400u}) {
    std::size_t sum = 0;
    for (std::size_t node = 0; node < 4; ++node) {
      const HugePageRequest part = part_of_node(pages, 1000, node, 4);
      EXPECT_EQ(part.numa_node, static_cast<int>(node));
      EXPECT_EQ(part.timeout_ms, 300u);
      EXPECT_EQ(part.pages, pages / 4 + (node < pages % 4 ? 1 : 0));
      sum += part.pages;
    }
    EXPECT_EQ(sum, pages);
  }
  EXPECT_EQ(part_of_node(5, 0, 1, 2).timeout_ms, 0u) << "no limit stays none";
}

TEST_F(HugePagesTest, MakeAnArenaThatIsZeroAndNeverPurged) {
  os().huge_pages = 2;
  ASSERT_EQ(reserve(2).pages, 2u);
  const auto set = std::make_unique<ArenaSet<FakeOs>>();
  set->configure({.purge_delay_ms = 0, .os_allowed = false});
  Arena<FakeOs>* const arena = set->add_memory({.start = start_,
                                                .size = 2 * kHugeOsPage,
                                                .committed = true,
                                                .zero = true,
                                                .purging = Purging::kNever,
                                                .owned = true,
                                                .numa_node = 1});
  ASSERT_NE(arena, nullptr);
  EXPECT_TRUE(arena->is_pinned());
  Claim<FakeOs> claim;
  const auto most =
      static_cast<std::uint32_t>(2 * kHugeOsPage / kSliceSize) - arena->first_slice().value;
  ASSERT_TRUE(set->claim({most}, {1}, &claim)) << "runs go on from page to page";
  EXPECT_EQ(claim.contents, Contents::kZero);
  *static_cast<char*>(claim.start()) = 1;
  set->release(claim.arena, claim.run, claim.run.count, Contents::kUnknown, 0);
  EXPECT_EQ(set->purge_now(), 0u);
  EXPECT_EQ(os().purges.load(std::memory_order_relaxed), 0u);
  EXPECT_EQ(*static_cast<char*>(claim.start()), 1);
  set->unmap_unless([](const Arena<FakeOs>&) { return false; });
  EXPECT_EQ(os().mapping_count(), 0u);
}

}  // namespace
}  // namespace ashlar
