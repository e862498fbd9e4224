// When free memory is given back to the system, and how much of it: pure bookkeeping, told of
// claims, releases and the time. The purging itself is the arenas'.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "policy/layout.h"

namespace ashlar {

// Two rules. Free memory that was of no use during a whole delay is purged when the delay is
// over: the least that was waiting at any moment of it. And no more than a budget waits at any
// time, so that a program that never calls again keeps little. A page fault costs far more than
// the memory it saves if it comes soon: once at least half of what was purged of late has been
// claimed again, the budget doubles; what idles through a delay is taken off it. Whatever the
// budget, memory in use and memory waiting stay below one and a half times the peak of use.
//
// Shared:      all fields, by every thread; each is a number that stands for itself, and a race
//              between two threads costs a purge too many or too few
// Invariants:  budget_ >= kPurgeBudgetMin
// Life:        a constant-initialised part of an ArenaSet
class PurgePolicy {
 public:
  // Milliseconds that memory waits; below 0: for ever, 0: not at all.
  void set_delay(std::int64_t delay_ms) { delay_ms_.store(delay_ms, kRelaxed); }

  bool pending() const { return deadline_ms_.load(kRelaxed) != 0; }

  void after_claim(std::size_t waiting, std::size_t in_use) {
    // What was in use a moment ago is likely to be wanted again; an eighth of it is forgotten
    // with each delay that passes.
    if (in_use > peak_.load(kRelaxed)) {
      peak_.store(in_use, kRelaxed);
    }
    if (waiting < low_water_.load(kRelaxed)) {
      low_water_.store(waiting, kRelaxed);
    }
  }

  // How many bytes to purge now.
  std::size_t after_release(std::size_t waiting, std::size_t in_use, std::size_t refaulted,
                            std::uint64_t now_ms) {
    const std::int64_t delay = delay_ms_.load(kRelaxed);
    if (delay <= 0) {
      return delay < 0 ? 0 : waiting;
    }
    const std::size_t peak = peak_.load(kRelaxed);
    std::size_t allowed = allowed_budget(in_use, peak);
    if (waiting > allowed) {
      const std::size_t purged = purged_.load(kRelaxed);
      if (purged != 0 && (refaulted - refaulted_.load(kRelaxed)) * 2 >= purged) {
        budget_.store(waiting > allowed * 2 ? waiting : allowed * 2, kRelaxed);
        allowed = allowed_budget(in_use, peak);
        purged_.store(0, kRelaxed);
        refaulted_.store(refaulted, kRelaxed);
      }
      if (waiting > allowed) {
        return waiting - allowed + allowed / 8;
      }
    }
    if (!pending()) {
      low_water_.store(waiting, kRelaxed);
      deadline_ms_.store(now_ms + static_cast<std::uint64_t>(delay), kRelaxed);
    }
    return 0;
  }

  // The same, when time has passed.
  std::size_t at_time(std::size_t waiting, std::uint64_t now_ms) {
    std::uint64_t deadline = deadline_ms_.load(kRelaxed);
    const std::int64_t delay = delay_ms_.load(kRelaxed);
    if (deadline == 0 || now_ms < deadline || delay < 0) {
      return 0;
    }
    const std::uint64_t next = waiting == 0 ? 0 : now_ms + static_cast<std::uint64_t>(delay);
    // One thread does the work of a deadline.
    if (!deadline_ms_.compare_exchange_strong(deadline, next, kRelaxed, kRelaxed)) {
      return 0;
    }
    // What idled all through the delay was more than the program needs to have waiting.
    const std::size_t idle = low_water_.load(kRelaxed);
    const std::size_t budget = budget_.load(kRelaxed);
    budget_.store(budget > idle + kPurgeBudgetMin ? budget - idle : kPurgeBudgetMin, kRelaxed);
    const std::size_t peak = peak_.load(kRelaxed);
    peak_.store(peak - peak / 8, kRelaxed);
    purged_.store(purged_.load(kRelaxed) / 2, kRelaxed);
    low_water_.store(waiting > idle ? waiting - idle : 0, kRelaxed);
    return idle;
  }

  void after_purge(std::size_t purged) { purged_.store(purged_.load(kRelaxed) + purged, kRelaxed); }

 private:
  // relaxed: see "Shared" above; nothing is read on the strength of these numbers.
  static constexpr std::memory_order kRelaxed = std::memory_order_relaxed;

  // The budget, as far as it leaves memory in use and memory waiting below one and a half times
  // the peak; always at least the smallest budget.
  std::size_t allowed_budget(std::size_t in_use, std::size_t peak) const {
    const std::size_t limit = peak + peak / 2;
    const std::size_t most = limit > in_use ? limit - in_use : 0;
    const std::size_t budget = budget_.load(kRelaxed);
    const std::size_t allowed = budget < most ? budget : most;
    return allowed < kPurgeBudgetMin ? kPurgeBudgetMin : allowed;
  }

  std::atomic<std::int64_t> delay_ms_{100};
  std::atomic<std::uint64_t> deadline_ms_{0};  // 0: nothing waits for one
  std::atomic<std::size_t> low_water_{0};      // least bytes waiting since the deadline was set
  std::atomic<std::size_t> budget_{kPurgeBudgetMin};
  std::atomic<std::size_t> peak_{0};       // most bytes in use of late
  std::atomic<std::size_t> purged_{0};     // bytes of the last purge
  std::atomic<std::size_t> refaulted_{0};  // bytes claimed after a purge, at the last purge
};

}  // namespace ashlar
