// When free memory is given back to the system, and how much of it: pure bookkeeping, told of
// claims, releases and the time. The purging itself is the arenas'.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/relaxed.h"
#include "policy/layout.h"

namespace ashlar {

// No more than this waits, whatever the budget: of all sets, since who purges in time is one for
// the process. SIZE_MAX: no such bound.
inline constinit RelaxedNumber<std::size_t> purge_budget_cap{SIZE_MAX};

// Two rules. Free memory that was of no use during a whole delay is purged when the delay is
// over: the least that was waiting at any moment of it. And no more than a budget waits at any
// time, so that a program that never calls again keeps little. A page fault costs far more than
// the memory it saves if it comes soon: once at least half of what was purged of late has been
// claimed again, and soon, the budget doubles; what idles through a delay is taken off it. Whatever
// the budget, an eighth of what is in use may wait, or what makes up its recent peak, up to
// kPurgeBudgetFree; beyond that, memory in use and memory waiting stay below one and a half times
// the peak of use.
//
// Shared:      all fields, by every thread; each is a number that stands for itself, and a race
//              between two threads costs a purge too many or too few
// Invariants:  budget_ >= kPurgeBudgetMin
// Life:        a constant-initialised part of an ArenaSet
class PurgePolicy {
 public:
  // Milliseconds that memory waits; below 0: for ever, 0: not at all.
  void set_delay(std::int64_t delay_ms) { delay_ms_.set(delay_ms); }

  bool pending() const { return deadline_ms_.get() != 0; }

  // When at_time has something to do next; 0: nothing waits.
  std::uint64_t deadline_ms() const { return deadline_ms_.get(); }

  // What was in use a moment ago is likely to be wanted again; an eighth of it is forgotten with
  // each delay that passes. Told before a release too, since what was claimed long ago was in use
  // until now.
  void note_use(std::size_t in_use) {
    if (in_use > peak_.get()) {
      peak_.set(in_use);
    }
  }

  void after_claim(std::size_t waiting, std::size_t in_use) {
    note_use(in_use);
    if (waiting < low_water_.get()) {
      low_water_.set(waiting);
    }
  }

  // How many bytes to purge now.
  std::size_t after_release(std::size_t all_waiting, std::size_t in_use, std::size_t refaulted,
                            std::uint64_t now_ms) {
    // What could not be purged the last time is not tried again before the delay is over.
    const std::size_t kept = kept_.get();
    const std::size_t waiting = all_waiting > kept ? all_waiting - kept : 0;
    const std::int64_t delay = delay_ms_.get();
    if (delay <= 0) {
      return delay < 0 ? 0 : waiting;
    }
    const std::size_t over = over_budget(waiting, in_use, refaulted, now_ms);
    if (!pending()) {
      low_water_.set(all_waiting - over);
      deadline_ms_.set(now_ms + static_cast<std::uint64_t>(delay));
    }
    return over;
  }

  // The same, when time has passed.
  std::size_t at_time(std::size_t waiting, std::uint64_t now_ms) {
    const std::uint64_t deadline = deadline_ms_.get();
    const std::int64_t delay = delay_ms_.get();
    if (deadline == 0 || now_ms < deadline || delay < 0) {
      return 0;
    }
    const std::uint64_t next =
        waiting <= kept_.get() ? 0 : now_ms + static_cast<std::uint64_t>(delay);
    // One thread does the work of a deadline.
    if (!deadline_ms_.replace(deadline, next)) {
      return 0;
    }
    // What idled all through the delay was more than the program needs to have waiting.
    const std::size_t idle = low_water_.get();
    const std::size_t budget = budget_.get();
    budget_.set(budget > idle + kPurgeBudgetMin ? budget - idle : kPurgeBudgetMin);
    const std::size_t peak = peak_.get();
    peak_.set(peak - peak / 8);
    purged_.set(purged_.get() / 2);
    low_water_.set(waiting > idle ? waiting - idle : 0);
    return idle;
  }

  // So much was purged; where that is less than was wanted, what still waits can't be.
  void after_purge(std::size_t purged, std::size_t kept) {
    purged_.set(purged_.get() + purged);
    kept_.set(kept);
  }

 private:
  // Delays, between a purge for the budget and the release that finds it was for nothing: the
  // program has worked with the memory meanwhile.
  static constexpr std::uint64_t kSoon = 16;

  // What of this has to go at once, with some more, so that the next release has not to purge
  // again. The budget grows first, where re-faults say so.
  std::size_t over_budget(std::size_t waiting, std::size_t in_use, std::size_t refaulted,
                          std::uint64_t now_ms) {
    const std::size_t peak = peak_.get();
    std::size_t allowed = allowed_budget(in_use, peak);
    if (waiting <= allowed) {
      return 0;
    }
    const std::size_t purged = purged_.get();
    if (now_ms - excess_ms_.get() > kSoon * static_cast<std::uint64_t>(delay_ms_.get())) {
      // What is claimed again after so long has been worth purging.
      purged_.set(0);
      refaulted_.set(refaulted);
    } else if (purged != 0 && (refaulted - refaulted_.get()) * 2 >= purged) {
      budget_.set(waiting > allowed * 2 ? waiting : allowed * 2);
      allowed = allowed_budget(in_use, peak);
      purged_.set(0);
      refaulted_.set(refaulted);
    }
    if (waiting <= allowed) {
      return 0;
    }
    excess_ms_.set(now_ms);
    return waiting - allowed + allowed / 8;
  }

  // The budget, as far as it leaves memory in use and memory waiting below one and a half times
  // the peak; always at least the smallest budget, or an eighth of what is in use, or the rest of
  // the peak, as far as these are free of proof.
  std::size_t allowed_budget(std::size_t in_use, std::size_t peak) const {
    const std::size_t limit = peak + peak / 2;
    const std::size_t most = limit > in_use ? limit - in_use : 0;
    const std::size_t budget = budget_.get();
    const std::size_t allowed = budget < most ? budget : most;
    // What was resident a moment ago as well takes nothing that the program did not take itself.
    const std::size_t below_peak = peak > in_use ? peak - in_use : 0;
    const std::size_t free = in_use / 8 > below_peak ? in_use / 8 : below_peak;
    const std::size_t least = free < kPurgeBudgetMin    ? kPurgeBudgetMin
                              : free > kPurgeBudgetFree ? kPurgeBudgetFree
                                                        : free;
    const std::size_t cap = purge_budget_cap.get();
    return allowed < least ? least : allowed < cap ? allowed : cap;
  }

  RelaxedNumber<std::int64_t> delay_ms_{100};
  RelaxedNumber<std::uint64_t> deadline_ms_{0};  // 0: nothing waits for one
  RelaxedNumber<std::size_t> low_water_{0};      // least bytes waiting since the deadline was set
  RelaxedNumber<std::size_t> budget_{kPurgeBudgetMin};
  RelaxedNumber<std::uint64_t> excess_ms_{0};  // when the budget was last enforced
  RelaxedNumber<std::size_t> peak_{0};         // most bytes in use of late
  RelaxedNumber<std::size_t> purged_{0};       // bytes of the last purge
  RelaxedNumber<std::size_t> kept_{0};         // bytes that the last purge found it can't purge
  RelaxedNumber<std::size_t> refaulted_{0};    // bytes claimed after a purge, at the last purge
};

}  // namespace ashlar
