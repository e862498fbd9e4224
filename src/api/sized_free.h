// free with what the caller says of the block: believed in release, checked in secure and debug.
#pragma once

#include <cstddef>
#include <cstdint>

#include "heap/free.h"
#include "heap/thread_heap.h"

namespace ashlar {

// Where a call says nothing of the size.
inline constexpr std::size_t kSizeNotSaid = SIZE_MAX;

// Reports a size or an alignment that the block can't have had; false: leave the block alone.
[[nodiscard]] bool check_sized_free(const void* pointer, std::size_t size, std::size_t alignment);

ASHLAR_ALWAYS_INLINE void free_sized(void* pointer, [[maybe_unused]] std::size_t size,
                                     [[maybe_unused]] std::size_t alignment) {
  if constexpr (kActive.check_blocks) {
    const Page* const page = page_map.find_near(pointer);
    const bool is_right = page != nullptr && is_thread_id(owner_of(page)) &&
                          is_live_of_size(page, pointer, size) && is_aligned(pointer, alignment);
    if (unlikely(!is_right) && !check_sized_free(pointer, size, alignment)) {
      return;
    }
  }
  free_block(pointer);
}

}  // namespace ashlar
