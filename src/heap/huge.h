// Blocks with a page of their own: slices of an arena while they are moderate, a mapping beyond
// that. They have no owner; whoever frees one gives its memory back.
#pragma once

#include <cstddef>

#include "base/units.h"
#include "page/page.h"

namespace ashlar {

// A block of the heap of at least `size` bytes at a multiple of `alignment` (a power of two,
// kSliceSize or more); nullptr when memory is short. Complexity: that of claiming slices, or of
// mmap.
void* allocate_huge(Heap* heap, std::size_t size, std::size_t alignment, Contents contents);

// The same for a block that has grown and may grow again: it is placed where there is room to do
// so without being copied, if there is such a place. Not zeroed.
void* allocate_growing(Heap* heap, std::size_t size);

// The block's free; and giving its memory back, which is all of that but for what an attached
// thread held (hold.h).
void free_huge(Page* page);
void release_huge(Page* page);

// Gives a huge block another size without copying, moving it only where it has a mapping of its
// own. Returns where it is now, or nullptr (and nothing changed) where it has to be copied.
void* resize_huge(Page* page, std::size_t size, Contents contents);

}  // namespace ashlar
