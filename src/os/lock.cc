// The futex lock: taken and released in one atomic operation when nobody waits.
// The three-state protocol is that of U. Drepper, "Futexes are tricky" (2011), section 6.
#include "os/lock.h"

#include "os/system.h"
#include "os/thread.h"

namespace ashlar {
namespace {

// Bit r is set while this thread holds a lock of rank r; debug builds only.
[[maybe_unused]] ASHLAR_THREAD_LOCAL std::uint32_t held_ranks = 0;

constexpr std::uint32_t kFree = 0;
constexpr std::uint32_t kHeld = 1;
constexpr std::uint32_t kContended = 2;

// The thread that holds all locks, as it is forking; else 0.
constinit std::atomic<std::uintptr_t> forking_thread{0};

bool is_forking() {
  // relaxed: only the thread itself writes its id.
  return forking_thread.load(std::memory_order_relaxed) == thread_id();
}

}  // namespace

void Lock::note_taken() {
  if constexpr (kActive.check_invariants) {
    const std::uint32_t bit = 1u << static_cast<unsigned>(rank_);
    if (held_ranks >= bit) {
      static constexpr char kText[] = "ashlar: error: locks taken out of rank order\n";
      System::write_error(kText, sizeof kText - 1);
      System::stop();
    }
    held_ranks |= bit;
  }
}

void Lock::note_released() {
  if constexpr (kActive.check_invariants) {
    held_ranks &= ~(1u << static_cast<unsigned>(rank_));
  }
}

void Lock::lock() ASHLAR_NO_THREAD_SAFETY_ANALYSIS {
  if (unlikely(is_forking())) {
    return;
  }
  std::uint32_t seen = kFree;
  // acquire: pairs with the release in unlock; what the last holder wrote is seen.
  // relaxed: a failed try reads nothing that is used but the state itself.
  if (!word_.compare_exchange_strong(seen, kHeld, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
    // Whoever sleeps leaves 2 behind, so that the holder knows to wake somebody.
    // acquire: as above, when the exchange finds the lock free.
    while (word_.exchange(kContended, std::memory_order_acquire) != kFree) {
      System::wait(&word_, kContended);
    }
  }
  note_taken();
}

bool Lock::try_lock() ASHLAR_NO_THREAD_SAFETY_ANALYSIS {
  if (unlikely(is_forking())) {
    return true;
  }
  std::uint32_t seen = kFree;
  // acquire: pairs with the release in unlock. relaxed: a failed try uses nothing it read.
  const bool taken = word_.compare_exchange_strong(seen, kHeld, std::memory_order_acquire,
                                                   std::memory_order_relaxed);
  if (taken) {
    note_taken();
  }
  return taken;
}

void Lock::unlock() ASHLAR_NO_THREAD_SAFETY_ANALYSIS {
  if (unlikely(is_forking())) {
    return;
  }
  note_released();
  // release: publishes what was written under the lock to the next holder's acquire.
  if (word_.exchange(kFree, std::memory_order_release) == kContended) {
    System::wake_one(&word_);
  }
}

void Lock::hold_for_fork() {
  // relaxed: compared with their own ids by other threads, which it never is.
  forking_thread.store(thread_id(), std::memory_order_relaxed);
}

bool Lock::is_held_for_fork() { return is_forking(); }

void Lock::let_go_after_fork() {
  // relaxed: as above.
  forking_thread.store(0, std::memory_order_relaxed);
}

}  // namespace ashlar
