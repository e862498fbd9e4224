// Changing the size of a block: in place, by moving pages, or by copying.
#pragma once

#include <cstddef>

#include "base/units.h"
#include "heap/free.h"
#include "heap/thread_heap.h"

namespace ashlar {

// How a new block is placed, should there be one.
struct Placement {
  std::size_t alignment = 1;  // a power of two
  std::size_t offset = 0;
  Heap* heap = nullptr;  // that it comes from; nullptr: the thread's default heap
};

// realloc, and with kZero rezalloc (bytes beyond the old usable size read as zero). On failure
// nullptr with errno, and the block is as it was.
ASHLAR_NOINLINE void* reallocate(void* pointer, std::size_t size, Contents contents);

// realloc with its commonest case inline: a block of a page whose size stays right.
ASHLAR_ALWAYS_INLINE void* reallocate_fast(void* pointer, std::size_t size) {
  if constexpr (!kActive.pad_blocks) {
    const Page* const page = page_map.find_near(pointer);
    // An interior pointer has less than its block behind it, and size 0 has a rule of its own.
    if (likely(page != nullptr) && likely((owner_of(page) & kOwnerLasting) == 0) &&
        likely(size != 0) && likely(size <= page->block_size) &&
        likely(size >= page->block_size / 2)) {
      return pointer;
    }
  }
  return reallocate(pointer, size, Contents::kUnknown);
}

// The same, with the new block placed as asked for.
void* reallocate_aligned(void* pointer, std::size_t size, Placement placement, Contents contents);

// Whether a block fits a request well enough to stay; then it has that size from now on, and what
// is new of it holds anything. Not for watched blocks.
bool resize_where_it_is(const Resolved& found, void* pointer, std::size_t size);

// The pointer, where its block holds `size` bytes already; else nullptr.
void* expand(void* pointer, std::size_t size);

}  // namespace ashlar
