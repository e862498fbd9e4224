// The coin that says at which schedule points a thread is delayed: all of it follows from a seed
// and the thread's order of arrival. Not part of the product: builds for schedules and tests.
#pragma once

#include <errno.h>
#include <time.h>

#include <cstdint>

#include "base/mix.h"
#include "os/linux.h"
#include "os/schedule.h"

namespace ashlar {

enum class DelayKind : std::uint8_t { kNone, kYield, kSleep };

struct Delay {
  DelayKind kind = DelayKind::kNone;
  std::uint32_t microseconds = 0;  // of a sleep

  bool operator==(const Delay&) const = default;
};

inline void carry_out(Delay delay) {
  const int before = errno;
  if (delay.kind == DelayKind::kYield) {
    Linux::yield();
  } else if (delay.kind == DelayKind::kSleep) {
    const timespec time{0, static_cast<long>(delay.microseconds) * 1000};
    nanosleep(&time, nullptr);
  }
  errno = before;
}

// One visit in 2^yield yields, one in 2^sleep sleeps.
struct DelayRate {
  unsigned yield;
  unsigned sleep;
};

// Runs differ in how restless they are, since each rate finds what the others hide: with few
// delays threads are at full speed, with many they hardly ever do two steps in a row. One point
// of each run is hot: there nearly every thread stops, which widens that one window.
struct SchedulePlan {
  static constexpr DelayRate kRates[] = {
      {.yield = 11, .sleep = 15}, {.yield = 7, .sleep = 12}, {.yield = 4, .sleep = 9}};
  static constexpr DelayRate kHotRate{.yield = 1, .sleep = 4};
  static constexpr std::uint32_t kSleepMin = 10;  // microseconds
  static constexpr std::uint32_t kSleepMax = 500;

  DelayRate rate = kRates[0];
  SchedulePoint hot_point{};
  ScheduleSide hot_side{};

  static constexpr SchedulePlan of(std::uint64_t seed) {
    std::uint64_t state = seed;
    SchedulePlan plan;
    plan.rate = kRates[next_mixed(state) % (sizeof kRates / sizeof kRates[0])];
    plan.hot_point = static_cast<SchedulePoint>(next_mixed(state) % kSchedulePoints);
    plan.hot_side = static_cast<ScheduleSide>(next_mixed(state) % kScheduleSides);
    return plan;
  }
};

// Owner:       one thread
// Shared:      nothing
// Invariants:  the n-th toss depends on the seed, the order, n and the point, and on nothing else
// Life:        zero (never tossed), then made for each run
class ScheduleCoin {
 public:
  constexpr ScheduleCoin() = default;
  constexpr ScheduleCoin(std::uint64_t seed, std::uint32_t order) : plan_(SchedulePlan::of(seed)) {
    std::uint64_t place = order;
    state_ = next_mixed(seed) ^ next_mixed(place);
  }

  constexpr Delay toss(SchedulePoint point, ScheduleSide side) {
    const bool hot = point == plan_.hot_point && side == plan_.hot_side;
    const DelayRate rate = hot ? SchedulePlan::kHotRate : plan_.rate;
    const std::uint64_t bits = next_mixed(state_);
    if (is_one_in(bits, rate.sleep)) {
      constexpr std::uint32_t kSpan = SchedulePlan::kSleepMax - SchedulePlan::kSleepMin + 1;
      return {DelayKind::kSleep,
              SchedulePlan::kSleepMin + static_cast<std::uint32_t>((bits >> 40) % kSpan)};
    }
    // Other bits than the sleep's, or a rate that is lower than that one would never yield.
    return {is_one_in(bits >> 20, rate.yield) ? DelayKind::kYield : DelayKind::kNone, 0};
  }

 private:
  static constexpr bool is_one_in(std::uint64_t bits, unsigned power) {
    return (bits & ((std::uint64_t{1} << power) - 1)) == 0;
  }

  SchedulePlan plan_;
  std::uint64_t state_ = 0;
};

}  // namespace ashlar
