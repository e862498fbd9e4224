// Waiting for memory, and the end of a request that gets none.
#include "heap/shortage.h"

#include <errno.h>

#include "heap/process.h"
#include "heap/realm.h"
#include "heap/tuning.h"
#include "support/messages.h"
#include "support/options.h"
#include "support/touched.h"

namespace ashlar {
namespace {

constexpr std::uint32_t kLongestStepMs = 16;

// After a wait in vain, so many times as long nobody waits.
constexpr std::uint64_t kPause = 4;
constinit RelaxedNumber<std::uint64_t> no_waiting_before_ms;

bool is_worth_waiting(const Heap* heap, std::size_t size) {
  if (thread_heap == &empty_heap || thread_heap->backing->in_deferred_free ||
      heap->arena != nullptr || option_is_enabled(Option::kLimitOsAlloc)) {
    return false;
  }
  const std::size_t hard = touched_bytes.hard();
  if (hard != 0 && (size > hard || !is_multi_threaded())) {
    return false;
  }
  const std::int64_t held = heap->realm->arenas.stats().reserved_bytes.current();
  return held > 0 && size <= static_cast<std::size_t>(held) &&
         (is_multi_threaded() || !System::overcommits()) &&
         System::clock_ms() >= no_waiting_before_ms.get();
}

}  // namespace

void* fail_out_of_memory(std::size_t size) {
  const std::size_t hard = touched_bytes.hard();
  const std::size_t now = touched_bytes.now();
  // Which it was is a matter of the moment; with little left below the limit it is the likelier.
  if (hard != 0 && (now > hard || size + kSliceSize > hard - now)) {
    report_error(ENOMEM,
                 "out of memory: %zu bytes more would pass the hard limit of %zu bytes, of which "
                 "%zu are in use; free memory, or raise the limit (hard_limit, "
                 "ashlar_limit_memory)",
                 size, hard, now);
  } else {
    report_error(ENOMEM,
                 "out of memory: %zu bytes could not be had from the system; free memory, or raise "
                 "the limit (ulimit -v, cgroup)",
                 size);
  }
  errno = ENOMEM;
  return nullptr;
}

void* fail_too_large(std::size_t size) {
  report_error(EOVERFLOW,
               "request too large: %zu bytes are more than an object may have (PTRDIFF_MAX); is "
               "the size a negative number?",
               size);
  errno = ENOMEM;
  return nullptr;
}

ShortageWait::ShortageWait(const Heap* heap, std::size_t size)
    : left_ms_(is_worth_waiting(heap, size) ? tuning.retry_ms.get() : 0) {}

bool ShortageWait::next() {
  if (left_ms_ == 0) {
    return false;
  }
  const std::uint32_t step = step_ms_ < left_ms_ ? step_ms_ : left_ms_;
  System::sleep_ms(step);
  left_ms_ -= step;
  if (left_ms_ == 0) {
    no_waiting_before_ms.set(System::clock_ms() + kPause * tuning.retry_ms.get());
  }
  step_ms_ = step_ms_ < kLongestStepMs ? step_ms_ * 2 : kLongestStepMs;
  return true;
}

}  // namespace ashlar
