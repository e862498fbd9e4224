// What one thread keeps: for each size class its pages with room, and the fast paths of malloc
// and free. Everything that is not fast is in the other files of this room.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arena/page_map.h"
#include "base/compiler.h"
#include "base/integer.h"
#include "heap/held_back.h"
#include "heap/trim.h"
#include "heap/tuning.h"
#include "os/thread.h"
#include "page/ownership.h"
#include "page/padding.h"
#include "page/page.h"
#include "page/page_queue.h"
#include "page/size_class.h"
#include "policy/layout.h"
#include "support/stats.h"

namespace ashlar {

struct Heap;
struct PartIndex;

// A page without a block: what every miss of the direct table finds. Never written.
ASHLAR_HIDDEN extern constinit Page empty_page;

// Owner:       the thread it was made for (the late heap: who holds its lock); all fields but
//              those named next
// Shared:      attention and trim_asked, written by who deletes a heap or trims; stats, read by
// all; number and id are
//              constant;
//              next_of_heap, previous_of_heap and destroyed are guarded by heaps_lock()
// Invariants:  direct[w] is the first page of the queue of the class of w words, or empty_page
//              (always that where every call is slow);
//              pages in `queues` have or had room, pages in `full` had none when last looked at;
//              every page in either has `heap` set to this and its id in the owner word
// Life:        zeroed record -> start -> used by its thread -> all pages orphaned -> record back
struct ThreadHeap {
  Page* direct[kDirectWords + 1];  // by the request in words, rounded up
  PageQueue queues[kSizeClassCount];
  PageQueue full;       // of all classes, longest full first
  std::uintptr_t id;    // in the owner word of its pages
  Heap* home;           // its heap
  std::size_t least;    // what smaller requests of a host's thread count as: room for the prefix
  ThreadHeap* backing;  // the same thread's for the main heap; there the fields below are used
  ThreadHeap* next_of_thread;  // from the backing one, all of the thread's
  ThreadHeap* next_in_bucket;  // of the index
  PartIndex* part_index;       // of the thread's parts, when they are many
  ThreadHeap* next_of_heap;
  ThreadHeap* previous_of_heap;
  std::uint16_t retired_from;  // classes whose last page may be retired: [from, to)
  std::uint16_t retired_to;
  std::uint32_t until_guarded;  // requests up to the next guarded one; 0: not drawn (guards.h)
  std::uint32_t retired;        // how many there are, when last counted and those since
  std::uint32_t passed_over;    // take-overs that found the queue at its limit
  SlowPathStats<OwnedCounter> stats;
  bool destroyed;  // with its heap: it has no pages, and waits to be dropped
  bool attached;   // a host's thread has it through the embedding interface (attachment.h)

  bool in_deferred_free;               // a registered function is running: do not call it again
  bool in_pool;                        // the thread sleeps between tasks: it keeps little
  std::atomic<bool> attention;         // a heap of this thread was deleted or destroyed, or:
  std::atomic<TrimLevel> trim_asked;   // what a trim has asked of this thread
  std::uint16_t collections_left_out;  // that are still to be, since the thread has many pages
  std::uint64_t heartbeat;             // slow paths of the thread so far
  std::uint64_t hollow_due_ms;         // when the clock says so, idle pages are looked for

  void start(std::uintptr_t owner_id, Heap* heap, ThreadHeap* main_part);

  // After the first page of a queue changed.
  void update_direct(SizeClass size_class);

