// All arenas of a realm: claiming slices from the first arena that has them, reserving another
// when none has, and purging what waits.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arena/arena.h"
#include "arena/purge_policy.h"
#include "base/integer.h"
#include "base/units.h"
#include "os/lock.h"
#include "os/memory.h"
#include "policy/layout.h"
#include "support/stats.h"

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
  // Where the next is put if that is free (0: anywhere); moved on behind it. All sets of a process
  // share it. nullptr: anywhere.
  std::uintptr_t* next_address = nullptr;
  std::int64_t purge_delay_ms = 100;  // below 0: never purge; 0: at once
  bool os_allowed = true;             // false: only arenas that were added by hand
};

// Owner:       nobody; every operation may be called by any thread at any time
// Shared:      arenas_ and count_ (written under lock_, read by all), claimed_, the purge policy
// Invariants:  arenas_[0..count_) are made and stay; count_ <= kArenaCountMax
// Life:        constant-initialised, or made in a record; never destroyed
template <OsMemory Os>
class ArenaSet {
 public:
  using ArenaType = Arena<Os>;

  // Before the first claim, by one thread. Later calls change what is still to come.
  void configure(const ArenaPolicy& policy) {
    LockGuard guard(lock_);
    policy_ = policy;
    purge_policy_.set_delay(policy.purge_delay_ms);
  }

  // Claims committed slices; false when all arenas are full and none can be added.
  bool claim(SliceCount count, SliceCount alignment, Claim<Os>* claim) {
    return this->claim(count, alignment, {0}, claim);
  }

  // The same from one arena, an exclusive one or not; false when that is full.
  bool claim_in(ArenaType* arena, SliceCount count, SliceCount alignment, SliceCount headroom,
                Claim<Os>* claim) {
    if (!arena->claim(count, alignment, headroom, &claim->run, &claim->contents)) {
      return false;
    }
    claim->arena = arena;
    note_claimed(count);
    return true;
  }

  // The same, with room to grow into behind them (see Arena::claim).
  bool claim(SliceCount count, SliceCount alignment, SliceCount headroom, Claim<Os>* claim) {
    // A new arena may be full again, through other threads, before we get to it. At most as many
    // rounds as there can be arenas: each but the last found one more than the round before.
    for (;;) {
      const std::uint32_t known = count_arenas();
      if (claim_from(known, count, alignment, headroom, claim)) {
        return true;
      }
      if (!add_arena(known, {count.value + headroom.value}, alignment)) {
        return false;
      }
    }
  }

  // Claims exactly these slices of an arena, for a block that grows.
  bool claim_at(ArenaType* arena, SliceRun run, Contents* contents) {
    if (!arena->claim_at(run, contents)) {
      return false;
    }
    note_claimed(run.count);
    return true;
  }

  // Gives slices back (see Arena::release), and purges where more is waiting than the policy
  // allows. `now_ms` is the clock's time.
  void release(ArenaType* arena, SliceRun run, SliceCount touched, Contents rest,
               std::uint64_t now_ms) {
    arena->release(run, touched, rest);
    // relaxed: a sum that only decides when to purge.
    claimed_.fetch_sub(run.count.value, std::memory_order_relaxed);
    if (rest == Contents::kZero && touched < run.count) {
      stats_.unused_bytes.add(std::int64_t{run.count.value - touched.value} *
                              static_cast<std::int64_t>(kSliceSize));
    }
    if (touched.value != 0 || rest != Contents::kZero) {
      purge(
          purge_policy_.after_release(waiting_bytes(), claimed_bytes(), refaulted_bytes(), now_ms));
    }
  }

  // Whether memory waits for a deadline; then purge_if_due is worth a look at the clock.
  bool purge_pending() const { return purge_policy_.pending(); }

  // Purges what has not been of use for a while; returns the bytes.
  std::size_t purge_if_due(std::uint64_t now_ms) {
    return purge(purge_policy_.at_time(waiting_bytes(), now_ms));
  }

  // Purges all that waits now; returns the bytes.
  std::size_t purge_now() { return purge(SIZE_MAX); }

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

