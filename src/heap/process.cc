// Starting the process's allocator.
#include "heap/process.h"

#include "arena/page_map.h"
#include "heap/fork.h"
#include "heap/guards.h"
#include "heap/huge_arenas.h"
#include "heap/limits.h"
#include "heap/numa.h"
#include "heap/process_end.h"
#include "heap/purge_thread.h"
#include "heap/realm.h"
#include "heap/slow_calls.h"
#include "heap/tracked.h"
#include "heap/tuning.h"
#include "os/address_width.h"
#include "os/thread.h"
#include "os/tool.h"
#include "policy/hint_range.h"
#include "support/messages.h"
#include "support/options.h"
#include "support/random.h"
#include "support/sealed.h"

namespace ashlar {

constinit MetadataPool<System> metadata_pool{main_realm.arenas};

namespace {

constinit Lock start_lock{LockRank::kProcess};
constinit std::atomic<bool> started{false};
constinit std::atomic<std::uintptr_t> first_thread{0};
constinit std::atomic<std::uint64_t> start_time_ms{0};
constinit Lock generator_lock{LockRank::kRandom};
constinit RandomGenerator generator ASHLAR_GUARDED_BY(generator_lock);

// Valgrind warns of ranges of 256 MiB and more.
constexpr long kWatchedArenaKib = 131'072;

// Where the next arena is put; guarded by the lock of all sets of arenas.
constinit std::uintptr_t next_arena_address = 0;

// Where the arenas begin. In debug always the same, so that runs can be compared.
std::uintptr_t choose_hint() {
  LockGuard guard(generator_lock);
  const HintRange range = arena_hints(address_width());
  const std::uint64_t steps =
      kActive.random_addresses ? generator.next_below(std::uint64_t{1} << range.random_bits) : 0;
  return range.start + static_cast<std::uintptr_t>(steps) * range.step;
}

std::int64_t arena_purge_delay() {
  const std::int64_t delay = option_get(Option::kPurgeDelay);
  const std::int64_t factor = option_get(Option::kArenaPurgeMult);
  return delay < 0 ? -1 : delay * (factor < 0 ? 0 : factor);
}

EagerCommit eager_commit() {
  const long value = option_get(Option::kArenaEagerCommit);
  return value == 0   ? EagerCommit::kNever
         : value == 1 ? EagerCommit::kAlways
                      : EagerCommit::kWhereOvercommitted;
}

bool seed_generator() {
  LockGuard guard(generator_lock);
  return generator.seed() == SeedQuality::kStrong;
}

void prepare_to_be_watched() {
  begin_with_slow_calls();
  option_set_default(Option::kShowErrors, 1);
  if (is_watched_by(Tool::kValgrind)) {
    option_set_default(Option::kArenaReserve, kWatchedArenaKib);
  }
}

// Whether the system had random numbers.
bool start_once() ASHLAR_REQUIRES(start_lock) {
  const bool strong = seed_generator();
  const std::uintptr_t hint = choose_hint();
  page_map.open_window(hint);
  next_arena_address = hint;
  find_watching_tool();
  if (is_watched()) {
    prepare_to_be_watched();
  }
  main_realm.arenas.configure(arena_policy());
  read_tuning();
  {
    LockGuard guard(messages_lock());
    seal();
  }
  // relaxed: compared with thread ids only.
  first_thread.store(thread_id(), std::memory_order_relaxed);
  // relaxed: a number by itself; whoever asks came through start_process.
  start_time_ms.store(System::clock_ms(), std::memory_order_relaxed);
  return strong;
}

}  // namespace

ArenaPolicy arena_policy() {
  return {.reserve = option_get_size(Option::kArenaReserve),
          .next_address = &next_arena_address,
          .purge_delay_ms = arena_purge_delay(),
          .os_allowed = !option_is_enabled(Option::kLimitOsAlloc),
          .eager_commit = eager_commit(),
          .huge_pages = {.allow_large = option_is_enabled(Option::kAllowLargeOsPages),
                         .allow_transparent = option_is_enabled(Option::kAllowThp)},
          .numa_local = option_is_enabled(Option::kArenaIsNumaLocal),
          .purge_by_reset = !option_is_enabled(Option::kPurgeDecommits),
          .least_purge = option_get_size(Option::kMinimalPurgeSize)};
}

void start_process() {
  bool strong = true;
  // acquire: pairs with the release below; all that start_once wrote is seen.
  if (started.load(std::memory_order_acquire)) {
    return;
  }
  {
    LockGuard guard(start_lock);
    // relaxed: written under the lock.
    if (started.load(std::memory_order_relaxed)) {
      return;
    }
    strong = start_once();
    // release: see above.
    started.store(true, std::memory_order_release);
  }
  // Outside the lock, since libc may allocate for it, and an output function too.
  if (unlikely(!strong)) {
    report_warning(
        "no random numbers from the system yet: until it has some, addresses and keys can be "
        "guessed by who knows when the process started");
  }
  watch_forks();
  watch_end();
  reserve_at_start();
  limit_at_start();
  start_guards();
}

void apply_option(Option option) {
  start_process();
  switch (option) {
    case Option::kUseNumaNodes:
      known_numa_nodes.set(0);
      break;
    case Option::kAllowLargeOsPages:
    case Option::kAllowThp:
    case Option::kArenaEagerCommit:
    case Option::kArenaIsNumaLocal:
    case Option::kArenaPurgeMult:
    case Option::kArenaReserve:
    case Option::kLimitOsAlloc:
    case Option::kMinimalPurgeSize:
    case Option::kPurgeDecommits:
    case Option::kPurgeDelay:
      for_each_realm([](Realm& realm) { realm.arenas.configure(arena_policy()); });
      read_tuning();  // some of them say something of pages as well
      break;
    case Option::kSoftLimit:
    case Option::kHardLimit:
    case Option::kLimitFromCgroup:
      apply_limit_option(option);
      break;
    case Option::kPurgeThread:
      apply_purge_thread_option();
      break;
    default:  // what is not read there either is read when it is of use
      read_tuning();
      start_guards();
      break;
  }
}

// Before a program can have a second thread, and before other constructors, so that what atexit
// calls of ours comes after what they registered. (Up to 100 are the compiler's own.)
[[gnu::constructor(101)]] static void start_with_library(int, char**, char** environment) {
  begin_tool();
  System::note_environment(environment);
  start_process();
  // An allocation before this may have found no environment yet.
  read_tuning();
  start_guards();
  begin_tracking();
  allow_purge_thread(System::is_loaded_at_start(&multi_threaded));
}

std::uint64_t process_age_ms() {
  start_process();
  // relaxed: written before start_process returned.
  return System::clock_ms() - start_time_ms.load(std::memory_order_relaxed);
}

Lock& process_lock() { return start_lock; }
Lock& random_lock() { return generator_lock; }

void note_single_thread() {
  // relaxed: there is no other thread.
  first_thread.store(thread_id(), std::memory_order_relaxed);
  multi_threaded.store(false, std::memory_order_relaxed);
}

void note_thread_slow() {
  // relaxed: compared with thread ids only; written before any page existed.
  const std::uintptr_t first = first_thread.load(std::memory_order_relaxed);
  if (first != 0 && first != thread_id()) {
    // relaxed: a hint, see is_multi_threaded.
    multi_threaded.store(true, std::memory_order_relaxed);
    note_second_thread();
  }
}

std::uint64_t random_number() {
  LockGuard guard(generator_lock);
  generator.strengthen_from<System>();
  return generator.next();
}

}  // namespace ashlar
