// Blocks at a multiple of a power of two, with an offset if wanted. No free of their own: free
// takes them as it takes any block.
#pragma once

#include <cstddef>

#include "base/units.h"

namespace ashlar {

struct Heap;

// A block p of `size` bytes with p + offset a multiple of `alignment`, a power of two. nullptr
// with errno ENOMEM on failure, EINVAL for an alignment that is none. From `heap`, or from the
// thread's default heap.
void* allocate_aligned(std::size_t size, std::size_t alignment, std::size_t offset,
                       Contents contents, Heap* heap = nullptr);

}  // namespace ashlar
