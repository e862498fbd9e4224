// All arenas over a system that fails on demand: growth, when it is refused, and when freed
// memory is purged. Time is what the test says it is.
#include "arena/arena_set.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "fake_os.h"

namespace ashlar {
namespace {

constexpr std::size_t kReserve = 64 * kMiB;
constexpr std::uint32_t kAlignmentMax = kArenaAlignment / kSliceSize;

class ArenaSetTest : public FakeOsTest {
 protected:
  ArenaSetTest() { configure(100); }

  void configure(std::int64_t delay, bool os_allowed = true) {
    set_->configure({.reserve = kReserve, .purge_delay_ms = delay, .os_allowed = os_allowed});
  }
  Claim<FakeOs> claim(std::uint32_t count, std::uint32_t alignment = 1) {
    Claim<FakeOs> claim;
    EXPECT_TRUE(set_->claim({count}, {alignment}, &claim));
    return claim;
  }
  bool refuses(std::uint32_t count, std::uint32_t alignment = 1) {
    Claim<FakeOs> claim;
    return !set_->claim({count}, {alignment}, &claim);
  }
  // All of it may be resident.
  void release(const Claim<FakeOs>& held, std::uint64_t now_ms) {
    set_->release(held.arena, held.run, held.run.count, Contents::kUnknown, now_ms);
  }
  // Leaves no free slice in the arenas there are.
  void fill() {
    for (std::uint32_t i = 0; i < set_->count_arenas(); ++i) {
      SliceRun run;
      Contents contents;
      while (set_->arena(i)->claim({1}, {1}, {0}, &run, &contents)) {
      }
    }
  }
  ArenaMemory memory(std::size_t size) {
    return {.start = FakeOs::reserve(nullptr, size, kArenaAlignment, Access::kReadWrite),
            .size = size,
            .committed = true,
            .zero = true,
            .purging = Purging::kLeavesZero};
  }

