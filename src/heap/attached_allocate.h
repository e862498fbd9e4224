// Allocation of attached threads: malloc, calloc and realloc on a heap of theirs. The difference to
// the plain kind is that the heap is given and not found, and that prefixes are respected.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/compiler.h"
#include "heap/attachment.h"
#include "heap/heap.h"
#include "heap/thread_heap.h"
#include "os/thread.h"
#include "page/block.h"
#include "page/padding.h"

namespace ashlar {

// The slow side: also where there is no heap, or another thread's. nullptr with errno.
[[nodiscard]] ASHLAR_NOINLINE void* allocate_attached_slow(ThreadHeap* part, std::size_t size,
                                                           Contents contents);

// The same for a request below the prefix of the part's blocks, which is one for that: so that the
// padding that some profiles put behind a request does not lie in it.
[[nodiscard]] ASHLAR_NOINLINE void* allocate_least_slow(ThreadHeap* part, Contents contents);

// Clears a block and returns it: the words that readers may look at one by one.
ASHLAR_NOINLINE Block* clear_slow(const Page* page, Block* block);

namespace detail {

ASHLAR_ALWAYS_INLINE void* finish_attached(Page* page, Block* block,
                                           [[maybe_unused]] std::size_t size, Contents contents) {
  if constexpr (kActive.fill_blocks) {
    check_unwritten(page, block);
  }
  if (contents == Contents::kZero) {
    if (likely(page->free_contents == Contents::kZero)) {
      // relaxed: a reader takes whatever word it finds.
      __atomic_store_n(&block->code, 0, __ATOMIC_RELAXED);
    } else {
      block = clear_slow(page, block);
    }
  } else if constexpr (kActive.fill_blocks) {
    fill(block, kFillAllocated, kept_of(page, page->block_size), page->block_size);
  }
  if constexpr (kActive.pad_blocks) {
    pad_block(page, block, size);
    note_allocated(page, block);
  }
  return block;
}

}  // namespace detail

// malloc and calloc. nullptr with errno on failure.
template <Contents kContents>
[[nodiscard]] ASHLAR_ALWAYS_INLINE void* allocate_attached(ThreadHeap* part, std::size_t size) {
  if (unlikely(size > kDirectMax - kPadding) || unlikely(part == nullptr)) {
    return allocate_attached_slow(part, size, kContents);
  }
  if constexpr (kActive.pad_blocks) {
    if (unlikely(size < part->least)) {
      return allocate_least_slow(part, kContents);
    }
  }
  if constexpr (kActive.check_invariants) {
    if (!is_thread_id(part->id)) {
      return allocate_attached_slow(part, size, kContents);  // says what is wrong
    }
  }
  Page* page = part->direct[(size + kPadding + kWordSize - 1) / kWordSize];
  leave_return_register(page);
  if (unlikely(!page->has_free())) {
    return allocate_attached_slow(part, size, kContents);
  }
  Block* const block = try_pop_block(page);
  if (unlikely(block == nullptr)) {
    return allocate_attached_slow(part, size, kContents);
  }
  return detail::finish_attached(page, block, size, kContents);
}

// realloc. nullptr with errno on failure, and the block is as it was.
[[nodiscard]] void* reallocate_attached(ThreadHeap* part, void* pointer, std::size_t size);

// Collects what the thread has, releases what is empty or asks the host about it, and what is held
// up to goals that are reached. Bytes of pages released. Owner only.
std::size_t collect_attached(Attachment* attachment);

// Releases the orphans of a realm that are empty, or asks the host about them. Any thread.
std::size_t collect_host_orphans(Realm* realm);

}  // namespace ashlar
