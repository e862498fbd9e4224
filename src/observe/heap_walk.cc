// Telling live blocks from free ones: a page knows only the free ones, in three lists.
#include "observe/heap_walk.h"

#include <errno.h>

#include <cstdint>

#include "heap/orphans.h"
#include "heap/page_source.h"
#include "heap/realm.h"
#include "heap/tracked.h"
#include "observe/live_blocks.h"
#include "page/ownership.h"
#include "page/padding.h"
#include "page/page.h"
#include "policy/layout.h"
#include "support/messages.h"

namespace ashlar {
namespace {

// The lists hold what the page's counts say. For debug builds.
[[maybe_unused]] void check_counts(const Page* page, RemoteList remote, std::uint32_t live) {
  const std::uint32_t expected = page->used() - remote.count() + page->lost;
  if (live != expected) {
    report_error(
        EFAULT,
        "heap visit: of the page at %p %u blocks are live, and not %u: another thread uses "
        "the heap during the visit, or a block was written to after it was freed",
        page->start, live, expected);
  }
}

// Shows a block, as the program sees it.
bool show_block(const PageView& view, void* block, PageVisitor* visitor, void* arg) {
  if (!is_watched()) {
    return visitor(view, block, arg);
  }
  PageView tracked = view;
  void* const seen = seen_by_program(block, &tracked.usable);
  return seen == nullptr || visitor(tracked, seen, arg);
}

bool show_page(const Page* page, bool blocks, PageVisitor* visitor, void* arg,
               Rest rest = Rest::kPromised) {
  PageView view{.start = page->start,
                .reserved = page_bytes(page),
                .committed = page->block_size,
                .live = 1,
                .block_size = page->block_size,
                .usable = room_of(page)};
  if (page->is_huge()) {
    view.usable = kActive.pad_blocks ? requested_of(page, page->start) : page->block_size;
    return visitor(view, nullptr, arg) && (!blocks || show_block(view, page->start, visitor, arg));
  }
  // Taken once: an orphan is owned by who walks, and others may free into it all the while.
  const RemoteList remote = remote_frees(page);
  const LiveBlocks live(page, remote);
  if (kActive.check_invariants && rest == Rest::kPromised) {
    check_counts(page, remote, live.count() + live.waiting());
  }
  view.committed = std::size_t{page->capacity} * page->block_size;
  view.live = live.count();
  // The page may be gone once its last block was freed by the visitor: it is not looked at again.
  return visitor(view, nullptr, arg) && (!blocks || live.visit_each([&](void* block) {
           return show_block(view, block, visitor, arg);
         }));
}

}  // namespace

bool walk_heap(const Heap* heap, bool blocks, PageVisitor* visitor, void* arg, Rest rest) {
  return visit_pages(heap->realm, [&](const Page* page) {
    return !belongs_to(page, heap) || show_page(page, blocks, visitor, arg, rest);
  });
}

bool walk_thread_heap(const ThreadHeap* part, bool blocks, PageVisitor* visitor, void* arg) {
  return visit_pages(part->home->realm, [&](const Page* page) {
    const bool owned = (owner_of(page) & ~kOwnerFlags) == part->id && page->heap == part;
    return !owned || show_page(page, blocks, visitor, arg);
  });
}

bool walk_orphans(Realm* realm, const Heap* heap, int tag, bool blocks, OrphanVisitor* visitor,
                  void* arg) {
  struct Call {
    OrphanVisitor* visitor;
    const Heap* heap;
    void* arg;
  };
  bool going_on = true;
  for_each_page_entry(
      realm,
      [&](Page* page) {
        return going_on && (heap == nullptr || belongs_to(page, heap)) && !is_huge_word(page) &&
               try_own(&page->remote) == Taken::kYes;
      },
      [&](Page* page) {
        // Only the owner may look at the page's heap, and knows whose it is for certain.
        const Heap* const home = home_of(page);
        const bool wanted =
            heap == nullptr ? tag == kAnyTag || home->tag == tag : belongs_to(page, heap);
        Call call{visitor, home, arg};
        const auto call_visitor = [](const PageView& view, void* block, void* call_arg) {
          const Call& to = *static_cast<const Call*>(call_arg);
          return to.visitor(to.heap, view, block, to.arg);
        };
        collect_page(page);
        going_on = going_on &&
                   (!wanted || page->is_empty() || show_page(page, blocks, call_visitor, &call));
        publish(page);
      });
  return going_on;
}

}  // namespace ashlar
