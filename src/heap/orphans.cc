// Orphan pages: how they are published, taken over and adopted.
#include "heap/orphans.h"

#include "heap/page_source.h"
#include "heap/process.h"
#include "support/check.h"
#include "support/stats.h"

namespace ashlar {
namespace {

// Orphans with less room than this part of their blocks are not worth a search; frees into
// them make room sooner or later, and then they are published.
constexpr std::uint32_t kRoomWorthPublishing = 8;

// Hints that a search for an orphan follows before it gives up.
constexpr int kAdoptTries = 8;

// Of the take-overs beyond the limit, every such-and-so-many makes a page change places.
constexpr std::uint32_t kRotation = 4;

bool worth_publishing(const Page* page) {
  return page->room() >= divide_up(page->reserved, kRoomWorthPublishing);
}

void adopt(ThreadHeap* heap, Page* page) {
  page->heap = heap;
  page->retire_visits = 0;
  set_owner(page, heap->id);
  process_stats.orphan_pages.sub(1);
}

// Lets go of a page that is nobody's in name already. Each round that fails had a block freed
// by another thread, so there are at most as many rounds as the page has blocks.
void publish(Page* page) {
  for (;;) {
    collect_page(page);
    check_page(page);
    if (page->is_empty()) {
      process_stats.orphan_pages.sub(1);
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
        arena->orphans(size_class).set(slice);
      }
      return;
    }
  }
}

}  // namespace

void let_go(Page* page) {
  check(page->list == PageList::kNone, "a page that is let go stands in no list");
  page->heap = nullptr;
  set_owner(page, kNoOwner);
  process_stats.orphan_pages.add(1);
  publish(page);
}

void take_over(ThreadHeap* heap, Page* page) {
  collect_page(page);
  if (page->is_empty() || heap == &empty_heap) {
    publish(page);
    return;
  }
  PageQueue& queue = heap->queues[page->size_class];
  if (queue.count() >= kActive.adopt_limit) {
    // A thread that only frees never looks at its pages again; making room for the page at
    // hand looks at the oldest, so that what others freed there is found.
    if (++heap->passed_over % kRotation != 0) {
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
  process_stats.reclaimed_pages.add(1);
}

Page* adopt_orphan(ThreadHeap* heap, SizeClass size_class) {
  const std::uint32_t count = arenas.count_arenas();
  int tries = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    SystemArena* const arena = arenas.arena(i);
    HintBitmap hints = arena->orphans(size_class);
    for (SliceIndex slice{0}; tries < kAdoptTries && hints.take(&slice); ++slice.value) {
      ++tries;
      auto* const page = static_cast<Page*>(arena->page_entry(slice));
      if (try_own(&page->remote) == Taken::kNo) {
        continue;
      }
      // The hint may be from an earlier page at this place: only now is its class certain.
      if (page->size_class != size_class) {
        publish(page);
        continue;
      }
      collect_page(page);
      adopt(heap, page);
      heap->push_front(page);
      process_stats.adopted_pages.add(1);
      return page;
    }
  }
  return nullptr;
}

void orphan_all(ThreadHeap* heap) {
  while (Page* const page = heap->full.first()) {
    heap->remove(page);
    let_go(page);
  }
  for (PageQueue& queue : heap->queues) {
    while (Page* const page = queue.first()) {
      heap->remove(page);
      let_go(page);
    }
  }
}

}  // namespace ashlar
