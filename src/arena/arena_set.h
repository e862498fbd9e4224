// All arenas of a realm: claiming slices from the first arena that has them, reserving another
// when none has, and purging what waits.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arena/arena.h"
#include "arena/arena_mapping.h"
#include "arena/page_map.h"
#include "arena/purge_policy.h"
#include "base/integer.h"
#include "base/relaxed.h"
#include "base/units.h"
#include "os/lock.h"
#include "os/memory.h"
#include "policy/layout.h"
#include "support/stats.h"
#include "support/tracker.h"

namespace ashlar {

// Slices that a caller holds, and what is known of them.
template <OsMemory Os>
struct Claim {
  Arena<Os>* arena = nullptr;
  SliceRun run;
  Contents contents = Contents::kUnknown;

  void* start() const { return arena->address(run.first); }
};

enum class EagerCommit : std::uint8_t { kNever, kAlways, kWhereOvercommitted };

// How new arenas are reserved, and how memory is given back.
struct ArenaPolicy {
  std::size_t reserve = kArenaDefaultSize;  // bytes of the first eight; doubled for each eight more
  // Where the next is put if that is free (0: anywhere); moved on behind it. All sets of a process
  // share it. nullptr: anywhere.
  std::uintptr_t* next_address = nullptr;
  std::int64_t purge_delay_ms = 100;  // below 0: never purge; 0: at once
  bool os_allowed = true;             // false: only arenas that were added by hand
  EagerCommit eager_commit = EagerCommit::kWhereOvercommitted;
  HugePageUse huge_pages{};
  bool numa_local = false;      // an arena is of the NUMA node that it was reserved for
  bool purge_by_reset = false;  // see PurgeMeans
  std::size_t least_purge = 0;  // bytes of a run that is purged before all is
};

// Owner:       nobody; every operation may be called by any thread at any time
// Shared:      arenas_ and count_ (written under lock_, read by all), claimed_, the purge policy,
//              and the numbers, each of which stands for itself
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
    hook_delay_ms_.set(policy.purge_delay_ms);
    purge_by_reset_.set(policy.purge_by_reset);
    const std::size_t least = divide_up(policy.least_purge, kSliceSize);
    least_purge_.set(least < kBitsPerWord ? static_cast<std::uint32_t>(least) : kBitsPerWord);
    numa_local_.set(policy.numa_local);
  }

  // Claims committed slices; false when all arenas are full and none can be added.
  bool claim(SliceCount count, SliceCount alignment, Claim<Os>* claim) {
    return this->claim(count, alignment, {0}, claim);
  }

  // The same from one arena, an exclusive one or not; false when that is full. `pick`: see
  // SliceClaim::claim.
  bool claim_in(ArenaType* arena, SliceCount count, SliceCount alignment, SliceCount headroom,
                Claim<Os>* claim, std::uint64_t pick = 0) {
    if (!arena->claim(count, alignment, headroom, &claim->run, &claim->contents, pick)) {
      return false;
    }
    claim->arena = arena;
    note_claimed(count);
    return true;
  }

  // Whether it matters which NUMA node a claim is for.
  bool tells_nodes_apart() const { return numa_local_.get() || has_nodes_.get(); }

  // The same, with room to grow into behind them (see Arena::claim), from arenas of a NUMA node
  // if they have it (-1: no matter), then from those of none, then from others.
  bool claim(SliceCount count, SliceCount alignment, SliceCount headroom, Claim<Os>* claim,
             int node = -1, std::uint64_t pick = 0) {
    const bool reserves_local = node >= 0 && numa_local_.get();
    // A new arena may be full again, through other threads, before we get to it. At most as many
    // rounds as there can be arenas: each but the last found one more than the round before.
    for (;;) {
      const std::uint32_t known = count_arenas();
      if (node < 0 ? claim_from(known, count, alignment, headroom, claim, pick)
                   : claim_near(known, count, alignment, headroom, claim, node, pick)) {
        return true;
      }
      if (node >= 0 && !reserves_local &&
          claim_far(known, count, alignment, headroom, claim, node, pick)) {
        return true;
      }
      const bool added = add_arena(known, {count.value + headroom.value}, alignment, node);
      // Here no lock of ours is held.
      report_refused_large_pages();
      if (!added) {
        return reserves_local && claim_far(known, count, alignment, headroom, claim, node, pick);
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
    const std::uint64_t claimed = claimed_.fetch_sub(run.count.value, std::memory_order_relaxed);
    purge_policy_.note_use(static_cast<std::size_t>(claimed) * kSliceSize);
    if (rest == Contents::kZero && touched < run.count) {
      stats_.unused_bytes.add(std::int64_t{run.count.value - touched.value} *
                              static_cast<std::int64_t>(kSliceSize));
    }
    if (arena->has_hook()) {
      // The caller may hold locks, so the program's function is called later.
      const std::int64_t delay = hook_delay_ms_.get();
      if (delay >= 0 && arena->waiting_bytes() != 0) {
        hook_due_ms_.replace(0, now_ms + static_cast<std::uint64_t>(delay) + 1);
      }
    } else if (touched.value != 0 || rest != Contents::kZero) {
      purge(purge_policy_.after_release(purgeable_bytes(), claimed_bytes(), refaulted_bytes(),
                                        now_ms));
    }
  }

  // Whether memory waits for a deadline; then purge_if_due is worth a look at the clock.
  bool purge_pending() const { return purge_policy_.pending() || hook_due_ms_.get() != 0; }

  // Purges what has not been of use for a while; returns the bytes. May call foreign code.
  std::size_t purge_if_due(std::uint64_t now_ms) {
    const std::uint64_t due = hook_due_ms_.get();
    const bool hooks =
        due != 0 && now_ms >= due && foreign_code_allowed() && hook_due_ms_.replace(due, 0);
    return purge(purge_policy_.at_time(purgeable_bytes(), now_ms)) + (hooks ? purge_hooked() : 0);
  }

  // The same, but calls no foreign code; and when it has something to do next (0: nothing waits).
  std::size_t purge_without_hooks_if_due(std::uint64_t now_ms) {
    return purge(purge_policy_.at_time(purgeable_bytes(), now_ms));
  }
  std::uint64_t purge_deadline_ms() const { return purge_policy_.deadline_ms(); }

  // Purges until no more than so many bytes wait. Calls no foreign code.
  std::size_t purge_down_to(std::size_t bytes) {
    const std::size_t waiting = purgeable_bytes();
    return waiting > bytes ? purge(waiting - bytes) : 0;
  }

  // Purges all that waits now; returns the bytes. May call foreign code.
  std::size_t purge_now() { return purge_now_without_hooks() + purge_now_with_hooks(); }

  // The two parts of it: what calls no foreign code, and what has the program decommit.
  std::size_t purge_now_without_hooks() { return purge(SIZE_MAX); }
  std::size_t purge_now_with_hooks() { return foreign_code_allowed() ? purge_hooked() : 0; }

  // Whether what is given back is gone at once, and not when the system wants to take it.
  bool gives_back_at_once() const { return !purge_by_reset_.get() || touched_bytes.is_limited(); }

  // For memory within slices in use that their holder has purged.
  void note_given_back(std::size_t bytes) {
    stats_.purged_bytes.add(static_cast<std::int64_t>(bytes));
  }

  // Bytes that are free and may be resident.
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
  // Where the memory has a hook, it is front_ready.
  ArenaType* add_memory(const ArenaMemory& memory) {
    LockGuard guard(lock_);
    ArenaType* const made = publish(memory);
    if (made != nullptr && memory.owned) {
      stats_.mappings.add();
      stats_.reserved_bytes.add(static_cast<std::int64_t>(memory.size));
    }
    return made;
  }

  // An arena of at least `size` bytes from the system; nullptr where it has none.
  ArenaType* add_reserved(std::size_t size, const ArenaRequest& request) {
    LockGuard guard(lock_);
    const std::size_t least = size < kArenaMinSize ? kArenaMinSize : size;
    return reserve_arena(align_up(least, kArenaAlignment), request);
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
      if (keep(*gone)) {
        continue;
      }
      gone->forget_touched();
      if (gone->is_owned()) {
        stats_.reserved_bytes.sub(static_cast<std::int64_t>(gone->size()));
        unmap(gone->start(), gone->size());
      } else {
        note_memory_free(gone->start(), gone->size());
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
    level.total = level.current + stats_.purged_bytes.total() + stats_.reset_bytes.total() +
                  stats_.unused_bytes.total();
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
                  Claim<Os>* claim, std::uint64_t pick) {
    return claim_of(end, count, alignment, headroom, claim, pick, [](int) { return true; });
  }

  // The same from the arenas that take(their node) says yes to.
  template <class Take>
  bool claim_of(std::uint32_t end, SliceCount count, SliceCount alignment, SliceCount headroom,
                Claim<Os>* claim, std::uint64_t pick, Take take) {
    for (std::uint32_t i = 0; i < end; ++i) {
      ArenaType* const candidate = arena(i);
      if (!candidate->is_exclusive() && take(candidate->numa_node()) &&
          claim_in(candidate, count, alignment, headroom, claim, pick)) {
        return true;
      }
    }
    return false;
  }
  bool claim_near(std::uint32_t end, SliceCount count, SliceCount alignment, SliceCount headroom,
                  Claim<Os>* claim, int node, std::uint64_t pick) {
    return claim_of(end, count, alignment, headroom, claim, pick,
                    [node](int n) { return n == node; }) ||
           claim_of(end, count, alignment, headroom, claim, pick, [](int n) { return n < 0; });
  }
  bool claim_far(std::uint32_t end, SliceCount count, SliceCount alignment, SliceCount headroom,
                 Claim<Os>* claim, int node, std::uint64_t pick) {
    return claim_of(end, count, alignment, headroom, claim, pick,
                    [node](int n) { return n >= 0 && n != node; });
  }

  bool commits_new_arenas() const ASHLAR_REQUIRES(lock_) {
    return policy_.eager_commit == EagerCommit::kWhereOvercommitted
               ? Os::overcommits()
               : policy_.eager_commit == EagerCommit::kAlways;
  }

  // Reserves an arena, unless another thread has added one since `known` were seen.
  bool add_arena(std::uint32_t known, SliceCount count, SliceCount alignment, int node) {
    LockGuard guard(lock_);
    if (count_arenas() != known) {
      return true;
    }
    if (!policy_.os_allowed || known >= kArenaCountMax - kArenaCountByHand) {
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
      if (reserve_arena(size, {.committed = commits_new_arenas(),
                               .exclusive = false,
                               .allow_large = false,
                               .numa_node = policy_.numa_local ? node : -1}) != nullptr) {
        return true;
      }
    }
    return false;
  }

  // Addresses that an arena takes. In profiles that guard, those behind it stay empty.
  static std::size_t room_for(std::size_t size) {
    return align_up(size, kArenaAlignment) + (kActive.guard_pages ? kArenaAlignment : 0);
  }

  ArenaType* reserve_arena(std::size_t size, const ArenaRequest& request) ASHLAR_REQUIRES(lock_) {
    std::uintptr_t* const next = policy_.next_address;
    void* const hint = reinterpret_cast<void*>(next == nullptr ? 0 : *next);
    const ArenaMemory memory = map_arena<Os>(hint, size, request, policy_.huge_pages);
    if (memory.start == nullptr) {
      return nullptr;
    }
    if (hint != nullptr) {
      *next += room_for(size);
    }
    ArenaType* const made = publish(memory);
    if (made == nullptr) {
      Os::release(memory.start, size);
    } else {
      stats_.mappings.add();
      stats_.reserved_bytes.add(static_cast<std::int64_t>(size));
    }
    return made;
  }

  // The next arena takes this one's place where it was the last.
  void unmap(void* start, std::size_t size) ASHLAR_REQUIRES(lock_) {
    if (!Os::release(start, size)) {
      Os::purge(start, size);  // the addresses are lost, the physical pages need not be
    } else if (policy_.next_address != nullptr &&
               *policy_.next_address == address_of(start) + room_for(size)) {
      *policy_.next_address = address_of(start);
    }
  }

  ArenaType* publish(const ArenaMemory& memory) ASHLAR_REQUIRES(lock_) {
    // relaxed: written under the lock, which we hold.
    const std::uint32_t count = count_.load(std::memory_order_relaxed);
    const bool possible =
        count < kArenaCountMax && PageMap::can_hold(address_of(memory.start), memory.size);
    ArenaType* const made = possible ? ArenaType::create(memory, this) : nullptr;
    if (made != nullptr) {
      // relaxed: the count below publishes it.
      arenas_[count].store(made, std::memory_order_relaxed);
      // release: whoever sees the new count sees the arena made.
      count_.store(count + 1, std::memory_order_release);
      has_nodes_.set(has_nodes_.get() || memory.numa_node >= 0);
      has_hooks_.set(has_hooks_.get() || made->has_hook());
      stats_.arenas.add(1);
    }
    return made;
  }

  void note_claimed(SliceCount count) {
    // relaxed: a sum that only decides when to purge.
    claimed_.fetch_add(count.value, std::memory_order_relaxed);
    const std::size_t waiting = waiting_bytes();
    const std::size_t in_use = claimed_bytes();
    purge_policy_.after_claim(has_hooks_.get() ? purgeable_bytes() : waiting, in_use);
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
    const PurgeMeans means{.by_reset = !gives_back_at_once(),
                           .least_slices = bytes == SIZE_MAX ? 1 : least_purge_.get()};
    for (std::uint32_t i = count_arenas(); i-- > 0 && slices < wanted;) {
      if (!arena(i)->has_hook()) {
        slices += arena(i)->purge_waiting(static_cast<std::uint32_t>(wanted - slices), means);
      }
    }
    purge_policy_.after_purge(slices * kSliceSize, slices < wanted ? purgeable_bytes() : 0);
    stats_.purge_rounds.add();
    (means.by_reset ? stats_.reset_bytes : stats_.purged_bytes)
        .add(static_cast<std::int64_t>(slices * kSliceSize));
    return slices * kSliceSize;
  }

  // Has the program decommit all that waits in the arenas that it commits itself.
  std::size_t purge_hooked() {
    std::size_t slices = 0;
    for (std::uint32_t i = count_arenas(); i-- > 0;) {
      if (arena(i)->has_hook()) {
        slices += arena(i)->purge_waiting(UINT32_MAX);
      }
    }
    stats_.purge_rounds.add();
    stats_.purged_bytes.add(static_cast<std::int64_t>(slices * kSliceSize));
    return slices * kSliceSize;
  }

  // Bytes that wait for the purge policy: it knows nothing of what the program commits itself.
  std::size_t purgeable_bytes() const {
    std::size_t bytes = 0;
    for_each_arena(
        [&](const ArenaType& arena) { bytes += arena.has_hook() ? 0 : arena.waiting_bytes(); });
    return bytes;
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
  // Of the policy, for those who have not got the lock.
  RelaxedNumber<std::int64_t> hook_delay_ms_{100};
  RelaxedNumber<bool> purge_by_reset_;
  RelaxedNumber<std::uint32_t> least_purge_;  // slices
  RelaxedNumber<bool> numa_local_;
  RelaxedNumber<bool> has_nodes_;             // some arena is of a NUMA node
  RelaxedNumber<bool> has_hooks_;             // some arena has a commit hook
  RelaxedNumber<std::uint64_t> hook_due_ms_;  // when hooks are called; 0: nothing waits for one
  std::atomic<ArenaType*> arenas_[kArenaCountMax] = {};
};

}  // namespace ashlar
