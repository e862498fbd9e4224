// The rules that decide when free memory is purged: what idled, what is over the budget, and how
// the budget follows the faults that purging caused.
#include "arena/purge_policy.h"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

// What may wait without proof, where little is in use and the peak was high.
constexpr std::size_t kBudget = kPurgeBudgetFree;

// A policy with a delay of 100 ms and a peak of use that leaves room for any budget.
class PurgePolicyTest : public testing::Test {
 protected:
  PurgePolicyTest() {
    policy_.set_delay(100);
    policy_.after_claim(0, kPeak);
    purge_budget_cap.set(SIZE_MAX);
  }
  ~PurgePolicyTest() override { purge_budget_cap.set(cap_before_); }
  static constexpr std::size_t kPeak = 256 * kBudget;
  PurgePolicy policy_;
  // The library that this program runs on has set it, if other tests had threads.
  const std::size_t cap_before_ = purge_budget_cap.get();
};

TEST_F(PurgePolicyTest, NothingIsPurgedBelowTheBudgetBeforeTheDelayIsOver) {
  EXPECT_FALSE(policy_.pending());
  EXPECT_EQ(policy_.after_release(kBudget, 0, 0, 1000), 0u);
  EXPECT_TRUE(policy_.pending());
  EXPECT_EQ(policy_.at_time(kBudget, 1099), 0u);
  EXPECT_EQ(policy_.at_time(kBudget, 1100), kBudget);
}

TEST_F(PurgePolicyTest, OnlyTheLeastThatWaitedDuringTheDelayWasIdle) {
  ASSERT_EQ(policy_.after_release(900, 0, 0, 1000), 0u);
  policy_.after_claim(300, kPeak);
  ASSERT_EQ(policy_.after_release(800, 0, 0, 1050), 0u);
  EXPECT_EQ(policy_.at_time(800, 1100), 300u);
  // The other 500 idled through the next delay.
  EXPECT_EQ(policy_.at_time(500, 1200), 500u);
}

TEST_F(PurgePolicyTest, NoDeadlineIsLeftWhenNothingWaits) {
  ASSERT_EQ(policy_.after_release(900, 0, 0, 1000), 0u);
  policy_.after_claim(0, kPeak);
  EXPECT_EQ(policy_.at_time(0, 1100), 0u);
  EXPECT_FALSE(policy_.pending());
}

TEST_F(PurgePolicyTest, WhatIsOverTheBudgetIsPurgedAtOnce) {
  const std::size_t waiting = 3 * kBudget;
  const std::size_t purged = policy_.after_release(waiting, 0, 0, 1000);
  EXPECT_GE(purged, waiting - kBudget);
  EXPECT_LE(purged, waiting);
}

TEST_F(PurgePolicyTest, TheBudgetGrowsOnceHalfOfWhatWasPurgedIsClaimedAgain) {
  const std::size_t waiting = 3 * kBudget;
  policy_.after_purge(2 * kBudget, 0);
  EXPECT_NE(policy_.after_release(waiting, 0, kBudget - 1, 1000), 0u) << "too few came back";
  EXPECT_EQ(policy_.after_release(waiting, 0, kBudget, 1001), 0u) << "half came back";
  EXPECT_EQ(policy_.after_release(waiting, 0, kBudget, 1002), 0u) << "and the budget stays";
}

