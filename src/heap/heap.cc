// The life of first-class heaps, and moving what they hold to the main heap.
#include "heap/heap.h"

#include <errno.h>

#include <new>

#include "heap/heap_check.h"
#include "heap/held_back.h"
#include "heap/late_heap.h"
#include "heap/orphans.h"
#include "heap/page_source.h"
#include "heap/part_index.h"
#include "heap/process.h"
#include "heap/realm.h"
#include "heap/rest.h"
#include "heap/slow_calls.h"
#include "heap/thread_life.h"
#include "support/messages.h"
#include "support/tracker.h"

namespace ashlar {

// Told to programs by include/ashlar/heaps.h.
static_assert(sizeof(Heap) <= 832 && sizeof(ThreadHeap) <= 1856);

constinit Heap main_heap{.number = 1, .realm = &main_realm};

namespace {

constinit Lock lock{LockRank::kHeaps};
constinit std::uint64_t last_number ASHLAR_GUARDED_BY(lock) = 1;

// Records of heaps that are gone. They are kept for heaps to come and never cleared as a whole: a
// thread that has just let go of a page may still look at the state of the heap it belonged to.
constinit Heap* spare_heaps ASHLAR_GUARDED_BY(lock) = nullptr;

Heap* take_record() {
  {
    LockGuard guard(lock);
    if (Heap* const spare = spare_heaps) {
      spare_heaps = spare->next;
      return spare;
    }
  }
  void* const record = metadata_pool.allocate(sizeof(Heap));
  return record == nullptr ? nullptr : new (record) Heap{};
}

void drop_reference(Heap* heap) {
  // acq_rel: what others did to the heap comes before the record is used again, and what we did
  // before others' end of it.
  if (heap == &main_heap || heap->references.fetch_sub(1, std::memory_order_acq_rel) != 1) {
    return;
  }
  Realm* const realm = heap->realm;
  Heap* const main = realm->main;
  merge_stats(heap);
  {
    LockGuard guard(lock);
    heap->next = spare_heaps;
    spare_heaps = heap;
  }
  if (heap == main) {
    drop_realm(realm);
  } else {
    drop_reference(main);
  }
}

// From here on the heap is not found any more, and its threads are told.
void mark(Heap* heap, HeapState state) ASHLAR_REQUIRES(lock) {
  if (heap->previous != nullptr) {
    heap->previous->next = heap->next;
  } else if (!is_main(heap)) {
    heap->realm->heaps = heap->next;
  }
  if (!is_main(heap)) {
    heap->realm->stats.heaps.sub(1);
  }
  if (heap->next != nullptr) {
    heap->next->previous = heap->previous;
  }
  // seq_cst: as in is_deleted.
  heap->state.store(state, std::memory_order_seq_cst);
  for (ThreadHeap* part = heap->thread_heaps; part != nullptr; part = part->next_of_heap) {
    // release: who acts on it sees the state above.
    part->backing->attention.store(true, std::memory_order_release);
  }
}

void change_home(Page* page, Heap* old) {
  Heap* const fresh = old->realm->main;
  note_page_made(fresh);
  // relaxed: as home_of says; we own the page.
  page->home.store(fresh, std::memory_order_relaxed);
  note_page_gone(old);
}

// Takes each page out of a part's lists and calls use(page).
template <class Use>
void for_each_page_of(ThreadHeap* part, Use use) {
  while (Page* const page = part->full.first()) {
    part->remove(page);
    use(page);
  }
  for (PageQueue& queue : part->queues) {
    while (Page* const page = queue.first()) {
      part->remove(page);
      use(page);
    }
  }
}

// The pages of a deleted heap's part become orphans of its realm's main heap: the thread may never
// allocate from the main heap in their size classes, and would not find what others free in them.
void move_pages(ThreadHeap* part) {
  for_each_page_of(part, [part](Page* page) {
    collect_page(page);
    if (page->is_empty()) {
      release_page(page);
      return;
    }
    if (is_deleted(part->home)) {
      change_home(page, part->home);
    }
    let_go(page);
  });
}

// Whether threads are to let go of the heap: it is deleted or destroyed, or its realm was given up.
bool is_given_up(const Heap* heap) {
  // acquire: pairs with mark.
  return heap->state.load(std::memory_order_acquire) != HeapState::kLive;
}

void move_unowned(Heap* heap) {
  Heap* const fresh = heap->realm->main;
  for_each_page_entry(
      heap->realm,
      [heap, fresh](Page* page) {
        Heap* seen = heap;
        if (home_of(page) != heap || !is_huge_word(page)) {
          return home_of(page) == heap && try_own(&page->remote) == Taken::kYes;
        }
        note_page_made(fresh);
        note_unowned(fresh, 1);
        // acq_rel: who frees the block takes the home out by an exchange; one of us gives the
        // reference back. relaxed: a failure changes nothing.
        const bool moved = page->home.compare_exchange_strong(
            seen, fresh, std::memory_order_acq_rel, std::memory_order_relaxed);
        Heap* const left = moved ? heap : fresh;
        note_unowned(left, -1);
        note_page_gone(left);
        return false;
      },
      [](Page* page) { publish(page); });
}

void destroy_unowned(Heap* heap) {
  for_each_page_entry(
      heap->realm,
      [heap](Page* page) {
        return home_of(page) == heap &&
               (is_huge_word(page) || try_own(&page->remote) == Taken::kYes);
      },
      [heap](Page* page) {
        if (!page->is_huge()) {
          note_adopted(heap);
        }
        release_page(page);
      });
}

Heap* fresh_heap(Realm* realm, SystemArena* arena, int tag, bool may_be_destroyed) {
  Heap* const heap = take_record();
  if (heap == nullptr) {
    return nullptr;
  }
  if (realm->main == nullptr) {
    hold_realm(realm);
  } else {
    hold_heap(realm->main);
  }
  LockGuard guard(lock);
  heap->number = ++last_number;
  heap->realm = realm;
  heap->arena = arena;
  heap->tag = tag;
  heap->numa_node.set(-1);
  heap->guards.has_rate.set(false);
  heap->guards.has_bounds.set(false);
  heap->may_be_destroyed = may_be_destroyed;
  heap->prefix = 0;
  heap->holds.set(false);
  heap->thread_heaps = nullptr;
  heap->previous = nullptr;
  heap->next = nullptr;
  // relaxed: nobody knows of the heap yet; a thread that looks at the state of the record's last
  // heap checks again what it finds.
  heap->references.store(1, std::memory_order_relaxed);
  heap->unowned.store(0, std::memory_order_relaxed);
  heap->state.store(HeapState::kLive, std::memory_order_relaxed);
  return heap;
}

// The part stands in no list and has no pages; what it counted is its realm's. Returns its heap.
Heap* end_part(ThreadHeap* part) {
  Heap* const heap = part->home;
  SlowPathStats<EventCounter>& gone = heap->realm->stats.gone_threads;
  gone.extended.add(part->stats.extended.total());
  gone.searches.add(part->stats.searches.total());
  gone.searched.add(part->stats.searched.total());
  gone.retired.add(part->stats.retired.total());
  gone.handed_over.add(part->stats.handed_over.total());
  drop_part_index(part);
  return heap;
}

// Has the calling thread and the late heap let go of heaps that were given up.
void settle_own_parts() {
  if (thread_heap != &empty_heap) {
    settle_thread(thread_heap->backing);
  }
  settle_late_heap();
}

}  // namespace

Lock& heaps_lock() { return lock; }

bool is_deleted(const Heap* heap) {
  // seq_cst: a deleter marks the heap and then looks at its pages; a thread lets go of a page and
  // then looks at the mark. One total order, so that one of the two sees what the other did.
  const HeapState state = heap->state.load(std::memory_order_seq_cst);
  return state == HeapState::kDeleted || state == HeapState::kDestroyed;
}

Heap* make_heap(SystemArena* arena, int tag, bool may_be_destroyed) {
  start_process();
  return make_heap_of(current_realm(), arena, tag, may_be_destroyed);
}

Heap* make_heap_of(Realm* realm, SystemArena* arena, int tag, bool may_be_destroyed) {
  Heap* const heap = fresh_heap(realm, arena, tag, may_be_destroyed);
  if (heap == nullptr) {
    return nullptr;
  }
  realm->stats.heaps.add(1);
  LockGuard guard(lock);
  heap->next = realm->heaps;
  if (realm->heaps != nullptr) {
    realm->heaps->previous = heap;
  }
  realm->heaps = heap;
  return heap;
}

Heap* make_main_heap(Realm* realm) { return fresh_heap(realm, nullptr, 0, false); }

void close_main_heap(Heap* heap) {
  {
    LockGuard guard(lock);
    mark(heap, HeapState::kClosed);
  }
  settle_own_parts();
  drop_reference(heap);
}

void delete_heap(Heap* heap) {
  if (is_main(heap)) {
    return;
  }
  {
    LockGuard guard(lock);
    mark(heap, HeapState::kDeleted);
  }
  merge_stats(heap);
  settle_own_parts();
  // seq_cst: as in is_deleted. A page that becomes an orphan after this look is seen to by the
  // thread that lets go of it.
  if (heap->unowned.load(std::memory_order_seq_cst) != 0) {
    move_unowned(heap);
  }
  drop_reference(heap);
}

void destroy_heap(Heap* heap) {
  if (is_main(heap) || !heap->may_be_destroyed) {
    delete_heap(heap);
    return;
  }
  if constexpr (kActive.check_invariants) {
    if (!seems_at_rest(heap)) {
      report_error(EFAULT,
                   "mi_heap_destroy: another thread uses the heap at %p; it is deleted instead, so "
                   "that its blocks stay valid. Wait for the other thread first",
                   static_cast<void*>(heap));
      delete_heap(heap);
      return;
    }
  }
  end_heap_at_once(heap);
}

void end_heap_at_once(Heap* heap) {
  give_back_held(heap);
  {
    LockGuard guard(lock);
    mark(heap, HeapState::kDestroyed);
    // Under the lock, which a thread that ends takes before it looks at its part.
    for (ThreadHeap* part = heap->thread_heaps; part != nullptr; part = part->next_of_heap) {
      for_each_page_of(part, release_page);
      part->destroyed = true;
    }
  }
  settle_own_parts();
  // relaxed: no other thread uses the heap.
  if (heap->unowned.load(std::memory_order_relaxed) != 0) {
    destroy_unowned(heap);
  }
  drop_reference(heap);
}

ThreadHeap* find_thread_heap(const Heap* heap) {
  return thread_heap == &empty_heap ? nullptr : find_part(thread_heap->backing, heap);
}

ThreadHeap* thread_heap_in_slow(Heap* heap) {
  ThreadHeap* const backing = thread_heap != &empty_heap ? thread_heap->backing : start_thread();
  if (backing == nullptr || heap == nullptr) {
    return backing == nullptr ? nullptr : thread_heap;
  }
  return is_usable(heap) ? part_of(backing, heap) : nullptr;
}

ThreadHeap* part_of(ThreadHeap* backing, Heap* heap) {
  if (ThreadHeap* const part = find_part(backing, heap)) {
    return part;
  }
  auto* const part = static_cast<ThreadHeap*>(metadata_pool.allocate(sizeof(ThreadHeap)));
  if (part == nullptr) {
    return nullptr;
  }
  part->start(backing->id, heap, backing);
  part->attached = backing->attached;
  add_part(backing, part);
  enter_heap(part);
  return part;
}

void enter_heap(ThreadHeap* part) {
  Heap* const heap = part->home;
  hold_heap(heap);
  heap->realm->stats.thread_heaps.add(1);
  LockGuard guard(lock);
  part->next_of_heap = heap->thread_heaps;
  if (heap->thread_heaps != nullptr) {
    heap->thread_heaps->previous_of_heap = part;
  }
  heap->thread_heaps = part;
}

bool leave_heap(ThreadHeap* part) {
  part->home->realm->stats.thread_heaps.sub(1);
  LockGuard guard(lock);
  if (part->previous_of_heap != nullptr) {
    part->previous_of_heap->next_of_heap = part->next_of_heap;
  } else {
    part->home->thread_heaps = part->next_of_heap;
  }
  if (part->next_of_heap != nullptr) {
    part->next_of_heap->previous_of_heap = part->previous_of_heap;
  }
  return part->destroyed;
}

void hold_heap(Heap* heap) {
  if (heap != &main_heap) {
    // relaxed: the caller has the heap's handle, so the count is not 0.
    heap->references.fetch_add(1, std::memory_order_relaxed);
  }
}

void drop_thread_heap(ThreadHeap* part) {
  Heap* const heap = end_part(part);
  metadata_pool.release(part, sizeof(ThreadHeap));
  drop_reference(heap);
}

void drop_embedded_part(ThreadHeap* part) { drop_reference(end_part(part)); }

void settle_thread(ThreadHeap* backing) {
  // Allocation: at work with a part, calls the deferred free function. Other thread: deletes the
  // part's heap. The function: allocates, and comes here. The part must stay until it returns.
  if (backing->in_deferred_free && !is_late(backing)) {
    return;
  }
  // acquire: pairs with the release in mark.
  backing->attention.exchange(false, std::memory_order_acquire);
  for (ThreadHeap** link = &backing->next_of_thread; *link != nullptr;) {
    ThreadHeap* const part = *link;
    if (!is_given_up(part->home)) {
      link = &part->next_of_thread;
      continue;
    }
    remove_part(backing, link);
    if (thread_heap == part) {
      thread_heap = backing;
    }
    if (!leave_heap(part)) {
      move_pages(part);
    }
    drop_thread_heap(part);
  }
  slow_own_calls(backing);
  trim_own(backing);
}

Settled settle_page(Page* page) {
  Heap* const home = home_of(page);
  if (likely(!is_deleted(home))) {
    return Settled::kStays;
  }
  // relaxed: seen by is_deleted, and set once.
  if (home->state.load(std::memory_order_relaxed) == HeapState::kDestroyed) {
    // A thread that looked for an orphan of another heap held the page when the walk came by.
    note_adopted(home);
    release_page(page);
    return Settled::kGone;
  }
  note_unowned(home, -1);
  change_home(page, home);
  note_unowned(home_of(page), 1);
  return Settled::kStays;
}

void merge_stats(Heap* heap) {
  HeapStats& gone = heap->realm->stats.gone;
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    gone.blocks[c].add(heap->stats.blocks[c].take());
    gone.pages[c].add(heap->stats.pages[c].take());
  }
  gone.huge_blocks.add(heap->stats.huge_blocks.take());
  gone.huge_bytes.add(heap->stats.huge_bytes.take());
  gone.guarded_blocks.add(heap->stats.guarded_blocks.take());
  heap->stats.normal_bytes.restart();
}

