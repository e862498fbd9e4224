// free with what the caller says of the block: believed in release, checked in secure and debug.
#pragma once

#include <cstddef>

#include "heap/free.h"
#include "heap/thread_heap.h"

namespace ashlar {

// Where the fast path can't free the block: looks closer, tells of a size or an alignment that it
// can't have had, and frees it where there is none such.
ASHLAR_NOINLINE void free_sized_slow(void* pointer, std::size_t size, std::size_t alignment);

ASHLAR_ALWAYS_INLINE void free_sized(void* pointer, [[maybe_unused]] std::size_t size,
                                     [[maybe_unused]] std::size_t alignment) {
  if constexpr (kActive.check_blocks) {
    Page* const page =
        likely(is_aligned(pointer, alignment)) ? try_mark_freed_near(pointer, size) : nullptr;
    if (unlikely(page == nullptr)) {
      return free_sized_slow(pointer, size, alignment);
    }
    detail::finish_free(page, pointer);
  } else {
    free_block(pointer);
  }
}

}  // namespace ashlar