  // An arena of at least `size` bytes from the system; nullptr where it has none.
  ArenaType* add_reserved(std::size_t size, bool committed, bool exclusive) {
    LockGuard guard(lock_);
    const std::size_t least = size < kArenaMinSize ? kArenaMinSize : size;
    return reserve_arena(align_up(least, kArenaAlignment), committed, exclusive);
  }

  // Unmaps the arenas but for those that keep(arena) says yes to, and forgets them all; memory of
  // the program's is left to it. No other thread uses them, nor anybody what was in them.
  template <class Keep>
  void unmap_unless(Keep keep) {
    LockGuard guard(lock_);
    // relaxed: no other thread uses them.
    const std::uint32_t count = count_.exchange(0, std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < count; ++i) {
      ArenaType* const gone = arena(i);
      if (gone->is_owned() && !keep(*gone)) {
        stats_.reserved_bytes.sub(static_cast<std::int64_t>(gone->size()));
        unmap(gone->start(), gone->size());
      }
    }
    // relaxed: a sum that only decides when to purge.
    claimed_.store(0, std::memory_order_relaxed);
  }

  // What the set has from the system.
  const MemoryStats& stats() const { return stats_; }
  MemoryStats& stats() { return stats_; }

  // The bytes that may hold physical memory: slices in use or waiting to be purged, and mappings.
  Level committed() const {
    Level level;
    level.current = static_cast<std::int64_t>(claimed_bytes() + waiting_bytes()) +
                    stats_.mapped_bytes.current();
    const auto peak = static_cast<std::int64_t>(committed_peak_.get());
    level.peak = peak > level.current ? peak : level.current;
    level.total = level.current + stats_.purged_bytes.total() + stats_.unused_bytes.total();
    return level;
  }

  // From now on nothing has happened yet, and peaks are what there is now.
  void restart_stats() {
    stats_.restart();
    const std::uint32_t count = count_arenas();
    for (std::uint32_t i = 0; i < count; ++i) {
      arena(i)->restart_stats();
    }
    committed_peak_.set(0);
  }

  // For memory that the set's user maps himself for blocks, and gives back.
  void note_mapped(std::size_t bytes) {
    const auto amount = static_cast<std::int64_t>(bytes);
    stats_.mappings.add();
    stats_.reserved_bytes.add(amount);
    stats_.mapped_bytes.add(amount);
    note_committed(claimed_bytes(), waiting_bytes());
  }
  void note_unmapped(std::size_t bytes) {
    const auto amount = static_cast<std::int64_t>(bytes);
    stats_.reserved_bytes.sub(amount);
    stats_.mapped_bytes.sub(amount);
    stats_.purged_bytes.add(amount);
  }

  // One for all sets, since arenas are seldom added.
  static Lock& lock() { return lock_; }

