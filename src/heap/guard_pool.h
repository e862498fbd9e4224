// Memory for guarded blocks: slots of addresses of which only the block's own OS pages may be
// touched, and nothing once the block is freed. Which blocks come here is guards.h's, what is said
// of a broken program guard_report.h's.
//
// A slot is a slice (two where OS pages are as large as slices), so that its page map entry is its
// own. The block ends where the next OS page begins, or as near as its alignment lets it:
//
//     | no access | no access | front  block  slack | no access |  next slot: no access ...
//                              ^ the OS pages of the block
//
// The last OS page of a slot is never touched, so neither is what lies before the next slot. What
// shares the block's OS pages with it is filled with a pattern that is looked at when the block is
// freed: the slack, and the nearest bytes of the front.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arena/guarded_records.h"
#include "base/integer.h"
#include "base/relaxed.h"
#include "os/lock.h"
#include "os/memory.h"
#include "page/page.h"
#include "policy/layout.h"
#include "support/touched.h"

namespace ashlar {

inline constexpr std::size_t kGuardFrames = 24;
inline constexpr unsigned char kGuardPattern = 0xA5;
inline constexpr std::size_t kGuardFront = 128;  // bytes before a block that are looked at

// Larger blocks are not guarded: they would not fit in a slot, and slices of their own are aligned.
inline constexpr std::size_t kGuardedBlockMax = kMediumBlockMax;

// Who did something, and from where. Read by signal handlers while a slot is used again: each
// number then is one of either.
struct GuardStack {
  RelaxedNumber<std::uint64_t> thread;
  RelaxedNumber<std::uint32_t> count;
  RelaxedNumber<std::uintptr_t> frames[kGuardFrames];

  // Notes the calling thread and its stack.
  void take();
  void clear() { count.set(0); }
};

// kEmpty: no block, or one that is being placed.
enum class GuardState : std::uint8_t { kEmpty, kLive, kFreed };

// Owner:       who took the slot from the pool, until it is put back: committed, is_zero; the
//              pool's lock: next; the page as any page of a huge block
// Shared:      state, by which one of several threads frees the block; the rest is read by all
// Invariants:  kLive: the page map leads from the slot to the page; else it leads nowhere
// Life:        zero -> kEmpty <-> kLive -> kFreed (quarantine) -> kEmpty
struct GuardSlot {
  Page page;
  std::atomic<GuardState> state;
  bool is_zero;  // what the slot's OS pages hold while no block is there
  std::uint32_t next;
  std::size_t committed;                // bytes that may be touched
  RelaxedNumber<std::uintptr_t> start;  // of the block, also when it is freed
  RelaxedNumber<std::size_t> size;
  GuardStack allocated;
  GuardStack freed;
};

// Owner:       lock_: the queue; addresses and count are written once, before count_ is
// Shared:      count_, read by all
// Invariants:  slots from 0 to fresh_ have been used; those in the queue are in no one's hands
// Life:        closed -> open, for the life of the process
template <OsMemory Os>
class GuardPool {
 public:
  // Reserves the slots, if that is not done; false where the system has no addresses for them.
  bool open(std::uint32_t slots) {
    LockGuard guard(lock_);
    if (count() != 0) {
      return true;
    }
    const std::size_t slot_bytes = slot_bytes_of(Os::page_size());
    const std::size_t bytes = kSliceSize + slots * slot_bytes;
    const std::size_t record_bytes = record_bytes_of(slots);
    void* const records = reserve_records<Os>(record_bytes);
    if (records == nullptr) {
      return false;
    }
    void* const start = Os::reserve(nullptr, bytes, kSliceSize, Access::kNone);
    if (start == nullptr) {
      release_records<Os>(records, record_bytes);
      return false;
    }
    slots_ = static_cast<GuardSlot*>(records);
    start_ = at_offset(start, kSliceSize);
    slot_bytes_ = slot_bytes;
    // release: who sees the count sees where the slots are.
    count_.store(slots, std::memory_order_release);
    return true;
  }

  // Gives all back where no block is left; no other thread uses the pool.
  void close() {
    LockGuard guard(lock_);
    const std::uint32_t slots = count();
    if (slots == 0 || queued_ != fresh_ || !release_records<Os>(slots_, record_bytes_of(slots))) {
      return;
    }
    Os::release(reinterpret_cast<void*>(address_of(start_) - kSliceSize),
                kSliceSize + slots * slot_bytes_);
    touched_bytes.sub(fresh_ * sizeof(GuardSlot));
    // relaxed: see above.
    count_.store(0, std::memory_order_relaxed);
    fresh_ = 0;
    queued_ = 0;
  }

  // A slot of the caller's; nullptr where all are in use, or were freed too short a time ago: a
  // quarter of the slots is always in quarantine once they have all been used.
  GuardSlot* take() {
    LockGuard guard(lock_);
    if (fresh_ < count()) {
      touched_bytes.add(sizeof(GuardSlot));
      slots_[fresh_].is_zero = true;
      return &slots_[fresh_++];
    }
    if (queued_ <= count() / 4) {
      return nullptr;
    }
    GuardSlot* const slot = &slots_[first_];
    first_ = slot->next;
    --queued_;
    // relaxed: a signal handler that still sees the last block tells of it.
    slot->state.store(GuardState::kEmpty, std::memory_order_relaxed);
    return slot;
  }

  // Puts a block of this size into a slot; false, and nothing changed, where the system refuses.
  bool place(GuardSlot* slot, std::size_t size, std::size_t alignment) {
    const std::uintptr_t limit = address_of(start_of(slot)) + slot_bytes_ - Os::page_size();
    const std::uintptr_t start = align_down(limit - size, alignment);
    const std::uintptr_t first = align_down(start, Os::page_size());
    const std::uintptr_t end = align_up(start + size, Os::page_size());
    if (!Os::commit(reinterpret_cast<void*>(first), end - first)) {
      return false;
    }
    slot->committed = end - first;
    enter(slot, start, size);
    return true;
  }