  std::unique_ptr<ArenaSet<FakeOs>> set_ = std::make_unique<ArenaSet<FakeOs>>();
};

TEST_F(ArenaSetTest, ReservesNothingBeforeTheFirstClaim) {
  EXPECT_EQ(set_->count_arenas(), 0u);
  EXPECT_EQ(os().reserves.load(std::memory_order_relaxed), 0u);
  EXPECT_EQ(set_->waiting_bytes(), 0u);
  EXPECT_EQ(set_->purge_now(), 0u);
  int local = 0;
  EXPECT_EQ(set_->arena_of(&local), nullptr);
}

TEST_F(ArenaSetTest, ServesFromTheFirstArenaThatHasRoom) {
  const Claim<FakeOs> first = claim(1);
  EXPECT_EQ(set_->count_arenas(), 1u);
  EXPECT_EQ(first.arena->size(), kReserve);
  EXPECT_EQ(set_->arena_of(first.start()), first.arena);
  fill();
  const Claim<FakeOs> second = claim(1);
  EXPECT_EQ(set_->count_arenas(), 2u);
  EXPECT_NE(second.arena, first.arena);
  EXPECT_EQ(set_->arena_of(second.start()), second.arena);
  release(first, 0);
  EXPECT_EQ(claim(1).arena, first.arena);
}

TEST_F(ArenaSetTest, AlignsFromTheStartOfTheAddressSpace) {
  for (std::uint32_t alignment = 1; alignment <= kAlignmentMax; alignment *= 2) {
    EXPECT_TRUE(is_aligned(claim(3, alignment).start(), alignment * kSliceSize)) << alignment;
  }
}

TEST_F(ArenaSetTest, EachArenaIsPutBehindTheLastByItsHint) {
  const std::uintptr_t hint = kHintStart + 7 * kHintStep;
  std::uintptr_t next = hint;
  set_ = std::make_unique<ArenaSet<FakeOs>>();
  set_->configure(
      {.reserve = kReserve, .next_address = &next, .purge_delay_ms = 0, .os_allowed = true});
  claim(1);
  EXPECT_EQ(address_of(os().last_hint), hint);
  fill();
  claim(1);
  EXPECT_EQ(address_of(os().last_hint),
            hint + kReserve + (kActive.guard_pages ? kArenaAlignment : 0));
}

TEST_F(ArenaSetTest, ArenasDoubleInSizeWithEachEight) {
  for (int i = 0; i < 17; ++i) {
    fill();
    claim(1);
  }
  ASSERT_EQ(set_->count_arenas(), 17u);
  EXPECT_EQ(set_->arena(0)->size(), kReserve);
  EXPECT_EQ(set_->arena(7)->size(), kReserve);
  EXPECT_EQ(set_->arena(8)->size(), 2 * kReserve);
  EXPECT_EQ(set_->arena(15)->size(), 2 * kReserve);
  EXPECT_EQ(set_->arena(16)->size(), 4 * kReserve);
}

TEST_F(ArenaSetTest, ARequestLargerThanTheDefaultGetsAnArenaThatFits) {
  const auto slices = static_cast<std::uint32_t>(4 * kReserve / kSliceSize);
  const Claim<FakeOs> large = claim(slices, kAlignmentMax);
  EXPECT_EQ(large.run.count.value, slices);
  EXPECT_GT(large.arena->size(), 4 * kReserve);
}

TEST_F(ArenaSetTest, TakesASmallerArenaWhereTheDefaultCannotBeHad) {
  os().reserve_max = kReserve / 2;
  const Claim<FakeOs> small = claim(1);
  EXPECT_LE(small.arena->size(), kReserve / 2);
  EXPECT_GE(small.arena->size(), kArenaMinSize);
}

TEST_F(ArenaSetTest, RefusesWhatNoArenaCanHoldAndStaysUsable) {
  os().reserve_max = kReserve / 2;
  EXPECT_TRUE(refuses(static_cast<std::uint32_t>(kReserve / kSliceSize)));
  EXPECT_EQ(set_->count_arenas(), 0u);
  claim(1);
}

TEST_F(ArenaSetTest, RefusesWhereTheSystemHasNoMemoryAndServesAgainWhenItHas) {
  os().reserve_fails = true;
  EXPECT_TRUE(refuses(1));
  EXPECT_EQ(set_->count_arenas(), 0u);
  os().reserve_fails = false;
  claim(1);
}

TEST_F(ArenaSetTest, GivesBackAnArenaWhoseMetadataCannotBeCommitted) {
  os().overcommits = false;
  os().commit_fails = true;
  EXPECT_TRUE(refuses(1));
  EXPECT_EQ(os().mapping_count(), 0u);
  os().commit_fails = false;
  EXPECT_EQ(claim(1).contents, Contents::kZero);
  EXPECT_EQ(os().last_access, Access::kNone);
}

TEST_F(ArenaSetTest, AsksForReadWriteMemoryWhereThatCostsNothing) {
  claim(1);
  EXPECT_EQ(os().last_access, Access::kReadWrite);
  EXPECT_EQ(os().commits.load(std::memory_order_relaxed), 0u);
}

TEST_F(ArenaSetTest, AsksTheSystemForNothingWhereThatIsForbidden) {
  configure(100, false);
  EXPECT_TRUE(refuses(1));
  EXPECT_EQ(os().reserves.load(std::memory_order_relaxed), 0u);
  Arena<FakeOs>* const added = set_->add_memory(memory(kReserve));
  ASSERT_NE(added, nullptr);
  EXPECT_EQ(claim(1).arena, added);
  fill();
  EXPECT_TRUE(refuses(1));
}

TEST_F(ArenaSetTest, TheTableOfArenasHasAnEnd) {
  for (std::size_t i = 0; i < kArenaCountMax; ++i) {
    ASSERT_NE(set_->add_memory(memory(kArenaMinSize)), nullptr) << i;
  }
  EXPECT_EQ(set_->add_memory(memory(kArenaMinSize)), nullptr);
  fill();
  const std::uint64_t before = os().reserves.load(std::memory_order_relaxed);
  EXPECT_TRUE(refuses(1));
  EXPECT_EQ(os().reserves.load(std::memory_order_relaxed), before);
  EXPECT_EQ(set_->count_arenas(), kArenaCountMax);
}

TEST_F(ArenaSetTest, PurgesWhenTheDeadlineHasPassedAndNotBefore) {
  const Claim<FakeOs> held = claim(8);
  EXPECT_FALSE(set_->purge_pending());
  release(held, 1000);
  EXPECT_TRUE(set_->purge_pending());
  EXPECT_EQ(set_->waiting_bytes(), 8 * kSliceSize);
  EXPECT_EQ(set_->purge_if_due(1099), 0u);
  EXPECT_EQ(set_->purge_if_due(1100), 8 * kSliceSize);
  EXPECT_EQ(set_->waiting_bytes(), 0u);
  EXPECT_EQ(set_->purge_if_due(5000), 0u);
  EXPECT_FALSE(set_->purge_pending()) << "nothing waits any more";
}

TEST_F(ArenaSetTest, LaterFreesDoNotPutTheDeadlineOff) {
  const Claim<FakeOs> first = claim(1);
  const Claim<FakeOs> second = claim(1);
  release(first, 1000);
  release(second, 1090);
  EXPECT_GE(set_->purge_if_due(1100), kSliceSize);
  set_->purge_if_due(1200);
  EXPECT_EQ(set_->waiting_bytes(), 0u);
}

TEST_F(ArenaSetTest, WhatIsClaimedAgainBeforeTheDeadlineIsNotPurged) {
  const Claim<FakeOs> held = claim(8);
  release(held, 0);
  claim(8);
  EXPECT_EQ(set_->purge_if_due(1000), 0u);
  EXPECT_EQ(os().purges.load(std::memory_order_relaxed), 0u);
}

TEST_F(ArenaSetTest, ADelayOfZeroPurgesAtOnce) {
  configure(0);
  const Claim<FakeOs> held = claim(8);
  release(held, 1000);
  EXPECT_EQ(set_->waiting_bytes(), 0u);
  EXPECT_EQ(os().purges.load(std::memory_order_relaxed), 1u);
  EXPECT_EQ(claim(8).contents, Contents::kZero);
}

TEST_F(ArenaSetTest, ANegativeDelayNeverPurges) {
  configure(-1);
  const auto slices = static_cast<std::uint32_t>(16 * kPurgeBudgetMin / kSliceSize);
  const Claim<FakeOs> held = claim(slices);
  release(held, 1000);
  EXPECT_FALSE(set_->purge_pending());
  EXPECT_EQ(set_->purge_if_due(1'000'000), 0u);
  EXPECT_EQ(os().purges.load(std::memory_order_relaxed), 0u);
  EXPECT_EQ(set_->purge_now(), slices * kSliceSize) << "unless it is asked for";
}

TEST_F(ArenaSetTest, AProgramThatNeverCallsAgainKeepsLittle) {
  std::vector<Claim<FakeOs>> held;
  for (int i = 0; i < 100; ++i) {
    held.push_back(claim(8));
  }
  for (const Claim<FakeOs>& each : held) {
    release(each, 0);  // all in the same millisecond: no deadline passes
  }
  EXPECT_LE(set_->waiting_bytes(), kPurgeBudgetFree);
}

TEST_F(ArenaSetTest, MemoryThatWasNeverTouchedSetsNoDeadline) {
  const Claim<FakeOs> held = claim(8);
  set_->release(held.arena, held.run, {0}, held.contents, 0);
  EXPECT_FALSE(set_->purge_pending());
}

// The same few operations with the N-th call failing, for every N: a claim may be refused, but
// what is claimed can be used, and afterwards all is well again.
class FailingCallTest : public testing::TestWithParam<std::tuple<bool, bool>> {
 protected:
  static void release(ArenaSet<FakeOs>& set, const Claim<FakeOs>& held) {
    set.release(held.arena, held.run, held.run.count, Contents::kUnknown, 0);
  }
};

TEST_P(FailingCallTest, NothingIsLostWhicheverCallFails) {
  const auto [overcommits, onwards] = GetParam();
  bool reached = true;
  for (std::uint64_t n = 1; reached; ++n) {
    ASSERT_LT(n, 200u);
    FakeOsScope scope;
    FakeOs::State& os = *FakeOs::state;
    os.overcommits = overcommits;
    auto set = std::make_unique<ArenaSet<FakeOs>>();
    set->configure({.reserve = kArenaMinSize * 2, .purge_delay_ms = 0, .os_allowed = true});
    os.fail_at = n;
    os.fail_onwards = onwards;
    std::vector<Claim<FakeOs>> held;
    auto use = [&](const Claim<FakeOs>& claim) {
      for (std::uint32_t i = 0; i < claim.run.count.value; ++i) {
        auto* const word = at_offset<int>(claim.start(), i * kSliceSize);
        if (claim.contents == Contents::kZero) {
          ASSERT_EQ(*word, 0);
        }
        *word = 1;
      }
    };
    for (const std::uint32_t count : {1u, 8u, 64u, 100u, 64u, 200u, 3u}) {
      Claim<FakeOs> claim;
      if (set->claim({count}, {1}, &claim)) {
        use(claim);
        held.push_back(claim);
      }
      if (held.size() > 2) {
        release(*set, held.front());
        held.erase(held.begin());
      }
    }
    reached = os.calls.load(std::memory_order_relaxed) >= n;
    os.fail_at = 0;
    Claim<FakeOs> claim;
    ASSERT_TRUE(set->claim({100}, {1}, &claim)) << "after a failure of call " << n;
    use(claim);
    held.push_back(claim);
    for (const Claim<FakeOs>& each : held) {
      release(*set, each);
    }
    std::uint32_t in_use = 0;
    std::uint32_t metadata = 0;
    set->for_each_arena([&](const Arena<FakeOs>& arena) {
      in_use += arena.count_in_use();
      metadata += arena.first_slice().value;
    });
    EXPECT_EQ(in_use, metadata) << "slices were lost when call " << n << " failed";
    EXPECT_EQ(os.mapping_count(), set->count_arenas() + os.failed_releases)
        << "a mapping was lost when call " << n << " failed";
  }
}

INSTANTIATE_TEST_SUITE_P(ArenaSet, FailingCallTest,
                         testing::Combine(testing::Bool(), testing::Bool()));

TEST_F(ArenaSetTest, ThreadsThatAllNeedAnArenaGetWhatTheyAskFor) {
  constexpr int kThreads = 4;
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int id = 0; id < kThreads; ++id) {
    threads.emplace_back([&] {
      for (int i = 0; i < 40; ++i) {
        Claim<FakeOs> claim;
        if (!set_->claim({64}, {64}, &claim)) {
          refused.fetch_add(1, std::memory_order_relaxed);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(refused.load(std::memory_order_relaxed), 0);
  // 160 large pages fill eleven arenas; two that were added at the same moment would show here.
  EXPECT_LE(set_->count_arenas(), 12u);
}

// Pages that empty one by one, far from each other, while what waits is over the budget.
TEST_F(ArenaSetTest, WhatIsOverTheBudgetGoesByFewCalls) {
  purge_budget_cap.set(SIZE_MAX);
  std::vector<Claim<FakeOs>> held;
  for (int i = 0; i < 1024; ++i) {
    held.push_back(claim(1));
  }
  std::size_t released = 0;
  for (std::size_t i = 0; i < held.size(); i += 2, ++released) {
    release(held[i], 1000);
    ASSERT_LE(set_->waiting_bytes(), kPurgeBudgetFree);
  }
  const std::size_t purged = released - set_->waiting_bytes() / kSliceSize;
  EXPECT_GE(purged, released - kPurgeBudgetFree / kSliceSize);
  EXPECT_LE(os().purges.load(std::memory_order_relaxed), purged / 8);
}

}  // namespace
}  // namespace ashlar
