// The thread that purges when its time has come, whatever the program does meanwhile. Who purges
// on its own calls is allocate.cc; how much and when is PurgePolicy's.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/compiler.h"
#include "base/relaxed.h"
#include "os/lock.h"

namespace ashlar {

struct Realm;

// There is such a thread only while the process has threads besides it that keep something: a
// process with a single thread is never given another. It starts from a malloc that finds memory
// waiting to be purged, and ends when nothing has waited for kPurgeLingerMs, or at once when the
// process has a single thread again, with no more than kPurgeBudgetShared left waiting. A library
// that may be unloaded has none, since its code could go away under it, and none is started once
// the process ends, or by the option purge_thread. Commit hooks are not called from it.
inline constexpr std::uint32_t kPurgeLingerMs = 1000;

// What the checks below read, each number standing for itself.
struct PurgeThreadHints {
  RelaxedNumber<bool> wanted;  // the thread may be started: there is none
  RelaxedNumber<bool> idle;    // it sleeps, and knows of no deadline
};
ASHLAR_HIDDEN extern constinit PurgeThreadHints purge_thread_hints;

// Called from slow paths of malloc that find memory waiting, with all lists in order and no lock
// held. May allocate, and so changes the calling thread's lists.
void start_purge_thread_slow();
inline void want_purge_thread() {
  if (unlikely(purge_thread_hints.wanted.get())) {
    start_purge_thread_slow();
  }
}

// Called after memory was released: a thread that sleeps without a deadline has to learn of one. A
// race that misses it leaves the memory waiting for kPurgeLingerMs at most.
void wake_purge_thread_slow();
inline void note_waiting() {
  if (unlikely(purge_thread_hints.idle.get())) {
    wake_purge_thread_slow();
  }
}

// Purges all that waits in a realm, and is not back before the purge thread, if it had taken some
// of that, has given it back too. May call foreign code.
void purge_now(Realm* realm);

// Said once, by the library's constructor: whether its code stays where it is.
void allow_purge_thread(bool never_unloaded);

// The process has its second thread; or one that kept something is gone; or an option was set.
void note_second_thread();
void note_thread_gone();
void apply_purge_thread_option();

// Afterwards no round of the thread is going on, and none begins: the process ends.
void stop_purge_thread();

// Held during each round of the thread; for fork, in whose child there is none.
Lock& purge_lock();
void forget_purge_thread();

}  // namespace ashlar