  // The same for a smaller block in the place of the one that is there: nobody has it yet.
  void place_again(GuardSlot* slot, std::size_t size, std::size_t alignment) {
    const std::uintptr_t end = end_of_pages(slot);
    enter(slot, align_down(end - size, alignment), size);
  }

  // Takes access to a slot away, and its memory back. The slot is the pool's again.
  void put_back(GuardSlot* slot) {
    const std::uintptr_t end = end_of_pages(slot);
    void* const first = reinterpret_cast<void*>(end - slot->committed);
    // Where the system refuses, a stray access is not seen; nothing else is lost.
    Os::protect(first, slot->committed, Access::kNone);
    slot->is_zero = Os::purge(first, slot->committed);
    enqueue(slot);
  }

  // A slot that was taken and not used.
  void put_back_unused(GuardSlot* slot) { enqueue(slot); }

  // Bytes that something wrote behind a block, or before it: up to the farthest one that was found.
  struct Edges {
    std::size_t behind = 0;
    std::size_t before = 0;
  };
  Edges check_edges(const GuardSlot* slot) const {
    Edges edges;
    const std::uintptr_t start = slot->start.get();
    const std::uintptr_t end = start + slot->size.get();
    const std::uintptr_t slack = end_of_pages(slot) - end;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(end);
    for (std::size_t i = 0; i < slack; ++i) {
      edges.behind = bytes[i] != kGuardPattern ? i + 1 : edges.behind;
    }
    const auto* const block = reinterpret_cast<const unsigned char*>(start);
    const std::size_t front = front_of(slot);
    for (std::size_t i = 1; i <= front; ++i) {
      edges.before = *(block - i) != kGuardPattern ? i : edges.before;
    }
    return edges;
  }

  // The slot that an address lies in, its untouchable OS pages included; nullptr for any other.
  GuardSlot* slot_at(std::uintptr_t address) const {
    const std::uint32_t slots = count();
    const std::uintptr_t offset = address - address_of(start_);
    return slots != 0 && offset / slot_bytes_ < slots ? &slots_[offset / slot_bytes_] : nullptr;
  }

  // The slot whose page this is; nullptr for any other page.
  GuardSlot* slot_of(const Page* page) const {
    const std::uintptr_t offset = address_of(page) - address_of(slots_);
    return offset < count() * sizeof(GuardSlot)
               ? const_cast<GuardSlot*>(reinterpret_cast<const GuardSlot*>(page))
               : nullptr;
  }

  // The same where it is known that there is one.
  static GuardSlot* slot_with(Page* page) { return reinterpret_cast<GuardSlot*>(page); }

  // The one behind it; nullptr for the last.
  GuardSlot* next_slot(GuardSlot* slot) const {
    return slot + 1 < slots_ + count() ? slot + 1 : nullptr;
  }

  void* start_of(const GuardSlot* slot) const {
    return at_offset(start_, static_cast<std::size_t>(slot - slots_) * slot_bytes_);
  }
  std::size_t slot_bytes() const { return slot_bytes_; }
  std::uint32_t count() const {
    // acquire: pairs with the release in open.
    return count_.load(std::memory_order_acquire);
  }

  Lock& lock() { return lock_; }

 private:
  static constexpr std::size_t slot_bytes_of(std::size_t os_page) {
    return os_page < kSliceSize ? kSliceSize : 2 * kSliceSize;
  }
  static std::size_t record_bytes_of(std::uint32_t slots) {
    return align_up(slots * sizeof(GuardSlot), Os::page_size());
  }
  static_assert(kGuardedBlockMax <= kSliceSize / 2, "fits beside an OS page of half a slice");

  static std::uintptr_t end_of_pages(const GuardSlot* slot) {
    return align_up(slot->start.get() + slot->size.get(), Os::page_size());
  }

  // Bytes of the front that are looked at.
  static std::size_t front_of(const GuardSlot* slot) {
    const std::uintptr_t front = slot->start.get() - (end_of_pages(slot) - slot->committed);
    return front < kGuardFront ? front : kGuardFront;
  }

  static void enter(GuardSlot* slot, std::uintptr_t start, std::size_t size) {
    slot->start.set(start);
    slot->size.set(size);
    const std::uintptr_t end = start + size;
    __builtin_memset(reinterpret_cast<void*>(end), kGuardPattern, end_of_pages(slot) - end);
    const std::size_t front = front_of(slot);
    __builtin_memset(reinterpret_cast<void*>(start - front), kGuardPattern, front);
  }

  void enqueue(GuardSlot* slot) {
    LockGuard guard(lock_);
    const auto index = static_cast<std::uint32_t>(slot - slots_);
    (queued_ == 0 ? first_ : slots_[last_].next) = index;
    last_ = index;
    ++queued_;
  }

  Lock lock_{LockRank::kGuards};
  std::atomic<std::uint32_t> count_{0};
  GuardSlot* slots_ = nullptr;
  void* start_ = nullptr;
  std::size_t slot_bytes_ = 0;
  std::uint32_t fresh_ ASHLAR_GUARDED_BY(lock_) = 0;  // slots that were ever taken
  // Slots that hold no block, from the one that was freed longest ago on.
  std::uint32_t first_ ASHLAR_GUARDED_BY(lock_) = 0;
  std::uint32_t last_ ASHLAR_GUARDED_BY(lock_) = 0;
  std::uint32_t queued_ ASHLAR_GUARDED_BY(lock_) = 0;
};

}  // namespace ashlar
