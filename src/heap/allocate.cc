// Slow allocation: a page with room is found, extended, adopted or made.
#include "heap/allocate.h"

#include <errno.h>

#include <atomic>

#include "heap/attachment.h"
#include "heap/guards.h"
#include "heap/heap_check.h"
#include "heap/held_back.h"
#include "heap/hold.h"
#include "heap/hollowing.h"
#include "heap/huge.h"
#include "heap/late_heap.h"
#include "heap/orphans.h"
#include "heap/page_source.h"
#include "heap/process.h"
#include "heap/purge_thread.h"
#include "heap/realm.h"
#include "heap/shortage.h"
#include "heap/thread_life.h"
#include "heap/tracked.h"
#include "heap/tuning.h"
#include "os/tool.h"
#include "support/check.h"
#include "support/sealed.h"
#include "support/stats.h"

namespace ashlar {
namespace {

// Full pages looked at again each time a page becomes full, at most.
constexpr int kFullReviews = 2;

// Pages that a long queue has at least; how many are looked at behind the first one for a fuller
// one; and the part of a page's blocks that has to be free for it to be worth beginning with.
constexpr std::uint32_t kLongQueue = 32;
constexpr int kLooksForFuller = 3;
constexpr std::uint32_t kRoomWorthUsing = 4;

// Blocks above this are not prepared for (see ahead_of).
constexpr std::size_t kAheadBlockMax = 4 * kKiB;

// Slow paths between two looks at the clock.
constexpr std::uint64_t kPurgeInterval = 64;

void call_deferred_free(ThreadHeap* backing, bool force) {
  // acquire: pairs with the release in register_deferred_free; arg belongs to it.
  DeferredFreeFunction* const function = sealed.deferred_free.load(std::memory_order_acquire);
  if (function != nullptr && !backing->in_deferred_free) {
    backing->in_deferred_free = true;
    // relaxed: ordered by the acquire above.
    function(force, backing->heartbeat, sealed.deferred_free_arg.load(std::memory_order_relaxed));
    backing->in_deferred_free = false;
  }
}

std::uint8_t count_down(Page* page) {
  const std::uint8_t visit = page->slices == kSmallPageSlices ? 1 : kLargeVisit;
  page->retire_visits = static_cast<std::uint8_t>(page->retire_visits - visit);
  return page->retire_visits;
}

// False where its host holds it. Seldom, and no part of what each slow path pays for.
ASHLAR_NOINLINE bool release_retired(ThreadHeap* heap, SizeClass size_class, Page* page) {
  if (keep_held(page) != Kept::kNo) {
    return false;
  }
  heap->remove(page);
  heap->queues[size_class].note_released();
  heap->queues[size_class].note_kept_in_vain();
  release_page(page);
  return true;
}

// Counts down the pages that are kept although they are empty, but for that of the class which the
// slow path is about to allocate from: its page is of use again.
void visit_retired(ThreadHeap* heap, SizeClass wanted) {
  std::uint32_t from = kSizeClassCount;
  std::uint32_t to = 0;
  std::uint32_t left = 0;
  for (std::uint32_t c = heap->retired_from; c < heap->retired_to; ++c) {
    Page* const page = heap->queues[c].last();
    if (page == nullptr || page->retire_visits == 0) {
      continue;
    }
    if (!page->is_empty()) {
      page->retire_visits = 0;
      continue;
    }
    if (c != wanted && count_down(page) == 0 && release_retired(heap, c, page)) {
      continue;
    }
    from = c < from ? c : from;
    to = c + 1;
    ++left;
  }
  heap->retired_from = static_cast<std::uint16_t>(from);
  heap->retired_to = static_cast<std::uint16_t>(to);
  heap->retired = left;
}

// A collection looks at each page of the thread, most of them outside the processor's caches. Of
// many pages it comes more seldom, so that a slow path pays for a part of a page at most.
constexpr std::size_t kSlowPathsAPage = 8;

// Not collect_thread, which may take apart what a deletion asks to have back: the caller goes on
// with its part.
void collect_in_turn(ThreadHeap* backing) {
  if (backing->collections_left_out != 0) {
    --backing->collections_left_out;
    return;
  }
  const std::size_t pages = collect_parts(backing);
  const std::uint64_t left_out = pages * kSlowPathsAPage / tuning.collect_interval.get();
  backing->collections_left_out =
      left_out < UINT16_MAX ? static_cast<std::uint16_t>(left_out) : UINT16_MAX;
}

// The heartbeat is the thread's: it counts in its part for the main heap. The slow path is about to
// touch up to so many bytes.
void beat(ThreadHeap* heap, std::size_t bytes, SizeClass wanted) {
  ThreadHeap* const backing = heap->backing;
  ++backing->heartbeat;
  call_deferred_free(backing, false);
  if (heap->retired_from < heap->retired_to) {
    visit_retired(heap, wanted);
  }
  if (unlikely(backing->heartbeat % tuning.collect_interval.get() == 0)) {
    collect_in_turn(backing);
    if (tuning.hollows.get()) {
      hollow_if_due(backing);
    }
  }
  if (backing->heartbeat % kPurgeInterval == 0) {
    ArenaSet<System>& arenas = heap->home->realm->arenas;
    if (arenas.purge_pending()) {
      arenas.purge_if_due(System::clock_ms());
      want_purge_thread();
    }
  }
  relieve(heap, bytes > kActive.extend_bytes ? bytes : kActive.extend_bytes);
}

// OS pages to have in place before they are needed: none in the first pages of a class, then as
// many as make a thirty-second of what its pages hold. Blocks above an OS page may never be touched
// as a whole.
std::size_t ahead_of(const ThreadHeap* heap, SizeClass size_class) {
  return block_size_of(size_class) > kAheadBlockMax ? 0 : heap->queues[size_class].growth() / 2;
}

// Whether the page has a block in free, after collecting and extending. If not, and it could still
// extend, it was the hard limit that forbade it. Owner only.
bool make_room(Page* page) {
  check_record(page);
  if (!collect_some(page) && page->can_extend() &&
      extend_page(page, ahead_of(page->heap, page->size_class))) {
    page->heap->stats.extended.add();
  }
  check_page(page);
  note_use(page);
  return page->has_free();
}

// Looks again at the pages that have been full longest, where there are more than a thread keeps.
// What has room by now is of use again. What is still full is let go where other threads may free
// into it: nobody could take it from this thread, should it sleep. But attached threads are stable
// owners: their full pages wait for the next look.
void review_full(ThreadHeap* heap) {
  const std::uint32_t from = tuning.full_pages.get();
  for (int i = 0; i < kFullReviews; ++i) {
    Page* const page = heap->full.first();
    if (page == nullptr || heap->full.count() < from) {
      return;
    }
    heap->remove(page);
    collect_page(page);
    if (page->is_empty() && keep_held(page) == Kept::kNo) {
      release_page(page);
    } else if (page->has_free()) {
      heap->push_back(page);
    } else if (heap->attached) {
      heap->full.push_back(page, PageList::kFull);
      set_owner_flag(page, kOwnerFull);
    } else {
      heap->stats.handed_over.add();
      let_go(page);
    }
  }
}

void set_full_aside(ThreadHeap* heap, Page* page) {
  heap->remove(page);
  heap->full.push_back(page, PageList::kFull);
  set_owner_flag(page, kOwnerFull);
  if (is_multi_threaded()) {
    review_full(heap);
  }
}

// In a long queue whose first page is not half full, the fullest of the next few pages that have
// some room comes first, and those before it last: so where less is allocated than there is room
// for, some pages fill up and the others empty. Taken in turn, as they come back to the queue, all
// would stay as empty as they are.
void prefer_fuller(ThreadHeap* heap, SizeClass size_class) {
  PageQueue& queue = heap->queues[size_class];
  Page* fuller = queue.first();
  if (queue.count() < kLongQueue || fuller->used() >= fuller->reserved / 2) {
    return;
  }
  Page* page = fuller->next;
  for (int left = kLooksForFuller; left != 0; --left, page = page->next) {
    if (page->used() > fuller->used() && page->room() >= page->reserved / kRoomWorthUsing) {
      fuller = page;
    }
  }
  heap->begin_with(fuller);
}

// Inlined into both of its callers: a call more shows in what a pair of calls costs.
ASHLAR_ALWAYS_INLINE Page* find_page(ThreadHeap* heap, SizeClass size_class) {
  PageQueue& queue = heap->queues[size_class];
  heap->stats.searches.add();
  // Each page that has no room leaves the queue, so the work is paid for by what filled it; at the
  // hard limit those that it keeps from extending go behind the others, and are looked at once.
  std::uint32_t refused = 0;
  while (Page* const page = queue.first()) {
    heap->stats.searched.add();
    if (make_room(page)) {
      return page;
    }
    if (!page->can_extend()) {
      set_full_aside(heap, page);
      prefer_fuller(heap, size_class);
    } else if (++refused > queue.count()) {
      break;
    } else {
      heap->remove(page);
      heap->push_back(page);
    }
  }
  if (Page* const orphan = adopt_orphan(heap, size_class)) {
    if (unlikely(heap->attached) && orphan->is_empty()) {
      poll_held(attachment_of(heap), false);
    }
    if (make_room(orphan)) {
      return orphan;
    }
    if (!orphan->can_extend()) {
      set_full_aside(heap, orphan);
    }
  }
  if (unlikely(heap->attached)) {
    poll_held(attachment_of(heap), true);
  }
  Page* const fresh = acquire_page(size_class, heap);
  if (fresh == nullptr) {
    return nullptr;
  }
  queue.note_fresh();
  if (!extend_page(fresh, ahead_of(heap, size_class))) {
    release_page(fresh);
    return nullptr;
  }
  heap->push_front(fresh);
  return fresh;
}

// The thread's part of a heap (nullptr: of its default heap), made now if it is the first time;
// nullptr where it can have none.
ThreadHeap* part_for(Heap* heap) {
  if (thread_heap == &empty_heap && start_thread() == nullptr) {
    return nullptr;
  }
  // relaxed: settle_thread acquires it again.
  if (unlikely(thread_heap->backing->attention.load(std::memory_order_relaxed))) {
    settle_thread(thread_heap->backing);
  }
  return heap == nullptr ? thread_heap : thread_heap_in(heap);
}

void* try_allocate(Heap* heap, std::size_t size, Contents contents) {
  ThreadHeap* const part = part_for(heap);
  return part == nullptr ? allocate_late(heap != nullptr ? heap : &main_heap, size, contents)
                         : allocate_from(part, size, contents);
}

std::size_t owned_bytes(const ThreadHeap* backing) {
  std::size_t bytes = 0;
  for (const ThreadHeap* part = backing; part != nullptr; part = part->next_of_thread) {
    for (const PageQueue& queue : part->queues) {
      if (const Page* const page = queue.first()) {
        bytes += queue.count() * page_bytes(page);
      }
    }
    const Page* page = part->full.first();
    for (std::uint32_t left = part->full.count(); left != 0; --left, page = page->next) {
      bytes += page_bytes(page);
    }
  }
  return bytes;
}

void* track_plain(Heap* heap, std::size_t size, Contents contents, void* caller) {
  return allocate_tracked(heap, {.size = size, .contents = contents},
                          {reinterpret_cast<void*>(&allocate_slow), caller});
}

// Blocks that the direct table does not cover come by here each time: no beat for them while the
// first page has blocks at hand.
ASHLAR_ALWAYS_INLINE Page* find_room(ThreadHeap* part, std::size_t size, SizeClass size_class) {
  Page* const first = part->queues[size_class].first();
  if (first != nullptr && first->has_free()) {
    return first;
  }
  beat(part, size, size_class);
  return find_page(part, size_class);
}

}  // namespace

Page* page_with_room(ThreadHeap* part, std::size_t size, SizeClass size_class) {
  return find_room(part, size, size_class);
}

void* allocate_from(ThreadHeap* part, std::size_t size, Contents contents) {
  if (size > kMediumBlockMax - kPadding) {
    beat(part, size, kHugeClass);
    return allocate_huge(part->home, size, kSliceSize, contents);
  }
  const SizeClass size_class = class_for(size);
  if (void* const guarded = sample(part, part->queues[size_class].first(), size, contents)) {
    return guarded;
  }
  Page* const page = find_room(part, size, size_class);
  if (page == nullptr) {
    return nullptr;
  }
  Block* const block = pop_block(page);
  // The tool that watches has not been told of the block yet.
  return unlikely(is_watched()) ? block : detail::finish_block(page, block, size, contents);
}

void* allocate_slow(std::size_t size, Contents contents) {
  return unlikely(is_watched()) ? track_plain(nullptr, size, contents, __builtin_return_address(0))
                                : allocate_untracked(nullptr, size, contents);
}

void* allocate_in_slow(Heap* heap, std::size_t size, Contents contents) {
  return unlikely(is_watched()) ? track_plain(heap, size, contents, __builtin_return_address(0))
                                : allocate_untracked(heap, size, contents);
}

void* allocate_untracked(Heap* heap, std::size_t size, Contents contents) {
  // A tool that looks up names while it begins: the loader wants memory to say that one is missing.
  if (unlikely(thread_heap == &empty_heap) && !has_tool_begun()) {
    errno = ENOMEM;
    return nullptr;
  }
  if (unlikely(is_too_large(size))) {
    return fail_too_large(size);
  }
  if (unlikely(!check_heap(heap))) {
    return nullptr;
  }
  void* const block =
      allocate_or_wait(heap, size, [&] { return try_allocate(heap, size, contents); });
  return likely(block != nullptr) ? block : fail_out_of_memory(size);
}

void register_deferred_free(DeferredFreeFunction* function, void* arg) {
  LockGuard guard(messages_lock());
  static_cast<void>(change_sealed([=] {
    // relaxed: published by the release below.
    sealed.deferred_free_arg.store(arg, std::memory_order_relaxed);
    // release: who sees the function sees its arg.
    sealed.deferred_free.store(function, std::memory_order_release);
  }));
}

std::size_t collect_part(ThreadHeap* part) {
  std::size_t pages = 0;
  // The full pages first: those with room join the queues below.
  for (std::uint32_t left = part->full.count(); left != 0; --left) {
    Page* const page = part->full.first();
    ++pages;
    part->remove(page);
    collect_page(page);
    if (page->has_free() || page->can_extend()) {
      part->push_back(page);
    } else {
      part->full.push_back(page, PageList::kFull);
      set_owner_flag(page, kOwnerFull);
    }
  }
  for (PageQueue& queue : part->queues) {
    pages += queue.count();
    for (std::uint32_t left = queue.count(); left != 0; --left) {
      Page* const page = queue.first();
      part->remove(page);
      collect_page(page);
      note_use(page);
      if (page->is_empty() && keep_held(page) == Kept::kNo) {
        queue.note_released();
        release_page(page);
      } else {
        // In its turn, also behind a page that is kept: each is looked at once.
        queue.push_back(page, PageList::kQueue);
      }
    }
    if (queue.first() != nullptr) {
      part->update_direct(queue.first()->size_class);
    }
  }
  return pages;
}

std::size_t collect_parts(ThreadHeap* backing) {
  std::size_t pages = 0;
  for (ThreadHeap* part = backing; part != nullptr; part = part->next_of_thread) {
    pages += collect_part(part);
  }
  return pages;
}

void collect_thread(ThreadHeap* backing, bool force) {
  // relaxed: settle_thread acquires it again.
  if (backing->attention.load(std::memory_order_relaxed)) {
    settle_thread(backing);
  }
  call_deferred_free(backing, force);
  collect_parts(backing);
}

void collect_heap(Heap* heap, bool force) {
  if (ThreadHeap* const part = find_thread_heap(heap)) {
    call_deferred_free(part->backing, force);
    collect_part(part);
    if (force) {
      hollow_part(part, Hollowing::kAll);
    }
  }
  if (force) {
    purge_now(heap->realm);
  }
}

void reduce(std::size_t target) {
  if (thread_heap == &empty_heap) {
    return;
  }
  ThreadHeap* const backing = thread_heap->backing;
  collect_thread(backing, false);
  std::size_t owned = owned_bytes(backing);
  for (ThreadHeap* part = backing; part != nullptr && owned > target; part = part->next_of_thread) {
    owned -= let_go_of(part, owned - target);
  }
}

void collect(bool force) {
  if (thread_heap != &empty_heap) {
    collect_thread(thread_heap->backing, force);
    if (force) {
      hollow_parts(thread_heap->backing, Hollowing::kAll);
    }
  }
  if (force) {
    give_back_held(nullptr);
    collect_late_heap();
    hollow_orphans(current_realm(), Hollowing::kAll);
    unmap_again();
    purge_now(current_realm());
  }
}

}  // namespace ashlar
