// Changing the size of a block: in place, by moving pages, or by copying.
#pragma once

#include <cstddef>

#include "base/units.h"

namespace ashlar {

// How the new block is placed.
struct Placement {
  std::size_t alignment = 1;  // a power of two
  std::size_t offset = 0;
};

// realloc, and with kZero rezalloc (bytes beyond the old usable size read as zero). On failure
// nullptr with errno, and the block is as it was.
void* reallocate(void* pointer, std::size_t size, Contents contents);

// The same, with the new block placed as asked for.
void* reallocate_aligned(void* pointer, std::size_t size, Placement placement, Contents contents);

// The pointer, where its block holds `size` bytes already; else nullptr.
void* expand(void* pointer, std::size_t size);

}  // namespace ashlar
