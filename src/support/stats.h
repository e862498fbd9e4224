// Counters of the whole process, touched on slow paths only: whoever counts on a fast path keeps
// the count in the thread heap instead. Reports that read them are made elsewhere.
#pragma once

#include <atomic>
#include <cstdint>

namespace ashlar {

// What only happens, and is never undone.
//
// Shared:      total_, by every thread
class EventCounter {
 public:
  void add(std::int64_t count = 1) {
    // relaxed: a count; nothing else is read on the strength of it.
    total_.fetch_add(count, std::memory_order_relaxed);
  }
  std::int64_t total() const {
    // relaxed: as above; sums of several counters may mix moments.
    return total_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> total_{0};
};

// What rises and falls: an amount held now, the most that was ever held, and all that came.
//
// Shared:      current_, peak_, total_, by every thread
// Invariants:  at rest, current <= peak <= total where `sub` takes no more than `add` gave
class LevelCounter {
 public:
  void add(std::int64_t amount) {
    // relaxed: counts; nothing else is read on the strength of them.
    total_.fetch_add(amount, std::memory_order_relaxed);
    // relaxed: as above. The result is exact, so no level that was reached is missed below.
    const std::int64_t level = current_.fetch_add(amount, std::memory_order_relaxed) + amount;
    // relaxed: only ever raised, and compared again when another thread was faster.
    std::int64_t seen = peak_.load(std::memory_order_relaxed);
    // relaxed: as above, on success and on failure.
    while (seen < level && !peak_.compare_exchange_weak(seen, level, std::memory_order_relaxed,
                                                        std::memory_order_relaxed)) {
    }
  }
  void sub(std::int64_t amount) {
    // relaxed: a count.
    current_.fetch_sub(amount, std::memory_order_relaxed);
  }

  // relaxed: all three are counts; a reader may see one of them before the others.
  std::int64_t current() const { return current_.load(std::memory_order_relaxed); }
  std::int64_t peak() const { return peak_.load(std::memory_order_relaxed); }
  std::int64_t total() const { return total_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> current_{0};
  std::atomic<std::int64_t> peak_{0};
  std::atomic<std::int64_t> total_{0};
};

// What the arenas of a realm, and its pages in mappings of their own, have from the system.
struct MemoryStats {
  LevelCounter reserved_bytes;  // address space
  LevelCounter arenas;
  LevelCounter mapped_bytes;  // in mappings of their own

  EventCounter mappings;      // mmap calls that gave memory
  EventCounter commits;       // ranges made accessible
  EventCounter purges;        // ranges given back while the addresses were kept
  EventCounter purged_bytes;  // in them
  EventCounter unused_bytes;  // given back without having been touched
};

// A level at one moment, the most it was, and all that came.
struct Level {
  std::int64_t current = 0;
  std::int64_t peak = 0;
  std::int64_t total = 0;
};

// What is counted of a realm.
struct RealmStats {
  LevelCounter pages;         // pages in use, orphans included
  LevelCounter orphan_pages;  // pages with live blocks that no thread heap owns
  LevelCounter huge_blocks;   // blocks with a page of their own
  LevelCounter threads;       // threads in it that have a heap
  LevelCounter heaps;         // but for the main one
  LevelCounter thread_heaps;  // what threads keep for heaps

  EventCounter adopted_pages;    // orphans that a thread took when it needed a page
  EventCounter reclaimed_pages;  // orphans that a thread took by freeing into them
  EventCounter waited_frees;     // pages that came back while their owner let go of them
};

}  // namespace ashlar
