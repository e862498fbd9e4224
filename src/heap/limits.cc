// Setting limits, and what happens near them.
#include "heap/limits.h"

#include <atomic>

#include "arena/commit_hook.h"
#include "heap/allocate.h"
#include "heap/hollowing.h"
#include "heap/process.h"
#include "heap/purge_thread.h"
#include "heap/realm.h"
#include "os/cgroup.h"
#include "support/messages.h"
#include "support/options.h"

namespace ashlar {
namespace {

constexpr int kStages = 3;  // and the last one, which has rules of its own

// Above the soft limit a slow path collects its thread and purges at most once in so many
// milliseconds (all threads together), or when so much of the limit waits in its realm.
constexpr std::uint64_t kReliefMs = 10;
constexpr std::size_t kReliefPart = 64;

// A stage is over where touched bytes are below its threshold by one in so many.
constexpr std::size_t kHysteresis = 16;

constinit RelaxedNumber<std::size_t> soft;
constinit RelaxedNumber<std::uint64_t> last_relief_ms;
constinit RelaxedNumber<bool> passed[kStages];
constinit RelaxedNumber<bool> last_passed;

struct Registered {
  std::atomic<PressureCall*> call{nullptr};
  std::atomic<void (*)()> function{nullptr};
  std::atomic<void*> arg{nullptr};
};
constinit Registered registered;

// Of stages 1 to 3; SIZE_MAX where there is none.
std::size_t threshold_of(int stage) {
  const std::size_t low = soft.get();
  const std::size_t high = touched_bytes.hard();
  if (stage == 1) {
    return low != 0 ? low : SIZE_MAX;
  }
  if (high == 0) {
    return SIZE_MAX;
  }
  const std::size_t way = high > low ? high - low : 0;
  return low + (stage == 2 ? way / 2 : way - way / 8);
}

bool would_pass(std::size_t threshold, std::size_t bytes) {
  const std::size_t now = touched_bytes.now();
  return now > threshold || bytes > threshold - now;
}

void set_alarm() {
  bool any = last_passed.get();
  std::size_t lowest = SIZE_MAX;
  for (int stage = 1; stage <= kStages; ++stage) {
    const std::size_t threshold = threshold_of(stage);
    any = any || passed[stage - 1].get();
    lowest = threshold < lowest ? threshold : lowest;
  }
  limits_alarm.set(lowest == SIZE_MAX ? SIZE_MAX : any ? 0 : lowest);
}

// Stages that are over may be passed again.
void forget_stages_over() {
  const std::size_t now = touched_bytes.now();
  const auto is_over = [now](std::size_t threshold) {
    return now < threshold - threshold / kHysteresis;
  };
  bool changed = false;
  for (int stage = 1; stage <= kStages; ++stage) {
    if (passed[stage - 1].get() && is_over(threshold_of(stage))) {
      passed[stage - 1].set(false);
      changed = true;
    }
  }
  if (last_passed.get() && is_over(touched_bytes.hard())) {
    last_passed.set(false);
    changed = true;
  }
  if (changed) {
    set_alarm();
  }
}

void purge_all() {
  for_each_realm([](Realm& realm) {
    if (realm.arenas.waiting_bytes() != 0) {
      purge_now(&realm);
    }
  });
}

void give_back_all(ThreadHeap* backing) {
  // Not collect_thread, see beat(): the caller goes on with its part.
  collect_parts(backing);
  hollow_parts(backing, Hollowing::kIdle);
  purge_all();
}

// Whether the program may be called from here.
bool may_call(const ThreadHeap* backing) {
  return !backing->in_deferred_free && foreign_code_allowed();
}

void call_pressure(ThreadHeap* backing, int stage, std::size_t bytes) {
  // acquire: pairs with the release in register_pressure; the others belong to it.
  PressureCall* const call = registered.call.load(std::memory_order_acquire);
  if (call == nullptr) {
    return;
  }
  backing->in_deferred_free = true;
  const Pressure pressure{.stage = stage,
                          .touched = touched_bytes.now(),
                          .soft = soft.get(),
                          .hard = touched_bytes.hard(),
                          .waiting = waiting_touched(),
                          .requested = bytes};
  // relaxed: ordered by the acquire above.
  void (*const function)() = registered.function.load(std::memory_order_relaxed);
  // relaxed: as above.
  call(pressure, function, registered.arg.load(std::memory_order_relaxed));
  backing->in_deferred_free = false;
  give_back_all(backing);
}

bool are_possible(std::size_t low, std::size_t high) {
  return high == 0 || (high >= kHardLimitMin && low <= high);
}

void warn_impossible(std::size_t low, std::size_t high) {
  if (high < kHardLimitMin) {
    report_warning("memory limits: a hard limit of %zu bytes is below the least, %zu bytes", high,
                   kHardLimitMin);
  } else {
    report_warning("memory limits: the soft limit, %zu bytes, is above the hard limit, %zu bytes",
                   low, high);
  }
}

}  // namespace

std::size_t soft_limit() { return soft.get(); }

std::size_t waiting_touched() {
  std::size_t bytes = 0;
  for_each_realm([&bytes](const Realm& realm) {
    realm.arenas.for_each_arena(
        [&bytes](const SystemArena& arena) { bytes += arena.touched_waiting(); });
  });
  return bytes;
}

void register_pressure(PressureCall* call, void (*function)(), void* arg) {
  // relaxed: published by the release below.
  registered.function.store(function, std::memory_order_relaxed);
  registered.arg.store(arg, std::memory_order_relaxed);
  // release: who sees the call sees what belongs to it.
  registered.call.store(call, std::memory_order_release);
}

bool set_limits(std::size_t new_soft, std::size_t new_hard) {
  start_process();
  std::size_t low = 0;
  std::size_t high = 0;
  {
    // Two threads that set limits at once do so one after the other.
    LockGuard guard(process_lock());
    low = new_soft == kLimitAsItIs ? soft.get() : new_soft;
    high = new_hard == kLimitAsItIs ? touched_bytes.hard() : new_hard;
    if (are_possible(low, high)) {
      soft.set(low);
      touched_bytes.set_hard(high);
      touched_bytes.set_limited(low != 0 || high != 0);
      for (RelaxedNumber<bool>& stage : passed) {
        stage.set(false);
      }
      last_passed.set(false);
      last_relief_ms.set(0);
      set_alarm();
    }
  }
  if (!are_possible(low, high)) {
    warn_impossible(low, high);
    return false;
  }
  if ((low != 0 && touched_bytes.now() > low) || (high != 0 && touched_bytes.now() > high)) {
    purge_all();
  }
  return true;
}

FromCgroup set_limits_from_cgroup() {
  const CgroupLimits found = read_cgroup_limits("");
  if (found.max == 0 && found.high == 0) {
    return FromCgroup::kNone;
  }
  const std::size_t least = found.max != 0 ? found.max - found.max / 8 : found.high;
  const std::size_t low =
      found.high != 0 && (found.max == 0 || found.high < found.max) ? found.high : least;
  return set_limits(low, found.max) ? FromCgroup::kSet : FromCgroup::kImpossible;
}

void limit_at_start() {
  if (option_is_enabled(Option::kLimitFromCgroup)) {
    set_limits_from_cgroup();
  }
  const std::size_t low = option_get_size(Option::kSoftLimit);
  const std::size_t high = option_get_size(Option::kHardLimit);
  if (low != 0 || high != 0) {
    set_limits(low != 0 ? low : kLimitAsItIs, high != 0 ? high : kLimitAsItIs);
  }
}

void apply_limit_option(Option option) {
  if (option == Option::kSoftLimit) {
    set_limits(option_get_size(option), kLimitAsItIs);
  } else if (option == Option::kHardLimit) {
    set_limits(kLimitAsItIs, option_get_size(option));
  } else if (option_is_enabled(option)) {
    set_limits_from_cgroup();
  }
}

void relieve_slow(ThreadHeap* part, std::size_t bytes) {
  forget_stages_over();
  ThreadHeap* const backing = part->backing;
  if (!would_pass(threshold_of(soft.get() != 0 ? 1 : 2), bytes) || !may_call(backing)) {
    return;
  }
  const std::uint64_t now_ms = System::clock_ms();
  const std::uint64_t last = last_relief_ms.get();
  const ArenaSet<System>& arenas = part->home->realm->arenas;
  if (now_ms - last >= kReliefMs && last_relief_ms.replace(last, now_ms)) {
    give_back_all(backing);
  } else if (soft.get() != 0 && arenas.waiting_bytes() > soft.get() / kReliefPart) {
    purge_all();
  }
  for (int stage = 1; stage <= kStages; ++stage) {
    if (passed[stage - 1].get() || !would_pass(threshold_of(stage), bytes)) {
      continue;
    }
    purge_all();
    if (would_pass(threshold_of(stage), bytes) && passed[stage - 1].replace(false, true)) {
      set_alarm();
      call_pressure(backing, stage, bytes);
    }
  }
}

void relieve_thread_slow(std::size_t bytes) {
  if (thread_heap != &empty_heap) {
    relieve(thread_heap, bytes);
  }
}

bool call_last_stage(std::size_t bytes, std::size_t refusals) {
  if (touched_bytes.hard() == 0 || touched_bytes.refusals() == refusals ||
      thread_heap == &empty_heap || !may_call(thread_heap->backing)) {
    return false;
  }
  forget_stages_over();
  if (!last_passed.replace(false, true)) {
    return false;
  }
  set_alarm();
  call_pressure(thread_heap->backing, kStages + 1, bytes);
  return true;
}

void note_last_stage(bool helped) {
  if (helped) {
    last_passed.set(false);
    set_alarm();
  }
}

void purge_for_hard_limit() {
  if (touched_bytes.hard() != 0) {
    purge_all();
  }
}

}  // namespace ashlar
