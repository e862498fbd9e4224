// The allocation behind operator new and the mi_new family: the fast path of malloc, and the
// new handler when it fails.
#pragma once

#include <cstddef>

#include "api/new_handler.h"
#include "base/integer.h"
#include "heap/aligned.h"
#include "heap/reallocate.h"
#include "heap/thread_heap.h"

namespace ashlar {

namespace detail {
inline void* try_new(std::size_t size, std::size_t, void*) {
  return allocate<Contents::kUnknown>(size);
}
inline void* try_new_aligned(std::size_t size, std::size_t alignment, void*) {
  return allocate_aligned(size, alignment, 0, Contents::kUnknown);
}
inline void* try_new_realloc(std::size_t size, std::size_t, void* old) {
  return reallocate_fast(old, size);
}
}  // namespace detail

ASHLAR_ALWAYS_INLINE void* allocate_new(std::size_t size) {
  void* const block = allocate<Contents::kUnknown>(size);
  return likely(block != nullptr) ? block : new_or_throw({detail::try_new, size, 0, nullptr});
}

ASHLAR_ALWAYS_INLINE void* allocate_new_nothrow(std::size_t size) noexcept {
  void* const block = allocate<Contents::kUnknown>(size);
  return likely(block != nullptr) ? block : new_or_null({detail::try_new, size, 0, nullptr});
}

inline void* allocate_new_aligned(std::size_t size, std::size_t alignment) {
  void* const block = allocate_aligned(size, alignment, 0, Contents::kUnknown);
  // No handler can make a bad alignment good.
  return likely(block != nullptr) ? block
         : is_power_of_two(alignment)
             ? new_or_throw({detail::try_new_aligned, size, alignment, nullptr})
             : (throw_overflow(alignment, size), nullptr);
}

inline void* allocate_new_aligned_nothrow(std::size_t size, std::size_t alignment) noexcept {
  void* const block = allocate_aligned(size, alignment, 0, Contents::kUnknown);
  return likely(block != nullptr) || !is_power_of_two(alignment)
             ? block
             : new_or_null({detail::try_new_aligned, size, alignment, nullptr});
}

inline void* reallocate_new(void* old, std::size_t size) {
  void* const block = reallocate_fast(old, size);
  return likely(block != nullptr) ? block : new_or_throw({detail::try_new_realloc, size, 0, old});
}

}  // namespace ashlar
