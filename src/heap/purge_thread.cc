// The life of the purge thread, and its rounds.
#include "heap/purge_thread.h"

#include "arena/purge_policy.h"
#include "heap/process.h"
#include "heap/realm.h"
#include "os/system.h"
#include "support/options.h"

namespace ashlar {

constinit PurgeThreadHints purge_thread_hints;

namespace {

constinit Lock lock{LockRank::kPurge};

enum class Life : std::uint32_t {
  kNever,     // it may not be started: one thread, or not allowed
  kNone,      // it may be started
  kStarting,  // somebody starts it
  kRunning,
};
constinit std::atomic<Life> life{Life::kNever};

// Changes to wake the thread.
constinit std::atomic<std::uint32_t> bell{0};

constinit RelaxedNumber<bool> stopped;
constinit RelaxedNumber<bool> code_stays;

// After a start that failed nobody tries before this.
constexpr std::uint64_t kRetryMs = 10'000;
constinit RelaxedNumber<std::uint64_t> no_start_before_ms;

bool is_allowed() {
  return !stopped.get() && option_is_enabled(Option::kPurgeThread) && code_stays.get();
}

std::int64_t count_threads() {
  std::int64_t count = 0;
  for_each_realm([&count](const Realm& realm) { count += realm.stats.threads.current(); });
  return count;
}

// Moves on, unless another thread did first.
bool advance(Life from, Life to) {
  // acq_rel: what was done in the state before is seen in the state behind it.
  // relaxed: on failure nothing is done.
  const bool moved =
      life.compare_exchange_strong(from, to, std::memory_order_acq_rel, std::memory_order_relaxed);
  if (moved) {
    purge_thread_hints.wanted.set(to == Life::kNone);
  }
  return moved;
}

void ring() {
  // release: what the ringer did is seen by who looks at the bell and sleeps no more.
  bell.fetch_add(1, std::memory_order_release);
  System::wake_one(&bell);
}

// Purges what is due; returns when to come back: 0 where nothing waits.
std::uint64_t purge_round() {
  std::uint64_t next = 0;
  for_each_realm([&next](Realm& realm) {
    realm.arenas.purge_without_hooks_if_due(System::clock_ms());
    const std::uint64_t deadline = realm.arenas.purge_deadline_ms();
    next = deadline != 0 && (next == 0 || deadline < next) ? deadline : next;
  });
  return next;
}

// Leaves the rest to the calls of the one thread there is.
void purge_to_rest() {
  for_each_realm([](Realm& realm) { realm.arenas.purge_down_to(kPurgeBudgetShared); });
}

enum class After : std::uint8_t { kGoOn, kEnd };

After work(std::uint64_t* next, bool lingered) {
  LockGuard guard(lock);
  if (stopped.get()) {
    return After::kEnd;
  }
  if (count_threads() <= 1 || !is_allowed()) {
    purge_to_rest();
    return After::kEnd;
  }
  *next = purge_round();
  return *next == 0 && lingered ? After::kEnd : After::kGoOn;
}

// Sleeps until then (0: for as long as it lingers), or the bell; true where it was not rung.
bool sleep_until(std::uint64_t next, std::uint32_t heard) {
  if (next == 0) {
    purge_thread_hints.idle.set(true);
    System::wait_for(&bell, heard, kPurgeLingerMs);
    purge_thread_hints.idle.set(false);
  } else {
    const std::uint64_t now = System::clock_ms();
    if (next > now) {
      System::wait_for(&bell, heard, static_cast<std::uint32_t>(next - now));
    }
  }
  // acquire: pairs with the release in ring.
  return bell.load(std::memory_order_acquire) == heard;
}

void run() {
  advance(Life::kStarting, Life::kRunning);
  // acquire: as above.
  std::uint32_t heard = bell.load(std::memory_order_acquire);
  std::uint64_t next = 0;
  bool lingered = false;
  while (work(&next, lingered) == After::kGoOn) {
    const bool undisturbed = sleep_until(next, heard);
    lingered = next == 0 && undisturbed;
    // acquire: as above.
    heard = bell.load(std::memory_order_acquire);
  }
  const bool allowed = is_allowed();
  purge_budget_cap.set(allowed && count_threads() > 1 ? kPurgeBudgetShared : SIZE_MAX);
  // Last: another one may start now.
  advance(Life::kRunning, allowed ? Life::kNone : Life::kNever);
}

}  // namespace

void allow_purge_thread(bool never_unloaded) { code_stays.set(never_unloaded); }

void start_purge_thread_slow() {
  const std::uint64_t now = System::clock_ms();
  if (now < no_start_before_ms.get() || stopped.get() || Lock::is_held_for_fork() ||
      count_threads() <= 1 || !advance(Life::kNone, Life::kStarting)) {
    return;
  }
  purge_budget_cap.set(SIZE_MAX);
  if (!System::start_thread(run)) {
    purge_budget_cap.set(kPurgeBudgetShared);
    no_start_before_ms.set(now + kRetryMs);
    advance(Life::kStarting, Life::kNone);
  }
}

void wake_purge_thread_slow() {
  purge_thread_hints.idle.set(false);
  ring();
}

void purge_now(Realm* realm) {
  {
    LockGuard guard(lock);
    realm->arenas.purge_now_without_hooks();
  }
  realm->arenas.purge_now_with_hooks();
}

void note_second_thread() {
  if (is_allowed() && advance(Life::kNever, Life::kNone)) {
    purge_budget_cap.set(kPurgeBudgetShared);
  }
}

void note_thread_gone() {
  // relaxed: a thread that starts at this moment counts the others itself.
  const Life seen = life.load(std::memory_order_relaxed);
  if ((seen == Life::kRunning || seen == Life::kNone) && count_threads() <= 1) {
    // With a single thread again there is nobody to wait for, but for the one that is to end.
    seen == Life::kRunning ? ring() : purge_budget_cap.set(SIZE_MAX);
  }
}

void apply_purge_thread_option() {
  if (option_is_enabled(Option::kPurgeThread)) {
    if (is_multi_threaded()) {
      note_second_thread();
    }
  } else if (advance(Life::kNone, Life::kNever)) {
    purge_budget_cap.set(SIZE_MAX);
  } else {
    ring();
  }
}

void stop_purge_thread() {
  stopped.set(true);
  LockGuard guard(lock);
}

Lock& purge_lock() { return lock; }

void forget_purge_thread() {
  // relaxed: there is no other thread.
  life.store(Life::kNever, std::memory_order_relaxed);
  purge_thread_hints.wanted.set(false);
  purge_thread_hints.idle.set(false);
  purge_budget_cap.set(SIZE_MAX);
}

}  // namespace ashlar
