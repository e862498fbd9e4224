// A lock of four bytes that sleeps in the kernel when it must, with a rank that debug builds
// check: a thread takes locks in rising rank only, so no two threads can wait for each other.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/compiler.h"
#include "policy/config.h"

namespace ashlar {

// In the order in which they may be taken, outermost first.
enum class LockRank : std::uint8_t {
  kProcess,    // start and end of the process
  kPurge,      // one round of the purge thread
  kLateHeap,   // the heap of threads that have no heap of their own
  kAttaching,  // attaching and abandoning threads of hosts
  kHeaps,      // the list of heaps and of what threads keep for them, the register of threads
  kEmbedding,  // what the threads of a host's realm share
  kLonePages,  // pages that lie in no arena
  kArenas,     // adding an arena
  kMetadata,   // the metadata pool
  kGuards,     // the slots of guarded blocks
  kHeldBack,   // freed blocks that wait or are watched
  kRandom,     // the process's random numbers
  kMessages,   // handlers and the buffer of early output
};

// Owner:       whoever's lock() returned last, until its unlock()
// Shared:      word_, by every thread
// Invariants:  word_ is 0 (free), 1 (held) or 2 (held, and somebody may sleep)
// Life:        static or in metadata; never destroyed
class ASHLAR_CAPABILITY("lock") Lock {
 public:
  constexpr explicit Lock(LockRank rank) : rank_(rank) {}
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  void lock() ASHLAR_ACQUIRE();
  bool try_lock() ASHLAR_TRY_ACQUIRE(true);
  void unlock() ASHLAR_RELEASE();

  // Round a fork the forking thread holds all locks. Until it lets go of them they are as good as
  // its own: taking and releasing them does nothing, so that fork handlers of the program that run
  // meanwhile may allocate.
  static void hold_for_fork();
  static void let_go_after_fork();
  static bool is_held_for_fork();  // by the calling thread

 private:
  void note_taken();
  void note_released();

  std::atomic<std::uint32_t> word_{0};
  const LockRank rank_;
};

class ASHLAR_SCOPED_CAPABILITY LockGuard {
 public:
  explicit LockGuard(Lock& lock) ASHLAR_ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
  ~LockGuard() ASHLAR_RELEASE() { lock_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Lock& lock_;
};

}  // namespace ashlar
