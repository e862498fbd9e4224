// What the policy of a set of arenas decides besides sizes: whose NUMA node a claim is served
// from, how free memory is given back and in what pieces, which places stay for arenas by hand.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "arena/arena_set.h"
#include "fake_os.h"

namespace ashlar {
namespace {

constexpr std::size_t kPolicySize = 16 * kMiB;

class ArenaPolicyTest : public FakeOsTest {
 protected:
  Arena<FakeOs>* add(int node, bool exclusive = false) {
    return set_->add_memory(
        {.start = FakeOs::reserve(nullptr, kPolicySize, kArenaAlignment, Access::kReadWrite),
         .size = kPolicySize,
         .committed = true,
         .zero = true,
         .purging = Purging::kLeavesZero,
         .exclusive = exclusive,
         .numa_node = node});
  }
  Claim<FakeOs> claim(std::uint32_t count, int node = -1) {
    Claim<FakeOs> claim;
    EXPECT_TRUE(set_->claim({count}, {1}, {0}, &claim, node));
    return claim;
  }
  void release(const Claim<FakeOs>& held, std::uint64_t now_ms = 0) {
    set_->release(held.arena, held.run, held.run.count, Contents::kUnknown, now_ms);
  }
  // Leaves no free slice in an arena.
  void fill(Arena<FakeOs>* arena) {
    SliceRun run;
    Contents contents;
    while (arena->claim({1}, {1}, {0}, &run, &contents)) {
    }
  }
  std::uint64_t purges() { return os().purges.load(std::memory_order_relaxed); }
  std::uint64_t resets() { return os().resets.load(std::memory_order_relaxed); }

  std::unique_ptr<ArenaSet<FakeOs>> set_ = std::make_unique<ArenaSet<FakeOs>>();
};

TEST_F(ArenaPolicyTest, ANodesOwnArenasComeFirstThenThoseOfNoneThenOthers) {
  set_->configure({.os_allowed = false});
  EXPECT_FALSE(set_->tells_nodes_apart());
  Arena<FakeOs>* const of_zero = add(0);
  Arena<FakeOs>* const of_none = add(-1);
  Arena<FakeOs>* const of_one = add(1);
  Arena<FakeOs>* const walled = add(1, true);
  EXPECT_TRUE(set_->tells_nodes_apart());
  EXPECT_EQ(claim(1, 1).arena, of_one);
  EXPECT_EQ(claim(1, 0).arena, of_zero);
  EXPECT_EQ(claim(1, 2).arena, of_none);
  EXPECT_EQ(claim(1).arena, of_zero) << "without a node the first that has room";
  fill(of_one);
  EXPECT_EQ(claim(1, 1).arena, of_none);
  fill(of_none);
  EXPECT_EQ(claim(1, 1).arena, of_zero);
  fill(of_zero);
  Claim<FakeOs> none;
  EXPECT_FALSE(set_->claim({1}, {1}, {0}, &none, 1));
  EXPECT_EQ(walled->count_in_use(), walled->first_slice().value);
}

TEST_F(ArenaPolicyTest, FarMemoryComesBeforeAnotherArenaOfNoNode) {
  set_->configure({.reserve = kPolicySize});
  Arena<FakeOs>* const of_zero = add(0);
  EXPECT_EQ(claim(1, 1).arena, of_zero);
  EXPECT_EQ(set_->count_arenas(), 1u);
  fill(of_zero);
  EXPECT_EQ(claim(1, 1).arena->numa_node(), -1);
  EXPECT_EQ(os().last_bound_node, -2);
}

TEST_F(ArenaPolicyTest, LocalArenasAreReservedForTheNodeThatAsks) {
  set_->configure({.reserve = kPolicySize, .numa_local = true});
  EXPECT_TRUE(set_->tells_nodes_apart());
  const Claim<FakeOs> first = claim(1, 0);
  EXPECT_EQ(first.arena->numa_node(), 0);
  const Claim<FakeOs> second = claim(1, 1);
  EXPECT_EQ(second.arena->numa_node(), 1);
  EXPECT_EQ(os().last_bound_node, 1);
  EXPECT_EQ(claim(1, 0).arena, first.arena);
  EXPECT_EQ(claim(1, 1).arena, second.arena);
  EXPECT_EQ(set_->count_arenas(), 2u);
  os().reserve_fails = true;
  EXPECT_NE(claim(1, 2).arena, nullptr) << "where there is no more, others' memory will do";
}

TEST_F(ArenaPolicyTest, AResetLeavesMemoryThatIsNotKnownToBeZero) {
  set_->configure({.reserve = kPolicySize, .purge_delay_ms = 0, .purge_by_reset = true});
  const Claim<FakeOs> held = claim(4);
  std::memset(held.start(), 1, 4 * kSliceSize);
  release(held);
  EXPECT_EQ(resets(), 1u);
  EXPECT_EQ(purges(), 0u);
  EXPECT_EQ(set_->waiting_bytes(), 0u);
  const Claim<FakeOs> again = claim(4);
  EXPECT_EQ(again.run.first, held.run.first);
  EXPECT_EQ(again.contents, Contents::kUnknown);
}

TEST_F(ArenaPolicyTest, HowToGiveBackCanBeChangedLater) {
  set_->configure({.reserve = kPolicySize, .purge_delay_ms = 0, .purge_by_reset = true});
  set_->configure({.reserve = kPolicySize, .purge_delay_ms = 0});
  release(claim(4));
  EXPECT_EQ(resets(), 0u);
  EXPECT_EQ(purges(), 1u);
}

TEST_F(ArenaPolicyTest, PiecesThatAreTooSmallWaitUntilAllIsAskedFor) {
  set_->configure({.reserve = kPolicySize, .purge_delay_ms = 100, .least_purge = 8 * kSliceSize});
  const Claim<FakeOs> small = claim(7);
  claim(1);
  const Claim<FakeOs> enough = claim(8);
  release(small, 1000);
  release(enough, 1000);
  EXPECT_EQ(set_->purge_if_due(2000), 8 * kSliceSize);
  EXPECT_EQ(set_->waiting_bytes(), 7 * kSliceSize);
  EXPECT_EQ(set_->purge_now(), 7 * kSliceSize);
}

TEST_F(ArenaPolicyTest, ThePiecesThatAreAskedForAreNeverLargerThanThereCanBe) {
  set_->configure({.reserve = kPolicySize, .purge_delay_ms = 0, .least_purge = kGiB});
  const Claim<FakeOs> held = claim(2 * kBitsPerWord);  // spans a whole group of slices
  release(held);
  EXPECT_EQ(set_->waiting_bytes(), kBitsPerWord * kSliceSize);
}

TEST_F(ArenaPolicyTest, SomePlacesStayForArenasByHand) {
  set_->configure({.reserve = kArenaMinSize});
  for (std::size_t i = 0; i < kArenaCountMax - kArenaCountByHand; ++i) {
    ASSERT_NE(add(-1, true), nullptr);
  }
  Claim<FakeOs> none;
  EXPECT_FALSE(set_->claim({1}, {1}, &none));
  for (std::size_t i = 0; i < kArenaCountByHand; ++i) {
    EXPECT_NE(set_->add_reserved(kArenaMinSize, {.committed = true}), nullptr);
  }
  EXPECT_EQ(set_->add_reserved(kArenaMinSize, {.committed = true}), nullptr);
  EXPECT_TRUE(set_->claim({1}, {1}, &none));
}

}  // namespace
}  // namespace ashlar
