// The coin of builds for schedules: repeatable by seed and order, different for each thread and
// seed, and as often heads as its plan says. The delays themselves are tests/schedule's.
#include "os/schedule_coin.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <set>
#include <tuple>
#include <vector>

namespace ashlar {
namespace {

constexpr std::uint64_t kSeeds = 300;

SchedulePoint point_of(unsigned n) { return static_cast<SchedulePoint>(n % kSchedulePoints); }
ScheduleSide side_of(unsigned n) {
  return static_cast<ScheduleSide>(n / kSchedulePoints % kScheduleSides);
}

// What a thread does at a long walk over all points.
std::vector<Delay> walk(std::uint64_t seed, std::uint32_t order) {
  ScheduleCoin coin(seed, order);
  std::vector<Delay> delays;
  for (unsigned n = 0; n < 20000; ++n) {
    delays.push_back(coin.toss(point_of(n), side_of(n)));
  }
  return delays;
}

TEST(ScheduleCoin, TheSameSeedAndOrderGiveTheSameDelays) {
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    for (const std::uint32_t order : {0u, 1u, 63u}) {
      ASSERT_EQ(walk(seed, order), walk(seed, order)) << "seed " << seed << ", thread " << order;
    }
  }
}

TEST(ScheduleCoin, ThreadsAndSeedsDiffer) {
  std::vector<std::vector<Delay>> walks;
  for (std::uint64_t seed = 1; seed < 5; ++seed) {
    for (std::uint32_t order = 0; order < 4; ++order) {
      walks.push_back(walk(seed, order));
    }
  }
  for (std::size_t i = 0; i < walks.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      ASSERT_NE(walks[i], walks[j]) << i << " and " << j;
    }
  }
}

TEST(ScheduleCoin, EveryPointAndSideIsHotForSomeSeed) {
  std::set<std::tuple<SchedulePoint, ScheduleSide>> hot;
  std::set<unsigned> rates;
  for (std::uint64_t seed = 1; seed < kSeeds; ++seed) {
    const SchedulePlan plan = SchedulePlan::of(seed);
    ASSERT_LT(static_cast<unsigned>(plan.hot_point), kSchedulePoints);
    hot.insert({plan.hot_point, plan.hot_side});
    rates.insert(plan.rate.yield);
  }
  EXPECT_GE(hot.size(), kSchedulePoints * kScheduleSides * 9 / 10);
  EXPECT_EQ(rates.size(), sizeof SchedulePlan::kRates / sizeof SchedulePlan::kRates[0]);
}

TEST(ScheduleCoin, DelaysAreAsFrequentAsThePlanSaysAndSleepsAreBounded) {
  for (std::uint64_t seed = 1; seed < 12; ++seed) {
    const SchedulePlan plan = SchedulePlan::of(seed);
    const SchedulePoint cold = point_of(static_cast<unsigned>(plan.hot_point) + 1);
    for (const bool hot : {false, true}) {
      const DelayRate rate = hot ? SchedulePlan::kHotRate : plan.rate;
      ScheduleCoin coin(seed, 0);
      constexpr unsigned kTosses = 1 << 20;
      unsigned yields = 0;
      unsigned sleeps = 0;
      for (unsigned n = 0; n < kTosses; ++n) {
        const Delay delay = coin.toss(hot ? plan.hot_point : cold, plan.hot_side);
        yields += delay.kind == DelayKind::kYield ? 1 : 0;
        if (delay.kind == DelayKind::kSleep) {
          ++sleeps;
          ASSERT_GE(delay.microseconds, SchedulePlan::kSleepMin);
          ASSERT_LE(delay.microseconds, SchedulePlan::kSleepMax);
        }
      }
      // Half to twice what is expected: 32 sleeps at least, so chance stays far from that.
      EXPECT_GT(yields, (kTosses >> rate.yield) / 2);
      EXPECT_LT(yields, (kTosses >> rate.yield) * 2);
      EXPECT_GT(sleeps, (kTosses >> rate.sleep) / 2);
      EXPECT_LT(sleeps, (kTosses >> rate.sleep) * 2);
    }
  }
}

TEST(ScheduleCoin, ADelayLeavesErrnoAlone) {
  errno = 4711;
  carry_out({DelayKind::kYield, 0});
  carry_out({DelayKind::kSleep, SchedulePlan::kSleepMin});
  EXPECT_EQ(errno, 4711);
}

#if !defined(ASHLAR_SCHEDULE)
TEST(Schedule, APointOfOtherBuildsIsNothing) {
  static_assert(!kScheduleActive);
  const ScheduleWindow window(SchedulePoint::kTryOwn);
  schedule_point(SchedulePoint::kTryOwn);  // else this would not link
}
#endif

}  // namespace
}  // namespace ashlar