  void push_front(Page* page);
  void push_back(Page* page);
  void begin_with(Page* page);
  void remove(Page* page);
};

// Where a thread has no heap (yet, or any more): no page has room here. Never written.
ASHLAR_HIDDEN extern constinit ThreadHeap empty_heap;

// The thread's part of its default heap, which is the main heap unless the program has chosen
// another one; empty_heap before its first allocation and after its end.
ASHLAR_EXTERN_THREAD_LOCAL ThreadHeap* thread_heap;

// The slow sides of what follows.
[[nodiscard]] ASHLAR_NOINLINE void* allocate_slow(std::size_t size, Contents contents);
[[nodiscard]] ASHLAR_NOINLINE void* allocate_in_slow(Heap* heap, std::size_t size,
                                                     Contents contents);
ASHLAR_NOINLINE void free_far_slow(void* pointer);
ASHLAR_NOINLINE void free_other_slow(Page* page, void* pointer);
ASHLAR_NOINLINE void page_empty_slow(Page* page);

// Tells of a pointer whose block can't be freed: it is none, was freed, or was overrun. Secure,
// debug.
ASHLAR_NOINLINE void refuse_free_slow(const Page* page, const void* pointer);

// Debug: tells of a free block that was written to, before it is handed out again.
void check_unwritten(const Page* page, const Block* block);

namespace detail {

ASHLAR_ALWAYS_INLINE void fill(void* block, unsigned char byte, std::size_t from,
                               std::size_t size) {
  fill_bytes(at_offset(block, from), byte, size - from);
}

// Bytes of a block of `size` bytes that nothing is written to, but for the link: a page's prefix.
ASHLAR_ALWAYS_INLINE std::size_t kept_of(const Page* page, std::size_t size) {
  return page->prefix < size ? page->prefix : size;
}

// Where filling a freed block begins.
ASHLAR_ALWAYS_INLINE std::size_t filled_from(const Page* page) {
  return page->prefix > sizeof(Block) ? kept_of(page, room_of(page)) : sizeof(Block);
}

// Does to a block that was freed what the profile says, but to its link and its canary.
ASHLAR_ALWAYS_INLINE void fill_freed([[maybe_unused]] Page* page, [[maybe_unused]] void* block) {
  note_freed(page, block);
  if constexpr (kActive.fill_blocks) {
    fill(block, kFillFreed, filled_from(page), room_of(page));
  } else if constexpr (kActive.check_blocks) {
    if (unlikely(tuning.zero_on_free.get())) {
      fill(block, 0, filled_from(page), room_of(page));
    }
  }
}

// Finishes a block that was popped from a page, for a request and the given contents.
ASHLAR_ALWAYS_INLINE void* finish_block(Page* page, Block* block, [[maybe_unused]] std::size_t size,
                                        Contents contents) {
  if constexpr (kActive.fill_blocks) {
    check_unwritten(page, block);
  }
  if (contents == Contents::kZero) {
    // The whole block and not only the request: a later rezalloc grows into the rest.
    if (page->free_contents == Contents::kZero) {
      block->code = 0;
    } else {
      __builtin_memset(block, 0, page->block_size);
    }
  } else if constexpr (kActive.fill_blocks) {
    fill(block, kFillAllocated, 0, page->block_size);
  }
  if constexpr (kActive.pad_blocks) {
    pad_block(page, block, size);
    note_allocated(page, block);
  }
  return block;
}

}  // namespace detail

// malloc and calloc. nullptr with errno ENOMEM on failure.
template <Contents kContents>
[[nodiscard]] ASHLAR_ALWAYS_INLINE void* allocate(std::size_t size) {
  if (unlikely(size > kDirectMax - kPadding)) {
    return allocate_slow(size, kContents);
  }
  Page* page = thread_heap->direct[(size + kPadding + kWordSize - 1) / kWordSize];
  leave_return_register(page);
  if (unlikely(!page->has_free())) {
    return allocate_slow(size, kContents);
  }
  Block* const block = try_pop_block(page);
  if (unlikely(block == nullptr)) {
    return allocate_slow(size, kContents);
  }
  return detail::finish_block(page, block, size, kContents);
}

// The same from what a thread keeps for a heap of its choice.
template <Contents kContents>
[[nodiscard]] ASHLAR_ALWAYS_INLINE void* allocate_in(Heap* heap, ThreadHeap* part,
                                                     std::size_t size) {
  if (unlikely(size > kDirectMax - kPadding) || unlikely(part == nullptr)) {
    return allocate_in_slow(heap, size, kContents);
  }
  Page* const page = part->direct[(size + kPadding + kWordSize - 1) / kWordSize];
  if (unlikely(!page->has_free())) {
    return allocate_in_slow(heap, size, kContents);
  }
  Block* const block = try_pop_block(page);
  if (unlikely(block == nullptr)) {
    return allocate_in_slow(heap, size, kContents);
  }
  return detail::finish_block(page, block, size, kContents);
}

namespace detail {

ASHLAR_ALWAYS_INLINE void push_freed(Page* page, void* pointer) {
  // A loop that takes and frees a page's only block comes by here each time: a page that is kept
  // already needs nothing.
  if (unlikely(push_local(page, static_cast<Block*>(pointer))) &&
      unlikely(page->retire_visits != kActive.retire_visits)) {
    return page_empty_slow(page);
  }
}

// Where freed blocks are cleared or wait in the quarantine.
ASHLAR_NOINLINE void finish_free_slow(Page* page, void* pointer);

// Frees a block of the calling thread's page, which is marked as freed where blocks are.
ASHLAR_ALWAYS_INLINE void finish_free(Page* page, void* pointer) {
  if constexpr (kActive.fill_blocks) {
    fill_freed(page, pointer);
  }
  if constexpr (kActive.check_blocks) {
    if (unlikely(tuning.frees_slowly.get())) {
      return finish_free_slow(page, pointer);
    }
  }
  push_freed(page, pointer);
}

}  // namespace detail

// free. Any pointer may be passed; what is not ours is reported and left alone.
ASHLAR_ALWAYS_INLINE void free_block(void* pointer) {
  Page* const page = page_map.find_near(pointer);
  if (unlikely(page == nullptr)) {
    return free_far_slow(pointer);
  }
  if (unlikely(!is_thread_id(owner_of(page)))) {
    return free_other_slow(page, pointer);
  }
  if constexpr (kActive.check_blocks) {
    if (unlikely(!try_mark_freed(page, pointer))) {
      return refuse_free_slow(page, pointer);
    }
  }
  detail::finish_free(page, pointer);
}

// The page of a block that the fast path can free, and that was handed out for just so many bytes,
// if that is said; then the block is marked as freed. Else nullptr, and nothing is done. In
// profiles that check blocks.
ASHLAR_ALWAYS_INLINE Page* try_mark_freed_near(void* pointer, std::size_t size) {
  Page* const page = page_map.find_near(pointer);
  const bool marked = likely(page != nullptr) && likely(is_thread_id(owner_of(page))) &&
                      likely(try_mark_freed(page, pointer, size));
  return marked ? page : nullptr;
}

}  // namespace ashlar
