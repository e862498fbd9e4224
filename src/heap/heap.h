// First-class heaps: collections of blocks that any thread may allocate from, and that can be
// deleted or destroyed as a whole. What one thread keeps for a heap is thread_heap.h's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/relaxed.h"
#include "heap/thread_heap.h"
#include "os/lock.h"
#include "page/page.h"
#include "support/stats.h"

namespace ashlar {

struct Realm;

// kClosed: the main heap of a realm that was given up. It keeps its blocks.
// Which blocks of a heap are to be guarded, where the program said so for the heap (guards.h).
struct GuardSampling {
  RelaxedNumber<bool> has_rate;
  RelaxedNumber<bool> has_bounds;
  RelaxedNumber<std::size_t> rate;  // one in so many; 0: none
  RelaxedNumber<std::size_t> seed;
  RelaxedNumber<std::size_t> min_size;
  RelaxedNumber<std::size_t> max_size;
};

enum class HeapState : std::uint8_t { kLive, kDeleted, kDestroyed, kClosed };

// A heap is kept as long as anything refers to it: whoever holds its handle, each thread heap of
// it, each page whose home it is. Who drops the last reference gives the record back.
//
// Owner:       heaps_lock(): thread_heaps, next, previous; the others are constant from the start
// Shared:      state, written once, by who deletes it; references, unowned, stats, by every thread
// Invariants:  references = 1 until deleted + thread heaps + pages with this home; of a main heap
//              also the other heaps of its realm, whose pages it takes when they are deleted
//              (those of the main realm's main heap are not counted: it is never deleted);
//              unowned = its orphans and huge pages, but for transitions in progress
// Life:        record -> live -> deleted or destroyed -> last reference dropped -> record back
struct Heap {
  std::atomic<HeapState> state{HeapState::kLive};
  std::atomic<std::int64_t> references{1};
  std::atomic<std::int64_t> unowned{0};
  std::uint64_t number = 0;  // never given twice, so a record that is used again is told apart
  Realm* realm = nullptr;
  SystemArena* arena = nullptr;  // the only one it takes memory from; nullptr: any of its realm
  int tag = 0;                   // of the program's, for its own use
  RelaxedNumber<std::int16_t> numa_node{-1};  // whose memory it prefers; -1: its threads' nodes
  GuardSampling guards{};                     // as the program asked for it
  bool may_be_destroyed = true;
  std::uint8_t prefix = 0;  // of its blocks: bytes that stay as they are once a block is free
  RelaxedNumber<bool> holds = RelaxedNumber<bool>(false);  // its empty pages are held (hold.h)
  HeapStats stats{};
  ThreadHeap* thread_heaps = nullptr;  // of all threads, linked by next_of_heap
  Heap* next = nullptr;                // of the realm; the main heap stands in no list
  Heap* previous = nullptr;
};

// The main realm's heap of malloc; never deleted.
ASHLAR_HIDDEN extern constinit Heap main_heap;

// Guards the list of heaps, their lists of thread heaps, and the register of threads.
Lock& heaps_lock();

// A heap of the calling thread's realm that takes memory from `arena` only, which is one of the
// realm (nullptr: from any that serves all); nullptr when memory is short.
Heap* make_heap(SystemArena* arena, int tag, bool may_be_destroyed);

// The same of any realm.
Heap* make_heap_of(Realm* realm, SystemArena* arena, int tag, bool may_be_destroyed);

// The main heap of a realm that is being made; and what its giving up does with it: nobody new
// gets to it, and threads of other realms let go of what they hold of it.
Heap* make_main_heap(Realm* realm);
void close_main_heap(Heap* heap);

// Gives a heap up: its live blocks belong to its realm's main heap from now on. What the caller's
// thread, orphans and huge blocks hold of it moves at once; what other threads own moves when they
// next take a slow path, or end. Other threads may free its blocks meanwhile.
void delete_heap(Heap* heap);

// Frees all blocks of a heap at once, and the heap. No other thread may use the heap or its blocks
// at that moment. A heap that may not be destroyed is deleted instead.
void destroy_heap(Heap* heap);

// The same for any heap but the main realm's main heap: it goes with its realm.
void end_heap_at_once(Heap* heap);

// What the calling thread keeps for a heap, if it keeps anything.
ThreadHeap* find_thread_heap(const Heap* heap);

// The same, made if need be; for nullptr that of the default heap. nullptr when memory is short,
// the thread has ended, or the heap is no usable one. The handle is compared, not read through: the
// part keeps the heap's record from being used again.
ThreadHeap* thread_heap_in_slow(Heap* heap);
inline ThreadHeap* thread_heap_in(Heap* heap) {
  ThreadHeap* const current = thread_heap;
  return likely(current->home == heap) ? current : thread_heap_in_slow(heap);
}

// The same for whoever's part for the main heap is `backing`.
ThreadHeap* part_of(ThreadHeap* backing, Heap* heap);

// Takes a part out of its heap's list. True where the heap was destroyed: the part has no pages
// then, else they are still its owner's.
bool leave_heap(ThreadHeap* part);

// Enters a part that was started in its heap's list, and refers to the heap for it; and back: gives
// the record of a part without pages back, which stands in no list, or (embedded) what refers to
// its heap, where the record is part of another.
void enter_heap(ThreadHeap* part);
void hold_heap(Heap* heap);
void drop_thread_heap(ThreadHeap* part);
void drop_embedded_part(ThreadHeap* part);

// Destroys all heaps but the main ones. No other thread uses them.
void destroy_all_heaps();

// Forgets the records of heaps that are gone, whose memory is about to be unmapped.
void forget_spare_heaps();

// In a forked child: drops the parts of all threads but the one with this id.
void forget_other_threads(std::uintptr_t id);

// Moves pages of deleted heaps among the calling thread's to the main heaps of their realms. Called
// where a deletion has asked for it (`attention`). Waits for another time inside of a deferred
// free.
void settle_thread(ThreadHeap* backing);

// Whether a heap was deleted or destroyed; also for a record that has been given back meanwhile.
bool is_deleted(const Heap* heap);

// Where the page's home is a deleted heap the page belongs to the realm's main heap; where it
// is a destroyed one, the page is released: kGone. The caller owns the page by its remote word; it
// counts as an orphan and stands in no list.
enum class Settled : bool { kStays, kGone };
[[nodiscard]] Settled settle_page(Page* page);

// Moves what was counted of a heap to its realm: what its pages handed out so far stays with them.
void merge_stats(Heap* heap);

// Whether the heap is its realm's main heap.
bool is_main(const Heap* heap);

// A page of the heap came to be, or is gone.
void note_page_made(Heap* heap);
void note_page_gone(Heap* heap);

// The page is owned by nobody now (an orphan, a huge block), or no longer so.
void note_unowned(Heap* heap, std::int64_t change);

// Whether a page of the heap's realm is the heap's: pages of a deleted heap are the main heap's,
// also before their owner came by. An answer for who does not own the page may be out of date.
inline bool belongs_to(const Page* page, const Heap* heap) {
  const Heap* const home = home_of(page);
  return home == heap || (home != nullptr && is_main(heap) && is_deleted(home));
}

// Whether a heap may allocate from memory of an arena (nullptr: of none). The main heap has pages
// in exclusive arenas once heaps there were deleted, and allocates nothing from them.
inline bool may_use(const Heap* heap, const SystemArena* arena) {
  return arena == nullptr || arena == heap->arena || !arena->is_exclusive();
}

// The heap whose block, or whose page, an address lies in; nullptr where it is not ours.
Heap* heap_of(const void* pointer);

}  // namespace ashlar
