// Memory limits: when slow paths give memory back because a limit is near, and when the program is
// told. The hard limit itself is kept where memory is counted (support/touched.h).
#pragma once

#include <cstddef>

#include "base/compiler.h"
#include "base/relaxed.h"
#include "support/option_table.h"
#include "support/touched.h"

namespace ashlar {

struct ThreadHeap;

inline constexpr std::size_t kHardLimitMin = kMiB;
inline constexpr std::size_t kLimitAsItIs = SIZE_MAX;

// What the pressure function is told.
struct Pressure {
  int stage;
  std::size_t touched;
  std::size_t soft;
  std::size_t hard;
  std::size_t waiting;
  std::size_t requested;
};

// Calls the program's `function`, whatever its type is, with `arg`.
using PressureCall = void(const Pressure& pressure, void (*function)(), void* arg);
void register_pressure(PressureCall* call, void (*function)(), void* arg);

// Bytes; 0: no limit; kLimitAsItIs. False, after a warning, where these are no possible limits:
// all is as it was.
bool set_limits(std::size_t soft, std::size_t hard);

enum class FromCgroup : std::uint8_t { kSet, kNone, kImpossible };
FromCgroup set_limits_from_cgroup();

// Limits by the options: at the start, and when one was set later.
void limit_at_start();
void apply_limit_option(Option option);

std::size_t soft_limit();

// Bytes touched in free slices that wait to be purged, of all realms.
std::size_t waiting_touched();

// Touched bytes from which slow paths have to look closer; SIZE_MAX: there is no limit; 0: a stage
// was passed, and somebody has to see when it is over.
ASHLAR_HIDDEN inline constinit RelaxedNumber<std::size_t> limits_alarm{SIZE_MAX};

// Called on slow paths of a part's thread that are about to touch up to so many bytes: gives memory
// back and calls the pressure function where a limit would be passed. No lock is held. Collects the
// thread's parts, so pages of them are not what they were.
void relieve_slow(ThreadHeap* part, std::size_t bytes);
inline void relieve(ThreadHeap* part, std::size_t bytes) {
  const std::size_t alarm = limits_alarm.get();
  if (unlikely(alarm != SIZE_MAX) &&
      (alarm == 0 || touched_bytes.now() > alarm || bytes > alarm - touched_bytes.now())) {
    relieve_slow(part, bytes);
  }
}
// The same for the calling thread, if it has a heap.
void relieve_thread(std::size_t bytes);

// A request failed, and so it did after everything was collected. Where it was the hard limit
// (`refusals` is the number of them before the last try) calls the last stage; true: it was called,
// so it is worth a try more, whose result note_last_stage is told.
bool call_last_stage(std::size_t bytes, std::size_t refusals);
void note_last_stage(bool helped);

// Purges what the other realms have waiting, where there is a hard limit.
void purge_for_hard_limit();

}  // namespace ashlar
