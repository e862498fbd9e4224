// C++ only: every replaceable form of operator new and delete ([new.delete] of the standard) as a
// call of this library. Include it in exactly one source file of a program: two would define the
// operators twice. A library that overrides malloc at link or load time defines them itself, and
// does no harm beside this.
#ifndef ASHLAR_MIMALLOC_NEW_DELETE_H
#define ASHLAR_MIMALLOC_NEW_DELETE_H

#if defined(__cplusplus)

#include <cstddef>
#include <new>

#include "mimalloc.h"

void* operator new(std::size_t size) { return mi_new(size); }
void* operator new[](std::size_t size) { return mi_new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return mi_new_nothrow(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return mi_new_nothrow(size);
}
void operator delete(void* p) noexcept { mi_free(p); }
void operator delete[](void* p) noexcept { mi_free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { mi_free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { mi_free(p); }

// With sizes: C++14.
#if __cplusplus >= 201402L
void operator delete(void* p, std::size_t size) noexcept { mi_free_size(p, size); }
void operator delete[](void* p, std::size_t size) noexcept { mi_free_size(p, size); }
#endif

// With alignments: C++17.
#if defined(__cpp_aligned_new)
void* operator new(std::size_t size, std::align_val_t alignment) {
  return mi_new_aligned(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return mi_new_aligned(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return mi_new_aligned_nothrow(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return mi_new_aligned_nothrow(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* p, std::align_val_t alignment) noexcept {
  mi_free_aligned(p, static_cast<std::size_t>(alignment));
}
void operator delete[](void* p, std::align_val_t alignment) noexcept {
  mi_free_aligned(p, static_cast<std::size_t>(alignment));
}
void operator delete(void* p, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  mi_free_aligned(p, static_cast<std::size_t>(alignment));
}
void operator delete[](void* p, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  mi_free_aligned(p, static_cast<std::size_t>(alignment));
}
void operator delete(void* p, std::size_t size, std::align_val_t alignment) noexcept {
  mi_free_size_aligned(p, size, static_cast<std::size_t>(alignment));
}
void operator delete[](void* p, std::size_t size, std::align_val_t alignment) noexcept {
  mi_free_size_aligned(p, size, static_cast<std::size_t>(alignment));
}
#endif

#endif  // __cplusplus

#endif  // ASHLAR_MIMALLOC_NEW_DELETE_H
