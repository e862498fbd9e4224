// Points at which a build for it may delay the calling thread, so that stress tests visit
// interleavings that are rare. In all other builds they are nothing. How long, and when, is
// schedule_coin.h's.
#pragma once

#include <cstdint>

#include "base/compiler.h"

namespace ashlar {

#if defined(ASHLAR_SCHEDULE)
inline constexpr bool kScheduleActive = true;
#else
inline constexpr bool kScheduleActive = false;
#endif

// The operation on shared memory that a thread is at.
enum class SchedulePoint : std::uint8_t {
  kPushRemote,
  kReadRemote,
  kCollectRemote,
  kTryOrphan,
  kTryOwn,
  kReadOwner,
  kSetOwner,
  kSetFlag,
  kSetHint,
  kReadHint,
  kClearHint,
  kTakeHint,
  kForgetHints,
  kClaimSlices,
  kReleaseSlices,
  kMarkFull,
};
inline constexpr unsigned kSchedulePoints = static_cast<unsigned>(SchedulePoint::kMarkFull) + 1;

enum class ScheduleSide : std::uint8_t { kBefore, kWithin, kAfter };
inline constexpr unsigned kScheduleSides = static_cast<unsigned>(ScheduleSide::kAfter) + 1;

// Delays the caller or not, as its coin falls. Leaves errno alone. Only in builds for schedules.
void delay_at(SchedulePoint point, ScheduleSide side);

// Starts the coins of all threads anew from this seed; 0: no delays from now on, as at the start.
// Each thread is delayed `limit` times at most. Not while other threads are at work. Only in builds
// for schedules.
inline constexpr std::uint64_t kNoScheduleLimit = UINT64_MAX;
void set_schedule_seed(std::uint64_t seed, std::uint64_t limit);

// How often the calling thread was delayed since then. Only in builds for schedules.
std::uint64_t schedule_delays();

// Between two steps of an operation.
ASHLAR_ALWAYS_INLINE void schedule_point(SchedulePoint point) {
  if constexpr (kScheduleActive) {
    delay_at(point, ScheduleSide::kWithin);
  }
}

// Just before what follows it in its scope, and just after.
class ScheduleWindow {
 public:
  ASHLAR_ALWAYS_INLINE explicit ScheduleWindow([[maybe_unused]] SchedulePoint point) {
    if constexpr (kScheduleActive) {
      point_ = point;
      delay_at(point, ScheduleSide::kBefore);
    }
  }
  ASHLAR_ALWAYS_INLINE ~ScheduleWindow() {
    if constexpr (kScheduleActive) {
      delay_at(point_, ScheduleSide::kAfter);
    }
  }
  ScheduleWindow(const ScheduleWindow&) = delete;
  ScheduleWindow& operator=(const ScheduleWindow&) = delete;

 private:
  [[maybe_unused]] SchedulePoint point_{};
};

}  // namespace ashlar
