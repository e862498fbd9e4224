// Memory for our own records that are not pages: thread heaps, and the metadata of blocks with
// a mapping of their own. Never used for blocks of the user.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arena/arena_set.h"
#include "arena/guarded_records.h"
#include "base/integer.h"
#include "os/lock.h"
#include "os/memory.h"
#include "support/touched.h"
#include "support/tracker.h"

namespace ashlar {

// Records are cut from whole slices of an arena (from the OS where no arena has one, and in
// profiles that guard) and kept in one free list a size; a few sizes are all there are.
//
// Owner:       whoever holds lock_
// Invariants:  every record is aligned to a cache line and zero when handed out
// Life:        a constant-initialised global; its slices are kept for the life of the process
template <OsMemory Os>
class MetadataPool {
 public:
  constexpr explicit MetadataPool(ArenaSet<Os>& arenas) : arenas_(arenas) {}

  // `size` zeroed bytes, or nullptr. At most kSizes different sizes may ever be asked for.
  void* allocate(std::size_t size) {
    const std::size_t rounded = align_up(size, kCacheLine);
    LockGuard guard(lock_);
    FreeList* const list = list_of(rounded);
    if (list == nullptr || rounded > kSliceSize - kCacheLine) {
      return nullptr;
    }
    if (list->first != nullptr) {
      Record* const record = list->first;
      list->first = record->next;
      const QuietScope quiet;
      __builtin_memset(static_cast<void*>(record), 0, rounded);
      return record;
    }
    if (left_ < rounded && !refill()) {
      return nullptr;
    }
    void* const record = at_;
    at_ = at_offset(at_, rounded);
    left_ -= rounded;
    return record;
  }

  void release(void* memory, std::size_t size) {
    LockGuard guard(lock_);
    FreeList* const list = list_of(align_up(size, kCacheLine));
    auto* const record = static_cast<Record*>(memory);
    record->next = list->first;
    list->first = record;
  }

  // Forgets all records, which nobody uses any more. Those in arenas go with them.
  void unmap() {
    LockGuard guard(lock_);
    while (Record* const mapping = mappings_) {
      mappings_ = mapping->next;
      release_records<Os>(mapping, kSliceSize);
      touched_bytes.sub(kSliceSize);
    }
    for (FreeList& list : lists_) {
      list = {};
    }
    at_ = nullptr;
    left_ = 0;
  }

  Lock& lock() { return lock_; }

 private:
  static constexpr std::size_t kSizes = 12;

  struct Record {
    Record* next;
  };
  struct FreeList {
    std::size_t size = 0;
    Record* first = nullptr;
  };

  FreeList* list_of(std::size_t size) ASHLAR_REQUIRES(lock_) {
    for (FreeList& list : lists_) {
      if (list.size == size || list.size == 0) {
        list.size = size;
        return &list;
      }
    }
    return nullptr;
  }

  bool refill() ASHLAR_REQUIRES(lock_) {
    void* start = nullptr;
    bool zero = true;
    // The pool's lock ranks below the arenas', whose lock adding an arena takes: so the pool
    // only takes what the arenas there are have, and asks the OS otherwise. Not from arenas that
    // the program keeps for some heaps, or commits itself: it would be called with our lock held.
    const std::uint32_t count = arenas_.count_arenas();
    for (std::uint32_t i = 0; !kActive.guard_pages && i < count && start == nullptr; ++i) {
      Claim<Os> claim;
      Arena<Os>* const arena = arenas_.arena(i);
      if (!arena->is_exclusive() && !arena->has_hook() &&
          arenas_.claim_in(arena, {1}, {1}, {0}, &claim)) {
        start = claim.start();
        touched_bytes.add(arena->untouched(claim.run, kSliceSize));
        arena->mark_touched(claim.run, kSliceSize);
        zero = claim.contents == Contents::kZero;
      }
    }
    if (start == nullptr) {
      start = reserve_records<Os>(kSliceSize);
      if (start == nullptr) {
        return false;
      }
      touched_bytes.add(kSliceSize);
      auto* const mapping = static_cast<Record*>(start);
      mapping->next = mappings_;
      mappings_ = mapping;
      at_ = at_offset(start, kCacheLine);
      left_ = kSliceSize - kCacheLine;
      return true;
    }
    note_memory_free(start, kSliceSize);
    if (!zero) {
      __builtin_memset(start, 0, kSliceSize);
    }
    at_ = start;
    left_ = kSliceSize;
    return true;
  }

  Lock lock_{LockRank::kMetadata};
  ArenaSet<Os>& arenas_;
  FreeList lists_[kSizes] ASHLAR_GUARDED_BY(lock_) = {};
  Record* mappings_ ASHLAR_GUARDED_BY(lock_) = nullptr;  // slices from the OS, by their first line
  void* at_ ASHLAR_GUARDED_BY(lock_) = nullptr;
  std::size_t left_ ASHLAR_GUARDED_BY(lock_) = 0;
};

}  // namespace ashlar
