// Frees that are not the plain local one: into pages of other threads or of nobody, of interior
// pointers, of huge blocks, of the last block of a page, and of pointers that are not ours.
#include "heap/free.h"

#include <errno.h>

#include "heap/attachment.h"
#include "heap/block_check.h"
#include "heap/guard_report.h"
#include "heap/guards.h"
#include "heap/held_back.h"
#include "heap/hold.h"
#include "heap/huge.h"
#include "heap/orphans.h"
#include "heap/page_source.h"
#include "heap/process.h"
#include "heap/thread_life.h"
#include "heap/tracked.h"
#include "heap/tuning.h"
#include "support/messages.h"

namespace ashlar {
namespace {

// Blocks are handed out at their start, unless their page says otherwise: then any pointer into
// the block leads to it.
Block* block_of(const Page* page, const void* pointer) {
  if ((owner_of(page) & kOwnerInterior) != 0) {
    return block_at(page, pointer);
  }
  return static_cast<Block*>(const_cast<void*>(pointer));
}

// The page came back from full: it has room again.
void leave_full(Page* page) {
  ThreadHeap* const heap = page->heap;
  heap->remove(page);
  heap->push_back(page);
}

void free_local(Page* page, Block* block) {
  const bool empty = push_local(page, block);
  if (page->list == PageList::kFull) {
    leave_full(page);
  }
  if (empty) {
    page_empty_slow(page);
  }
}

void free_remote(Page* page, Block* block) {
  note_thread();
  if (push_remote(page, block) == Taken::kNo) {
    return;
  }
  // Ours now. A thread that only frees gets a heap as well: what it takes over it then frees
  // into without any atomic operation.
  if (thread_heap == &empty_heap) {
    start_thread();
  }
  take_over(page);
}

}  // namespace

Resolved resolve(const void* pointer) {
  Page* const page = page_map.find(pointer);
  if (page == nullptr) {
    return {};
  }
  if (unlikely(is_watched()) && !is_embedded(page)) {
    return resolve_tracked(page, pointer);
  }
  Block* const block = block_of(page, pointer);
  const std::size_t before = bytes_between(block, pointer);
  const std::size_t room = room_of(page) - before;
  if constexpr (kActive.pad_blocks) {
    const std::size_t requested = requested_of(page, block);
    return {page, block, requested > before ? requested - before : 0, room};
  }
  return {page, block, room, room};
}

bool is_block(const void* pointer) {
  const Page* const page = page_map.find(pointer);
  if (page == nullptr) {
    return false;
  }
  const std::size_t offset = bytes_between(page->start, pointer);
  return (owner_of(page) & kOwnerInterior) != 0 ||
         (offset % page->block_size == 0 && offset / page->block_size < page->reserved);
}

void report_invalid_pointer(const char* call, const void* pointer) {
  if (report_guarded_pointer(call, pointer)) {
    return;
  }
  report_error(EINVAL,
               "%s: invalid pointer %p: not a block of this allocator; it may belong to another "
               "allocator, the stack or static memory, or have been freed already",
               call, pointer);
  if (unlikely(is_watched())) {
    note_bad_free(const_cast<void*>(pointer));
  }
}

std::size_t usable_size_of(const void* pointer, const char* call) {
  if (pointer == nullptr) {
    return 0;
  }
  const Resolved found = resolve(pointer);
  if (found.page == nullptr) {
    report_invalid_pointer(call, pointer);
    return 0;
  }
  if constexpr (kActive.check_blocks) {
    if ((!is_watched() || is_embedded(found.page)) && !check_live(found.page, found.block, call)) {
      return 0;
    }
  }
  return found.usable;
}

void detail::finish_free_slow(Page* page, void* pointer) {
  if constexpr (!kActive.fill_blocks) {
    fill_freed(page, pointer);
  }
  if (tuning.quarantine.get() != 0) {
    return hold_back(page, static_cast<Block*>(pointer));
  }
  push_freed(page, pointer);
}

void free_far_slow(void* pointer) {
  if (pointer == nullptr) {
    return;
  }
  // Not in the window of the page map; perhaps elsewhere.
  Page* const page = page_map.find(pointer);
  if (page == nullptr) {
    report_invalid_pointer("free", pointer);
    return;
  }
  free_other_slow(page, pointer);
}

void free_other_slow(Page* page, void* pointer) {
  if (unlikely(is_watched()) && !is_embedded(page)) {
    free_tracked(page, pointer,
                 {reinterpret_cast<void*>(&free_other_slow), __builtin_return_address(0)});
    return;
  }
  if (unlikely(is_guarded(page))) {
    free_guarded(page, pointer);
    return;
  }
  Block* const block = block_of(page, pointer);
  if constexpr (kActive.check_blocks) {
    if (page->is_huge() ? !check_huge_free(page, block) : !try_mark_freed(page, block)) {
      return refuse_free_slow(page, block);
    }
    if (page->is_huge()) {
      // Nothing is left at its addresses.
      if (tuning.zero_on_free.get()) {
        detail::fill(block, 0, detail::kept_of(page, page->requested), page->requested);
      }
    } else {
      detail::fill_freed(page, block);
      if (unlikely(tuning.quarantine.get() != 0)) {
        return hold_back(page, block);
      }
    }
  }
  free_untracked(page, block);
}

void free_untracked(Page* page, Block* block) {
  if (page->is_huge()) {
    free_huge(page);
    return;
  }
  if (is_own(page)) {
    free_local(page, block);
  } else {
    free_remote(page, block);
  }
}

namespace {

// An empty page that is the only one of its class is kept for a while, since the next request is
// likely to want it; and where pages of the class are released and made again and again, one behind
// those in use. In a process with threads only few are, in case this one goes to sleep, and no
// large ones, whose slices another thread could use better; in a pool none.
bool is_worth_keeping(const ThreadHeap* heap, const Page* page) {
  const PageQueue& queue = heap->queues[page->size_class];
  const Page* const last = queue.last();
  if (!queue.is_only(page) && (!queue.comes_in_waves() || (last != page && is_kept(last)))) {
    return false;
  }
  return !is_multi_threaded() || (page->slices == kSmallPageSlices &&
                                  heap->retired < kActive.retire_pages && !heap->backing->in_pool);
}

}  // namespace

void page_empty_slow(Page* page) {
  ThreadHeap* const heap = page->heap;
  if (keep_held(page) == Kept::kYes) {
    page->retire_visits = 0;
    return;
  }
  if (!is_worth_keeping(heap, page)) {
    heap->remove(page);
    heap->queues[page->size_class].note_released();
    release_page(page);
    return;
  }
  heap->retired += page->retire_visits == 0 ? 1 : 0;
  heap->stats.retired.add();
  // Where the host is to be asked each time, the count is never the one that free() takes for
  // "kept".
  page->retire_visits =
      home_of(page)->holds.get() ? kActive.retire_visits - kLargeVisit : kActive.retire_visits;
  const SizeClass size_class = page->size_class;
  // Pages with blocks in use fill up before it.
  if (heap->queues[size_class].last() != page) {
    heap->remove(page);
    heap->push_back(page);
  }
  if (size_class < heap->retired_from) {
    heap->retired_from = static_cast<std::uint16_t>(size_class);
  }
  if (size_class >= heap->retired_to) {
    heap->retired_to = static_cast<std::uint16_t>(size_class + 1);
  }
}

}  // namespace ashlar