void note_page_made(Heap* heap) {
  if (heap != &main_heap) {
    // relaxed: the caller's part of the heap refers to it too, so the count is not 0.
    heap->references.fetch_add(1, std::memory_order_relaxed);
  }
}

void note_page_gone(Heap* heap) {
  if (heap != &main_heap) {
    drop_reference(heap);
  }
}

void note_unowned(Heap* heap, std::int64_t change) {
  if (heap != &main_heap) {
    // seq_cst: comes before the page is let go, and so before a deleter's look that the page's
    // owner does not see; as in is_deleted.
    heap->unowned.fetch_add(change, std::memory_order_seq_cst);
  }
}

bool is_main(const Heap* heap) { return heap == heap->realm->main; }

Heap* heap_of(const void* pointer) {
  const Page* const page = page_map.find(pointer);
  return page == nullptr ? nullptr : home_of(page);
}

void destroy_all_heaps() {
  for_each_realm([](Realm& realm) {
    // No other thread changes the list.
    while (Heap* const heap = realm.heaps) {
      end_heap_at_once(heap);
    }
  });
}

void forget_spare_heaps() {
  LockGuard guard(lock);
  spare_heaps = nullptr;
}

namespace {

// The heap stays: the process has one thread, which drops parts of heaps, not heaps.
void forget_other_threads_of(Heap* heap, std::uintptr_t id) {
  for (ThreadHeap* part = heap->thread_heaps; part != nullptr;) {
    ThreadHeap* const next = part->next_of_heap;
    if (part->id != id && !is_late(part) && !part->attached) {
      leave_heap(part);
      drop_thread_heap(part);
    }
    part = next;
  }
}

}  // namespace

void forget_other_threads(std::uintptr_t id) {
  for_each_realm([id](Realm& realm) {
    forget_other_threads_of(realm.main, id);
    for (Heap* heap = realm.heaps; heap != nullptr; heap = heap->next) {
      forget_other_threads_of(heap, id);
    }
  });
}

}  // namespace ashlar
