// All arenas of a process (later: of a realm): claiming slices from the first arena that has
// them, reserving another when none has, and purging what waits.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arena/arena.h"
#include "base/integer.h"
#include "base/units.h"
#include "os/lock.h"
#include "os/memory.h"
#include "policy/layout.h"

namespace ashlar {

// Slices that a caller holds, and what is known of them.
template <OsMemory Os>
struct Claim {
  Arena<Os>* arena = nullptr;
  SliceRun run;
  Contents contents = Contents::kUnknown;

  void* start() const { return arena->address(run.first); }
};

// How new arenas are reserved.
struct ArenaPolicy {
  std::size_t reserve = kArenaDefaultSize;  // bytes of the first eight; doubled for each eight more
  std::uintptr_t hint = 0;                  // where the first is put if that is free; 0: anywhere
  std::int64_t purge_delay_ms = 100;        // below 0: never purge; 0: at once
  bool os_allowed = true;                   // false: only arenas that were added by hand
};

// Owner:       nobody; every operation may be called by any thread at any time
// Shared:      arenas_ and count_ (written under lock_, read by all), the purge state
// Invariants:  arenas_[0..count_) are made and stay; count_ <= kArenaCountMax
// Life:        a constant-initialised global
template <OsMemory Os>
class ArenaSet {
 public:
  using ArenaType = Arena<Os>;

  // Before the first claim, by one thread. Later calls change what is still to come.
  void configure(const ArenaPolicy& policy) {
    LockGuard guard(lock_);
    policy_ = policy;
    if (next_hint_ == 0) {
      next_hint_ = policy.hint;
    }
    // relaxed: a number that stands for itself.
    purge_delay_ms_.store(policy.purge_delay_ms, std::memory_order_relaxed);
  }

  // Claims committed slices; false when all arenas are full and none can be added.
  bool claim(SliceCount count, SliceCount alignment, Claim<Os>* claim) {
    // A new arena may be full again, through other threads, before we get to it: try twice.
    for (int tries = 0; tries < 2; ++tries) {
      const std::uint32_t known = count_arenas();
      if (claim_from(0, known, count, alignment, claim)) {
        return true;
      }
      if (!add_arena(known, count, alignment)) {
        return false;
      }
    }
    return claim_from(0, count_arenas(), count, alignment, claim);
  }

  // Gives slices back. Purges at once where more than the budget waits.
  void release(ArenaType* arena, SliceRun run, bool resident, std::uint64_t now_ms) {
    arena->release(run, resident);
    // relaxed: a number that stands for itself.
    const std::int64_t delay = purge_delay_ms_.load(std::memory_order_relaxed);
    if (delay < 0 || !resident) {
      return;
    }
    if (delay == 0 || waiting_bytes() > kPurgeBudget) {
      purge_now();
      return;
    }
    std::uint64_t none = 0;
    // relaxed: a deadline that stands for itself; whoever comes first sets it.
    purge_at_ms_.compare_exchange_strong(none, now_ms + static_cast<std::uint64_t>(delay),
                                         std::memory_order_relaxed, std::memory_order_relaxed);
  }

  // Whether a deadline was set; then purge_if_due is worth a look at the clock.
  bool purge_pending() const {
    // relaxed: a hint; purge_if_due decides.
    return purge_at_ms_.load(std::memory_order_relaxed) != 0;
  }

  // Purges when the deadline has passed. One caller at a time does the work.
  std::size_t purge_if_due(std::uint64_t now_ms) {
    // relaxed: a deadline that stands for itself; the exchange decides who does the work.
    std::uint64_t at = purge_at_ms_.load(std::memory_order_relaxed);
    if (at == 0 || now_ms < at ||
        !purge_at_ms_.compare_exchange_strong(at, 0, std::memory_order_relaxed,
                                              std::memory_order_relaxed)) {
      return 0;
    }
    return purge_all();
  }

  // Purges all that waits now; returns the bytes.
  std::size_t purge_now() {
    // relaxed: a deadline that stands for itself.
    purge_at_ms_.store(0, std::memory_order_relaxed);
    return purge_all();
  }

  std::size_t waiting_bytes() const {
    std::size_t bytes = 0;
    for_each_arena([&](const ArenaType& arena) { bytes += arena.waiting_bytes(); });
    return bytes;
  }

  std::uint32_t count_arenas() const {
    // acquire: pairs with the release in publish; the arenas below the count are made.
    return count_.load(std::memory_order_acquire);
  }

  ArenaType* arena(std::uint32_t index) const {
    // relaxed: count_arenas has acquired it.
    return arenas_[index].load(std::memory_order_relaxed);
  }

