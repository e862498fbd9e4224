// Counters of the whole process, touched on slow paths only: whoever counts on a fast path keeps
// the count in the thread heap instead. Reports that read them are made elsewhere.
#pragma once

#include <atomic>
#include <cstdint>

#include "policy/layout.h"

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
  // Takes the count away; returns it.
  std::int64_t take() {
    // relaxed: as above.
    return total_.exchange(0, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> total_{0};
};

// The same where one thread counts and others only read: an addition without a bus lock.
//
// Shared:      total_, written by its owner and read by every thread
class OwnedCounter {
 public:
  void add() {
    // relaxed: a count, and nobody else writes it.
    total_.store(total_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  std::int64_t total() const {
    // relaxed: a count.
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
    move(amount);
  }
  // The same for what came from another counter of the same thing: it is in the total already.
  void move(std::int64_t amount) {
    // relaxed: a count. The result is exact, so no level that was reached is missed below.
    raise(current_.fetch_add(amount, std::memory_order_relaxed) + amount);
  }
  // Notes that the level was as high as this.
  void raise(std::int64_t level) {
    // relaxed: only ever raised, and compared again when another thread was faster.
    std::int64_t seen = peak_.load(std::memory_order_relaxed);
    // relaxed: as above, on success and on failure.
    while (seen < level && !peak_.compare_exchange_weak(seen, level, std::memory_order_relaxed,
                                                        std::memory_order_relaxed)) {
    }
  }
  // From now on nothing has come yet, and the level was never higher than now.
  void restart() {
    // relaxed: counts; what happens meanwhile may be counted on either side.
    total_.store(0, std::memory_order_relaxed);
    peak_.store(current(), std::memory_order_relaxed);
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
  EventCounter purge_rounds;  // times that memory which waited was purged
  EventCounter purged_bytes;  // given back while the addresses were kept, or unmapped
  EventCounter reset_bytes;   // that the system may take when it wants to
  EventCounter unused_bytes;  // given back without having been touched

  void restart() {
    reserved_bytes.restart();
    mapped_bytes.restart();
    for (EventCounter* const counter :
         {&mappings, &purge_rounds, &purged_bytes, &reset_bytes, &unused_bytes}) {
      counter->take();
    }
  }
};

// A level at one moment, the most it was, and all that came.
struct Level {
  std::int64_t current = 0;
  std::int64_t peak = 0;
  std::int64_t total = 0;
};

// What a thread counts on its slow paths, of one heap; and what is left of it when the thread ends.
template <class Counter>
struct SlowPathStats {
  Counter extended;     // times that a page got further blocks
  Counter searches;     // for a page with room
  Counter searched;     // pages that these looked at
  Counter retired;      // times that an empty page was kept for a while
  Counter handed_over;  // full pages that were let go of
};

// What is counted of a heap. Blocks and pages in use, and what pages that exist have handed out,
// stand in the pages.
struct HeapStats {
  EventCounter blocks[kSizeClassCount];  // handed out by pages that are gone, by size class
  EventCounter pages[kSizeClassCount];   // that are gone
  EventCounter huge_blocks;              // handed out: blocks with a page of their own
  EventCounter huge_bytes;               // in them
  EventCounter guarded_blocks;           // among them: in front of a guard
  mutable LevelCounter normal_bytes;     // in other blocks: the peak alone is kept, of all readings
};

// What is counted of a realm.
struct RealmStats {
  LevelCounter pages;         // pages in use, orphans included
  LevelCounter page_bytes;    // in them; the total is not kept
  LevelCounter orphan_pages;  // pages with live blocks that no thread heap owns
  LevelCounter threads;       // threads in it that have a heap
  LevelCounter heaps;         // but for the main one
  LevelCounter thread_heaps;  // what threads keep for heaps

  EventCounter adopted_pages;    // orphans that a thread took when it needed a page
  EventCounter reclaimed_pages;  // orphans that a thread took by freeing into them

  HeapStats gone;            // of heaps that are gone
  LevelCounter huge_blocks;  // of all heaps together
  LevelCounter huge_bytes;
  mutable LevelCounter normal_bytes;         // the peak alone is kept, of all readings
  SlowPathStats<EventCounter> gone_threads;  // of threads that are gone

  void restart() {
    for (LevelCounter* const level : {&pages, &page_bytes, &orphan_pages, &threads, &heaps,
                                      &thread_heaps, &huge_blocks, &huge_bytes, &normal_bytes}) {
      level->restart();
    }
    for (EventCounter* const counter :
         {&adopted_pages, &reclaimed_pages, &gone.huge_blocks, &gone.huge_bytes,
          &gone.guarded_blocks, &gone_threads.extended, &gone_threads.searches,
          &gone_threads.searched, &gone_threads.retired, &gone_threads.handed_over}) {
      counter->take();
    }
    for (std::uint32_t c = 0; c < kSizeClassCount; ++c) {
      gone.blocks[c].take();
      gone.pages[c].take();
    }
  }
};

}  // namespace ashlar