 private:
  bool claim_from(std::uint32_t end, SliceCount count, SliceCount alignment, SliceCount headroom,
                  Claim<Os>* claim) {
    for (std::uint32_t i = 0; i < end; ++i) {
      ArenaType* const candidate = arena(i);
      if (!candidate->is_exclusive() && claim_in(candidate, count, alignment, headroom, claim)) {
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
    const std::size_t least = align_up(wanted + wanted / 64 + 2 * kArenaAlignment, kArenaAlignment);
    size = size < least ? least : size;
    // Where addresses or commit are scarce (ulimit -v, no overcommit) a smaller arena will do.
    for (; size >= least; size = align_down(size / 2, kArenaAlignment)) {
      if (size < kArenaMinSize) {
        return false;
      }
      if (reserve_arena(size, Os::overcommits(), false) != nullptr) {
        return true;
      }
    }
    return false;
  }

  ArenaType* reserve_arena(std::size_t size, bool committed, bool exclusive)
      ASHLAR_REQUIRES(lock_) {
    std::uintptr_t* const next = policy_.next_address;
    void* const hint = reinterpret_cast<void*>(next == nullptr ? 0 : *next);
    void* const start =
        Os::reserve(hint, size, kArenaAlignment, committed ? Access::kReadWrite : Access::kNone);
    if (start == nullptr) {
      return nullptr;
    }
    if (hint != nullptr) {
      *next += align_up(size, kArenaAlignment);
    }
    ArenaType* const made = publish({.start = start,
                                     .size = size,
                                     .committed = committed,
                                     .zero = true,
                                     .purging = Purging::kLeavesZero,
                                     .exclusive = exclusive,
                                     .owned = true});
    if (made == nullptr) {
      Os::release(start, size);
    } else {
      stats_.mappings.add();
      stats_.reserved_bytes.add(static_cast<std::int64_t>(size));
    }
    return made;
  }

  // The next arena takes this one's place where it was the last.
  void unmap(void* start, std::size_t size) ASHLAR_REQUIRES(lock_) {
    if (Os::release(start, size) && policy_.next_address != nullptr &&
        *policy_.next_address == address_of(start) + align_up(size, kArenaAlignment)) {
      *policy_.next_address = address_of(start);
    }
  }

  ArenaType* publish(const ArenaMemory& memory) ASHLAR_REQUIRES(lock_) {
    // relaxed: written under the lock, which we hold.
    const std::uint32_t count = count_.load(std::memory_order_relaxed);
    ArenaType* const made = count < kArenaCountMax ? ArenaType::create(memory, this) : nullptr;
    if (made != nullptr) {
      // relaxed: the count below publishes it.
      arenas_[count].store(made, std::memory_order_relaxed);
      // release: whoever sees the new count sees the arena made.
      count_.store(count + 1, std::memory_order_release);
      stats_.arenas.add(1);
    }
    return made;
  }

  void note_claimed(SliceCount count) {
    // relaxed: a sum that only decides when to purge.
    claimed_.fetch_add(count.value, std::memory_order_relaxed);
    const std::size_t waiting = waiting_bytes();
    const std::size_t in_use = claimed_bytes();
    purge_policy_.after_claim(waiting, in_use);
    note_committed(in_use, waiting);
  }

  // A race of two threads may miss the level that both made together, until the next claim.
  void note_committed(std::size_t in_use, std::size_t waiting) {
    const std::size_t level =
        in_use + waiting + static_cast<std::size_t>(stats_.mapped_bytes.current());
    std::size_t seen = committed_peak_.get();
    while (seen < level && !committed_peak_.replace(seen, level)) {
      seen = committed_peak_.get();
    }
  }

  // Purges at least so many bytes, if so many wait, from high addresses down, so that low ones
  // stay ready for use.
  std::size_t purge(std::size_t bytes) {
    if (bytes == 0) {
      return 0;
    }
    const std::size_t wanted = bytes == SIZE_MAX ? UINT32_MAX : divide_up(bytes, kSliceSize);
    std::size_t slices = 0;
    for (std::uint32_t i = count_arenas(); i-- > 0 && slices < wanted;) {
      slices += arena(i)->purge_waiting(static_cast<std::uint32_t>(wanted - slices));
    }
    purge_policy_.after_purge(slices * kSliceSize);
    stats_.purge_rounds.add();
    stats_.purged_bytes.add(static_cast<std::int64_t>(slices * kSliceSize));
    return slices * kSliceSize;
  }

  std::size_t refaulted_bytes() const {
    std::uint64_t slices = 0;
    for_each_arena([&](const ArenaType& arena) { slices += arena.refaulted(); });
    return slices * kSliceSize;
  }

  // Bytes that callers hold.
  std::size_t claimed_bytes() const {
    // relaxed: a sum that only decides when to purge.
    return static_cast<std::size_t>(claimed_.load(std::memory_order_relaxed)) * kSliceSize;
  }

  static constinit inline Lock lock_{LockRank::kArenas};
  ArenaPolicy policy_ ASHLAR_GUARDED_BY(lock_){};
  std::atomic<std::uint32_t> count_{0};
  std::atomic<std::uint64_t> claimed_{0};         // slices
  RelaxedNumber<std::size_t> committed_peak_{0};  // bytes
  PurgePolicy purge_policy_;
  MemoryStats stats_;
  std::atomic<ArenaType*> arenas_[kArenaCountMax] = {};
};

}  // namespace ashlar