TEST_F(PurgePolicyTest, WhatIsClaimedAgainAfterLongWasWorthPurging) {
  const std::size_t waiting = 3 * kBudget;
  const std::size_t purged = policy_.after_release(waiting, 0, 0, 1000);
  ASSERT_NE(purged, 0u);
  policy_.after_purge(purged, 0);
  // All of it, ten seconds later: then it is purged again, and may wait if that is for nothing.
  const std::size_t again = policy_.after_release(waiting, 0, purged, 11'000);
  ASSERT_NE(again, 0u);
  policy_.after_purge(again, 0);
  EXPECT_EQ(policy_.after_release(waiting, 0, purged + again, 11'050), 0u);
}

TEST_F(PurgePolicyTest, WhatWasInUseUntilNowIsNotForgottenByThen) {
  ASSERT_EQ(policy_.after_release(kBudget, kPeak, 0, 1000), 0u);
  for (std::uint64_t now = 1100; now < 5000; now += 100) {
    policy_.after_claim(kBudget, kPeak / 1000);
    policy_.at_time(kBudget, now);
  }
  ASSERT_NE(policy_.after_release(100 * kBudget, 0, 0, 5000), 0u);
  policy_.after_purge(4 * kBudget, 0);
  policy_.note_use(kPeak);
  EXPECT_EQ(policy_.after_release(100 * kBudget, 0, 4 * kBudget, 5001), 0u);
}

TEST_F(PurgePolicyTest, TheBudgetShrinksByWhatIdled) {
  policy_.after_purge(2 * kBudget, 0);
  const std::size_t waiting = 8 * kBudget;
  ASSERT_EQ(policy_.after_release(waiting, 0, kBudget, 1000), 0u);
  EXPECT_EQ(policy_.at_time(waiting, 1100), waiting);
  EXPECT_NE(policy_.after_release(waiting, 0, kBudget, 1101), 0u);
}

TEST_F(PurgePolicyTest, WhatCannotBePurgedIsNotTriedAgainBeforeTheDelayIsOver) {
  const std::size_t waiting = 3 * kBudget;
  ASSERT_NE(policy_.after_release(waiting, 0, 0, 1000), 0u);
  policy_.after_purge(0, waiting);
  EXPECT_EQ(policy_.after_release(waiting + kBudget, 0, 0, 1001), 0u);
  EXPECT_NE(policy_.after_release(waiting + kBudget + 1, 0, 0, 1002), 0u);
  EXPECT_NE(policy_.at_time(waiting, 1101), 0u) << "now it is";
  EXPECT_FALSE(policy_.pending()) << "nothing else waits, so nobody has to come again";
}

TEST_F(PurgePolicyTest, TheCapHoldsWhateverTheBudget) {
  const std::size_t cap_before = purge_budget_cap.get();
  purge_budget_cap.set(SIZE_MAX);
  policy_.after_purge(2 * kBudget, 0);
  const std::size_t waiting = 64 * kBudget;
  policy_.after_claim(0, 2 * waiting);
  ASSERT_EQ(policy_.after_release(waiting, 0, kBudget, 1000), 0u);
  purge_budget_cap.set(8 * kBudget);
  EXPECT_GE(policy_.after_release(waiting, 0, kBudget, 1001), 56 * kBudget);
  purge_budget_cap.set(SIZE_MAX);
  EXPECT_EQ(policy_.after_release(waiting, 0, kBudget, 1002), 0u);
  purge_budget_cap.set(cap_before);
}

TEST_F(PurgePolicyTest, WhatIsLeftOfABurstThatWasPurgedHasADeadlineToo) {
  const std::size_t waiting = 3 * kBudget;
  const std::size_t purged = policy_.after_release(waiting, 0, 0, 1000);
  ASSERT_NE(purged, 0u);
  EXPECT_TRUE(policy_.pending());
  EXPECT_EQ(policy_.at_time(waiting - purged, 1100), waiting - purged);
}

TEST_F(PurgePolicyTest, UseAndWaitingStayBelowOneAndAHalfTimesThePeak) {
  policy_.after_purge(kBudget, 0);
  const std::size_t in_use = kPeak;
  const std::size_t waiting = kPeak;
  const std::size_t purged = policy_.after_release(waiting, in_use, kBudget, 1000);
  EXPECT_LE(in_use + waiting - purged, kPeak + kPeak / 2);
  EXPECT_GT(waiting - purged, kBudget);
}

// What waits beside what is in use was in use itself a moment ago: it adds nothing to the peak.
TEST(PurgePolicyBudget, TheRestOfThePeakMayWait) {
  PurgePolicy policy;
  policy.set_delay(100);
  policy.after_claim(0, 6 * kMiB);
  EXPECT_EQ(policy.after_release(4 * kMiB, 2 * kMiB, 0, 1000), 0u);
  const std::size_t over = policy.after_release(5 * kMiB, 2 * kMiB, 0, 1001);
  EXPECT_GE(over, kMiB);
  EXPECT_LE(over, 2 * kMiB) << "the rest stays";
}

TEST(PurgePolicyBudget, APeakIsForgottenAndTheLeastIsAlwaysThere) {
  PurgePolicy policy;
  policy.set_delay(100);
  policy.after_claim(0, 6 * kMiB);
  ASSERT_EQ(policy.after_release(kMiB / 2, kMiB / 2, 0, 1000), 0u);
  for (std::uint64_t now = 1100; now < 8000; now += 100) {
    policy.after_claim(kMiB / 4, kMiB / 2);
    policy.at_time(kMiB / 2, now);
  }
  EXPECT_NE(policy.after_release(4 * kMiB, kMiB / 2, 0, 8001), 0u);
  EXPECT_EQ(policy.after_release(kPurgeBudgetMin, kMiB / 2, 0, 8002), 0u);
}

TEST_F(PurgePolicyTest, DelaysBelowZeroNeverPurgeAndZeroAlways) {
  policy_.set_delay(-1);
  EXPECT_EQ(policy_.after_release(64 * kBudget, 0, 0, 1000), 0u);
  EXPECT_FALSE(policy_.pending());
  policy_.set_delay(0);
  EXPECT_EQ(policy_.after_release(4096, 0, 0, 1000), 4096u);
}

}  // namespace
}  // namespace ashlar
