// Aligned allocation: pages start at slices and blocks follow one another, so most alignments
// are a matter of the right size class; the rest over-allocate.
#include "heap/aligned.h"

#include <errno.h>

#include "heap/allocate.h"
#include "heap/free.h"
#include "heap/guards.h"
#include "heap/huge.h"
#include "heap/thread_heap.h"
#include "heap/tracked.h"
#include "support/messages.h"

namespace ashlar {
namespace {

// The largest request that the smallest blocks take which are all aligned and hold this one; 0
// where none are.
std::size_t aligned_request(std::size_t size, std::size_t alignment) {
  if (size > kMediumBlockMax - kPadding || alignment > kSliceSize) {
    return 0;
  }
  for (SizeClass c = class_for(size); c < kSizeClassCount; ++c) {
    if (is_aligned(block_size_of(c), alignment)) {
      return block_size_of(c) - kPadding;
    }
  }
  return 0;
}

// A larger block was taken than asked for. What counts is what was: from the start of the block
// on, so many bytes.
void* pad_again(void* block, std::size_t size) {
  if constexpr (kActive.pad_blocks) {
    if (block != nullptr) {
      pad(page_map.find(block), block, size);
    }
  }
  return block;
}

// Takes a larger block and points into it. The page is told that its blocks may be freed by
// such pointers.
void* allocate_interior(std::size_t size, std::size_t alignment, std::size_t offset,
                        Contents contents, Heap* heap) {
  std::size_t larger = 0;
  if (__builtin_add_overflow(size, alignment - 1, &larger) || is_too_large(larger)) {
    return fail_too_large(size);
  }
  void* const block = allocate_plain(heap, larger, contents);
  if (block == nullptr) {
    return nullptr;
  }
  const std::uintptr_t start = address_of(block);
  const std::uintptr_t aligned = align_up(start + offset, alignment) - offset;
  if (aligned != start) {
    set_owner_flag(page_map.find(block), kOwnerInterior);
  }
  pad_again(block, aligned - start + size);
  return reinterpret_cast<void*>(aligned);
}

// What no size class aligns: slices of an arena, or a mapping, that start right.
void* allocate_aligned_huge(std::size_t size, std::size_t alignment, Contents contents,
                            Heap* heap) {
  // Even a small block of this kind has slices of its own.
  const std::size_t least = size > kMediumBlockMax ? size : kMediumBlockMax + 1;
  relieve_thread_slow(least);
  void* const block = allocate_or_wait(heap, least, [&] {
    return allocate_huge(heap_or_default(heap), least, alignment, contents);
  });
  return block != nullptr ? pad_again(block, size) : fail_out_of_memory(size);
}

}  // namespace

void* allocate_aligned(std::size_t size, std::size_t alignment, std::size_t offset,
                       Contents contents, Heap* heap) {
  if (unlikely(!is_power_of_two(alignment))) {
    report_warning("aligned allocation: the alignment %zu is not a power of two", alignment);
    errno = EINVAL;
    return nullptr;
  }
  if (unlikely(is_too_large(size))) {
    return fail_too_large(size);
  }
  offset &= alignment - 1;
  if (unlikely(is_watched())) {
    return allocate_tracked(
        heap,
        {.size = size,
         .alignment = alignment < kBlockAlignment && offset == 0 ? kBlockAlignment : alignment,
         .offset = offset,
         .contents = contents},
        {reinterpret_cast<void*>(&allocate_aligned), __builtin_return_address(0)});
  }
  if (offset != 0) {
    return allocate_interior(size, alignment, offset, contents, heap);
  }
  if (alignment <= kWordSize || (alignment <= kBlockAlignment && size > kWordSize)) {
    return allocate_plain(heap, size, contents);
  }
  if (const std::size_t larger = aligned_request(size, alignment); larger != 0) {
    void* const block = allocate_plain(heap, larger, contents);
    return pad_again(fit_guarded(block, size, alignment, contents), size);
  }
  // Huge blocks start at slices.
  return alignment <= kSliceSize && size > kMediumBlockMax - kPadding
             ? allocate_plain(heap, size, contents)
             : allocate_aligned_huge(size, alignment, contents, heap);
}

}  // namespace ashlar
