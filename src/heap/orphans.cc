// Orphan pages: how they are published, taken over and adopted.
#include "heap/orphans.h"

#include "heap/attachment.h"
#include "heap/heap.h"
#include "heap/hold.h"
#include "heap/page_source.h"
#include "heap/process.h"
#include "heap/realm.h"
#include "heap/slow_calls.h"
#include "heap/tuning.h"
#include "support/check.h"
#include "support/stats.h"

namespace ashlar {
namespace {

// Orphans with less room than this part of their blocks are not worth a search; frees into
// them make room sooner or later, and then they are published.
constexpr std::uint32_t kRoomWorthPublishing = 8;

// Hints that a search for an orphan follows before it gives up, and that it looks at in one arena:
// those of other heaps' pages are no more than looked at.
constexpr int kAdoptTries = 8;
constexpr int kAdoptLooks = 64;

// Of the take-overs beyond the limit, every such-and-so-many makes a page change places.
constexpr std::uint32_t kRotation = 4;

bool worth_publishing(const Page* page) {
  return page->room() >= divide_up(page->reserved, kRoomWorthPublishing);
}

bool takes_over(const ThreadHeap* heap) {
  return heap->backing->in_pool ? tuning.pool_takes_over.get() : tuning.takes_over.get();
}

void adopt(ThreadHeap* heap, Page* page) {
  forget_held(page);
  if (unlikely(heap->attached)) {
    move_between_sums(page, nullptr, heap);
  }
  page->heap = heap;
  page->retire_visits = 0;
  set_owner(page, heap->id | slow_flag());
  note_adopted(heap->home);
}

}  // namespace

void note_adopted(Heap* home) {
  home->realm->stats.orphan_pages.sub(1);
  note_unowned(home, -1);
}

// Each round that fails had a block freed by another thread, so there are at most as many as the
// page has blocks, and two more: its heap is deleted once, and its record used anew meanwhile.
void publish(Page* page) {
  for (;;) {
    if (settle_page(page) == Settled::kGone) {
      return;
    }
    collect_page(page);
    check_record(page);
    check_page(page);
    Heap* const home = home_of(page);
    if (page->is_empty() && keep_held_orphan(page) == Kept::kNo) {
      note_adopted(home);
      release_page(page);
      return;
    }
    // All that is needed afterwards is read before: the page is not ours any more then.
    SystemArena* const arena = page->arena;
    const bool hint = arena != nullptr && worth_publishing(page);
    const SizeClass size_class = page->size_class;
    const SliceIndex slice = arena != nullptr ? first_slice_of(page) : SliceIndex{};
    if (try_orphan(page)) {
      // Only now: set before, the bit could be taken by a thread that then finds the page
      // owned, and nobody would ever look for the page again.
      if (hint) {
        arena->note_hint_touched(size_class, slice);
        arena->orphans(size_class).set(slice);
      }
      // Deleter: marks the heap, looks at the page, which is still owned. Owner: lets it go. Then
      // nobody would move it; so the owner looks at the mark again, and takes the page back. (Not a
      // lone page, whose record may be another's by now: the next free into it settles it.)
      if (arena == nullptr || !is_deleted(home) || try_own(&page->remote) == Taken::kNo) {
        return;
      }
    }
  }
}

void let_go(Page* page) {
  check(page->list == PageList::kNone, "a page that is let go stands in no list");
  if (unlikely(page->heap->attached)) {
    move_between_sums(page, page->heap, nullptr);
  }
  page->heap = nullptr;
  set_owner(page, kNoOwner);
  home_of(page)->realm->stats.orphan_pages.add(1);
  note_unowned(home_of(page), 1);
  publish(page);
}

namespace {

// The calling thread's part that may adopt a page which it has just taken by its remote word;
// nullptr where there is none, or the page is gone: then it is not the caller's any more.
ThreadHeap* adopter_of(Page* page, bool (*wants)(const ThreadHeap*)) {
  if (settle_page(page) == Settled::kGone) {
    return nullptr;
  }
  collect_page(page);
  ThreadHeap* const heap = find_thread_heap(home_of(page));
  if (page->is_empty() || heap == nullptr || !wants(heap) || !may_use(heap->home, page->arena)) {
    publish(page);
    return nullptr;
  }
  return heap;
}

}  // namespace

Taken take_orphan(Page* page) {
  if (!is_orphan(page) || try_own(&page->remote) == Taken::kNo) {
    return Taken::kNo;
  }
  ThreadHeap* const heap = adopter_of(page, [](const ThreadHeap*) { return tuning.adopts.get(); });
  if (heap == nullptr) {
    return Taken::kNo;
  }
  forget_hint(page);
  adopt(heap, page);
  heap->push_back(page);
  heap->home->realm->stats.adopted_pages.add(1);
  return Taken::kYes;
}

void take_over(Page* page) {
  ThreadHeap* const heap = adopter_of(page, takes_over);
  if (heap == nullptr) {
    return;
  }
  PageQueue& queue = heap->queues[page->size_class];
  if (queue.count() >= tuning.take_over_limit.get()) {
    // A thread that only frees never looks at its pages again; making room for the page at
    // hand looks at the oldest, so that what others freed there is found.
    if (++heap->passed_over % kRotation != 0 || queue.first() == nullptr) {
      publish(page);
      return;
    }
    Page* const oldest = queue.first();
    heap->remove(oldest);
    let_go(oldest);
  }
  forget_hint(page);
  adopt(heap, page);
  heap->push_back(page);
  heap->home->realm->stats.reclaimed_pages.add(1);
}

namespace {

Page* adopt_from(ThreadHeap* heap, SizeClass size_class, SystemArena* arena, int* tries) {
  HintBitmap hints = arena->orphans(size_class);
  int looks = 0;
  for (SliceIndex slice{0}; *tries < kAdoptTries && looks < kAdoptLooks && hints.find(&slice);
       ++slice.value, ++looks) {
    auto* const page = static_cast<Page*>(arena->page_entry(slice));
    // Hints of other heaps' pages are left where they are. Those of no page any more are cleared;
    // who makes a page there sets its hint anew.
    Heap* const home = home_of(page);
    if (home == nullptr) {
      hints.clear(slice);
    }
    if (home != heap->home || !hints.clear(slice)) {
      continue;
    }
    ++*tries;
    if (try_own(&page->remote) == Taken::kNo) {
      continue;
    }
    // The hint may be from an earlier page at this place: only now are its class and its heap
    // certain.
    if (page->size_class != size_class || home_of(page) != heap->home) {
      publish(page);
      continue;
    }
    collect_page(page);
    adopt(heap, page);
    heap->push_front(page);
    heap->home->realm->stats.adopted_pages.add(1);
    return page;
  }
  return nullptr;
}

}  // namespace

Page* adopt_orphan(ThreadHeap* heap, SizeClass size_class) {
  if (!tuning.adopts.get()) {
    return nullptr;
  }
  int tries = 0;
  if (heap->home->arena != nullptr) {
    return adopt_from(heap, size_class, heap->home->arena, &tries);
  }
  const ArenaSet<System>& arenas = heap->home->realm->arenas;
  const std::uint32_t count = arenas.count_arenas();
  for (std::uint32_t i = 0; i < count; ++i) {
    SystemArena* const arena = arenas.arena(i);
    if (!may_use(heap->home, arena)) {
      continue;
    }
    if (Page* const page = adopt_from(heap, size_class, arena, &tries)) {
      return page;
    }
  }
  return nullptr;
}

std::size_t let_go_of(ThreadHeap* part, std::size_t bytes) {
  std::size_t done = 0;
  auto let_first_go = [&](PageQueue& queue) {
    Page* const page = queue.first();
    done += page_bytes(page);
    part->remove(page);
    let_go(page);
  };
  while (done < bytes && part->full.first() != nullptr) {
    let_first_go(part->full);
  }
  for (PageQueue& queue : part->queues) {
    while (done < bytes && queue.first() != nullptr) {
      let_first_go(queue);
    }
  }
  return done;
}

}  // namespace ashlar
