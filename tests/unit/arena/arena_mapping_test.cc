// What arenas are made of: large OS pages where they are allowed and there, else ordinary ones,
// with what the system is told of those; committed at once or not; near a NUMA node.
#include "arena/arena_mapping.h"

#include <gtest/gtest.h>

#include <memory>

#include "arena/arena_set.h"
#include "fake_os.h"

namespace ashlar {
namespace {

constexpr std::size_t kMappedSize = 64 * kMiB;

class ArenaMappingTest : public FakeOsTest {
 protected:
  ArenaMemory map(const ArenaRequest& request, HugePageUse use = {}) {
    return map_arena<FakeOs>(nullptr, kMappedSize, request, use);
  }
  std::uint64_t large_reserves() { return os().large_reserves.load(std::memory_order_relaxed); }
};

TEST_F(ArenaMappingTest, IsOfOrdinaryPagesUnlessMoreIsAllowed) {
  os().has_large_pages = true;
  const ArenaMemory memory = map({.committed = true});
  ASSERT_NE(memory.start, nullptr);
  EXPECT_EQ(large_reserves(), 0u);
  EXPECT_EQ(os().huge_wanted + os().huge_unwanted, 0u);
  EXPECT_EQ(memory.purging, Purging::kLeavesZero);
  EXPECT_TRUE(memory.committed && memory.zero && memory.owned);
}

TEST_F(ArenaMappingTest, LargePagesArePinned) {
  os().has_large_pages = true;
  for (const bool by_option : {true, false}) {
    const ArenaMemory memory =
        map({.committed = true, .allow_large = !by_option}, {.allow_large = by_option});
    ASSERT_NE(memory.start, nullptr);
    EXPECT_EQ(memory.purging, Purging::kNever);
    EXPECT_TRUE(memory.committed && memory.zero);
  }
  EXPECT_EQ(large_reserves(), 2u);
}

TEST_F(ArenaMappingTest, OrdinaryPagesAreTakenWhereThereAreNoLargeOnes) {
  const ArenaMemory memory = map({.committed = true, .allow_large = true});
  ASSERT_NE(memory.start, nullptr);
  EXPECT_EQ(large_reserves(), 1u);
  EXPECT_EQ(memory.purging, Purging::kLeavesZero);
  EXPECT_EQ(os().huge_wanted, kMappedSize);
  EXPECT_TRUE(large_pages_refused.get());
}

TEST_F(ArenaMappingTest, LargePagesAreNotForMemoryThatIsCommittedPieceByPiece) {
  os().has_large_pages = true;
  const ArenaMemory memory = map({.committed = false, .allow_large = true});
  EXPECT_EQ(large_reserves(), 0u);
  EXPECT_FALSE(memory.committed);
  EXPECT_EQ(os().huge_wanted, kMappedSize);
}

TEST_F(ArenaMappingTest, TransparentPagesCanBeForbidden) {
  map({.committed = true}, {.allow_transparent = false});
  EXPECT_EQ(os().huge_unwanted, kMappedSize);
  EXPECT_EQ(os().huge_wanted, 0u);
}

TEST_F(ArenaMappingTest, IsBoundToItsNode) {
  EXPECT_EQ(map({.numa_node = 2}).numa_node, 2);
  EXPECT_EQ(os().last_bound_node, 2);
  os().last_bound_node = -2;
  EXPECT_EQ(map({}).numa_node, -1);
  EXPECT_EQ(os().last_bound_node, -2);
}

TEST_F(ArenaMappingTest, WhatTheSystemRefusesIsNoArena) {
  os().reserve_fails = true;
  EXPECT_EQ(map({.committed = true, .allow_large = true}, {.allow_transparent = false}).start,
            nullptr);
  EXPECT_EQ(os().huge_wanted + os().huge_unwanted, 0u);
}

TEST_F(ArenaMappingTest, ArenasAreCommittedAtOnceAsThePolicySays) {
  struct Case {
    EagerCommit eager;
    bool overcommits;
    Access expected;
  };
  for (const Case& each : {Case{EagerCommit::kNever, true, Access::kNone},
                           Case{EagerCommit::kNever, false, Access::kNone},
                           Case{EagerCommit::kAlways, true, Access::kReadWrite},
                           Case{EagerCommit::kAlways, false, Access::kReadWrite},
                           Case{EagerCommit::kWhereOvercommitted, true, Access::kReadWrite},
                           Case{EagerCommit::kWhereOvercommitted, false, Access::kNone}}) {
    os().overcommits = each.overcommits;
    const auto set = std::make_unique<ArenaSet<FakeOs>>();
    set->configure({.reserve = kMappedSize, .eager_commit = each.eager});
    Claim<FakeOs> claim;
    ASSERT_TRUE(set->claim({1}, {1}, &claim));
    EXPECT_EQ(os().last_access, each.expected);
    *static_cast<char*>(claim.start()) = 1;
  }
}

TEST_F(ArenaMappingTest, LargePagesForAllArenasArePinnedThere) {
  os().has_large_pages = true;
  const auto set = std::make_unique<ArenaSet<FakeOs>>();
  set->configure(
      {.reserve = kMappedSize, .purge_delay_ms = 0, .huge_pages = {.allow_large = true}});
  Claim<FakeOs> claim;
  ASSERT_TRUE(set->claim({4}, {1}, &claim));
  EXPECT_TRUE(claim.arena->is_pinned());
  set->release(claim.arena, claim.run, claim.run.count, Contents::kUnknown, 0);
  EXPECT_EQ(os().purges.load(std::memory_order_relaxed), 0u);
}

}  // namespace
}  // namespace ashlar