  template <class Visit>
  void for_each_arena(Visit visit) const {
    const std::uint32_t count = count_arenas();
    for (std::uint32_t i = 0; i < count; ++i) {
      visit(*arena(i));
    }
  }

  ArenaType* arena_of(const void* pointer) const {
    const std::uint32_t count = count_arenas();
    for (std::uint32_t i = 0; i < count; ++i) {
      if (arena(i)->contains(pointer)) {
        return arena(i);
      }
    }
    return nullptr;
  }

  // An arena of memory that the caller brings; nullptr where it is too small or the table is full.
  ArenaType* add_memory(const ArenaMemory& memory) {
    LockGuard guard(lock_);
    return publish(memory);
  }

  Lock& lock() { return lock_; }

 private:
  bool claim_from(std::uint32_t first, std::uint32_t end, SliceCount count, SliceCount alignment,
                  Claim<Os>* claim) {
    for (std::uint32_t i = first; i < end; ++i) {
      ArenaType* const candidate = arena(i);
      if (candidate->claim(count, alignment, &claim->run, &claim->contents)) {
        claim->arena = candidate;
        return true;
      }
    }
    return false;
  }

  // Reserves an arena, unless another thread has added one since `known` were seen.
  bool add_arena(std::uint32_t known, SliceCount count, SliceCount alignment) {
    LockGuard guard(lock_);
    if (count_arenas() != known) {
      return true;
    }
    if (!policy_.os_allowed || known >= kArenaCountMax) {
      return false;
    }
    const std::size_t wanted = (std::size_t{count.value} + alignment.value) * kSliceSize;
    std::size_t size = policy_.reserve;
    for (std::uint32_t i = 8; i <= known && size < kArenaMaxSize; i += 8) {
      size *= 2;
    }
    size = align_up(size < kArenaMinSize ? kArenaMinSize : size, kArenaAlignment);
    // Room for the metadata, which is under a hundredth of the arena, and for the request.
    const std::size_t least =
        align_up(wanted + wanted / 64 + 2 * kArenaAlignment, kArenaAlignment);
    size = size < least ? least : size;
    // Where addresses or commit are scarce (ulimit -v, no overcommit) a smaller arena will do.
    for (; size >= least; size = align_down(size / 2, kArenaAlignment)) {
      if (size < kArenaMinSize) {
        return false;
      }
      if (reserve_arena(size) != nullptr) {
        return true;
      }
    }
    return false;
  }

  ArenaType* reserve_arena(std::size_t size) ASHLAR_REQUIRES(lock_) {
    const bool eager = Os::overcommits();
    void* const hint = reinterpret_cast<void*>(next_hint_);
    void* const start =
        Os::reserve(hint, size, kArenaAlignment, eager ? Access::kReadWrite : Access::kNone);
    if (start == nullptr) {
      return nullptr;
    }
    if (next_hint_ != 0) {
      next_hint_ += align_up(size, kArenaAlignment);
    }
    ArenaType* const made = publish({.start = start,
                                     .size = size,
                                     .committed = eager,
                                     .zero = true,
                                     .purgeable = true});
    if (made == nullptr) {
      Os::release(start, size);
    }
    return made;
  }

  ArenaType* publish(const ArenaMemory& memory) ASHLAR_REQUIRES(lock_) {
    // relaxed: written under the lock, which we hold.
    const std::uint32_t count = count_.load(std::memory_order_relaxed);
    ArenaType* const made = count < kArenaCountMax ? ArenaType::create(memory) : nullptr;
    if (made != nullptr) {
      // relaxed: the count below publishes it.
      arenas_[count].store(made, std::memory_order_relaxed);
      // release: whoever sees the new count sees the arena made.
      count_.store(count + 1, std::memory_order_release);
    }
    return made;
  }

  std::size_t purge_all() {
    std::size_t slices = 0;
    const std::uint32_t count = count_arenas();
    for (std::uint32_t i = 0; i < count; ++i) {
      slices += arena(i)->purge_waiting();
    }
    return slices * kSliceSize;
  }

  Lock lock_{LockRank::kArenas};
  ArenaPolicy policy_ ASHLAR_GUARDED_BY(lock_){};
  std::uintptr_t next_hint_ ASHLAR_GUARDED_BY(lock_) = 0;
  std::atomic<std::uint32_t> count_{0};
  std::atomic<std::int64_t> purge_delay_ms_{100};
  std::atomic<std::uint64_t> purge_at_ms_{0};  // 0: no deadline
  std::atomic<ArenaType*> arenas_[kArenaCountMax] = {};
};

}  // namespace ashlar
