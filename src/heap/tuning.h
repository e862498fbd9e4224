// What options say of how threads keep pages, take them over and wait for memory: plain numbers for
// slow paths, so that none of them looks an option up. Of fast paths, free in profiles that check
// blocks reads one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/compiler.h"
#include "base/relaxed.h"

namespace ashlar {

// Where guards stand (heap/guard_pages.h).
enum class GuardLevel : std::uint8_t {
  kNone,
  kLarge,  // behind pages and huge blocks of more than one slice
  kAll,    // behind every page
};

// Owner:       nobody
// Shared:      all fields, written by read_tuning and read on slow paths; each stands for itself
// Invariants:  none between them
// Life:        static; read when the process starts, and again when the program sets an option
struct Tuning {
  RelaxedNumber<std::uint32_t> full_pages;       // from so many on, those full longest are reviewed
  RelaxedNumber<std::uint32_t> take_over_limit;  // pages of a class in a queue that frees add to
  RelaxedNumber<std::uint32_t> collect_interval;  // slow paths between two collections
  RelaxedNumber<std::uint32_t> retry_ms;          // how long a request waits for memory
  RelaxedNumber<bool> adopts;                     // a thread that needs a page looks for an orphan
  RelaxedNumber<bool> takes_over;                 // a free into an orphan makes it the thread's
  RelaxedNumber<bool> pool_takes_over;            // the same for threads that sleep between tasks
  RelaxedNumber<bool> hollows;                    // what is free in idle pages goes back
  RelaxedNumber<bool> purges_at_thread_end;  // what the end of a thread frees is purged at once
  RelaxedNumber<GuardLevel> guard_level;     // where guards stand
  RelaxedNumber<bool> zero_on_free;          // what was freed is cleared at once
  RelaxedNumber<std::size_t> quarantine;     // bytes of freed blocks that wait before they are free
  RelaxedNumber<bool> frees_slowly;          // for one of these two
  RelaxedNumber<bool> guards;                // some blocks may be guarded, by these or a heap's own
  RelaxedNumber<bool> guard_budget;          // in a bounded part of the time
  RelaxedNumber<bool> guard_precise;         // without slack for alignment
  RelaxedNumber<std::uint32_t> guard_rate;   // one block in so many; 0: none
  RelaxedNumber<std::uint64_t> guard_seed;   // 0: a random one
  RelaxedNumber<std::size_t> guard_min;      // requests of how many bytes
  RelaxedNumber<std::size_t> guard_max;
  RelaxedNumber<bool> slow_calls;  // every call is slow; no option (slow_calls.h)
};

ASHLAR_HIDDEN extern constinit Tuning tuning;

// Reads the options. Any thread, at any time.
void read_tuning();

}  // namespace ashlar
