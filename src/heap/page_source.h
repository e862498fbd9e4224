// Where pages come from and go to: slices of an arena, or a mapping of their own where no arena
// has room. No queues here, and no ownership but that of the caller.
#pragma once

#include <cstddef>
#include <utility>

#include "base/units.h"
#include "heap/process.h"
#include "heap/realm.h"
#include "os/lock.h"
#include "page/ownership.h"
#include "page/page.h"

namespace ashlar {

// The pages in no arena that take(page, arg) says yes to, chained by `next`. It is called under
// the lock of these pages.
Page* take_lone_pages(bool (*take)(Page* page, void* arg), void* arg);
Lock& lone_pages_lock();

// The page of a realm in no arena that starts lowest behind `start`; nullptr where there is none.
// Linear in the number of these pages.
Page* next_lone_page(const Realm* realm, const void* start);

// Memory for one page: slices and their entry. Where it is a mapping, `arena` is nullptr, and the
// entry a record of the metadata pool: a lone page.
struct PageMemory {
  Page* page = nullptr;
  Realm* realm = nullptr;
  SystemArena* arena = nullptr;
  void* start = nullptr;
  SliceCount slices;
  std::size_t bytes = 0;  // usable from start on
  Contents contents = Contents::kUnknown;
};

// Slices of an arena that the heap may use, the first at a multiple of `alignment` slices, with
// `headroom` free slices behind them; false when there are none.
bool acquire_slices(const Heap* heap, SliceCount slices, SliceCount alignment, SliceCount headroom,
                    PageMemory* memory);

// A mapping of its own of at least `bytes`, aligned to `alignment` bytes (kSliceSize or more);
// false when the system has none, or the heap has to stay in its arena.
bool acquire_mapping(const Heap* heap, std::size_t bytes, std::size_t alignment,
                     PageMemory* memory);

// Gives slices of the caller's back (see ArenaSet::release).
void release_slices(SystemArena* arena, SliceRun run, SliceCount touched, Contents rest);

// Gives either back. Its first `touched` bytes may hold physical memory; what lies behind them
// is as it was when it was acquired, which `contents` says.
void release_memory(const PageMemory& memory, std::size_t touched);

// Gives back memory that nothing was done with since it was acquired.
void release_unused(const PageMemory& memory);

// A page of the class for this part of a heap, empty and without capacity, entered in the page map
// and owned by the part's thread; nullptr when memory is short.
Page* acquire_page(SizeClass size_class, ThreadHeap* part);

// Calls take(page) for the entry of each page of a realm that exists during the whole call, and
// perhaps for others: it may rely on nothing but home and remote before it
// owns the page, or knows that no other thread runs. Where it says yes, finish(page) follows, which
// may let go of the page or release it. (Lone pages are taken under their lock, which releasing one
// takes too.)
template <class Take, class Finish>
void for_each_page_entry(Realm* realm, Take take, Finish finish) {
  realm->arenas.for_each_arena([&](const SystemArena& arena) {
    arena.for_each_in_use([&](SliceIndex slice) {
      auto* const page = static_cast<Page*>(arena.page_entry(slice));
      if (home_of(page) != nullptr && take(page)) {
        finish(page);
      }
    });
  });
  std::pair<Realm*, Take*> call{realm, &take};
  Page* taken = take_lone_pages(
      [](Page* page, void* arg) {
        const auto& [wanted, ask] = *static_cast<const std::pair<Realm*, Take*>*>(arg);
        return page->realm == wanted && (*ask)(page);
      },
      &call);
  while (taken != nullptr) {
    Page* const page = taken;
    taken = page->next;
    page->next = nullptr;
    finish(page);
  }
}

// Calls look(page) for the same entries and takes none: for counts that any thread may read, of
// lone pages under their lock.
template <class Look>
void look_at_page_entries(Realm* realm, Look look) {
  for_each_page_entry(
      realm,
      [&look](const Page* page) {
        look(page);
        return false;
      },
      [](Page*) {});
}

// Calls visit(page) for each page of a realm that exists during the whole call, and perhaps for
// others, without taking them or holding a lock; ends when it says false, and
// says so. For readers: a page that other threads may release meanwhile must not be looked into.
template <class Visit>
bool visit_pages(const Realm* realm, Visit visit) {
  bool going_on = true;
  realm->arenas.for_each_arena([&](const SystemArena& arena) {
    arena.for_each_in_use([&](SliceIndex slice) {
      const auto* const page = static_cast<const Page*>(arena.page_entry(slice));
      going_on = going_on && (home_of(page) == nullptr || visit(page));
    });
  });
  const void* behind = nullptr;
  while (going_on) {
    const Page* const page = next_lone_page(realm, behind);
    if (page == nullptr) {
      break;
    }
    behind = page->start;
    going_on = visit(page);
  }
  return going_on;
}

// Makes an entry that was prepared in vain read as that of free slices again.
void forget_page(Page* page);

// Counts a page that was entered in the page map just now.
void note_entered(Page* page);

// Takes back the hint that an orphan page was published with, if there is one: its owner needs no
// finding any more.
void forget_hint(const Page* page);

// Gives the memory of a page without live blocks back; it stands in no list and is the caller's.
void release_page(Page* page);

}  // namespace ashlar
