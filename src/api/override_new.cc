// Every replaceable form of C++'s operator new and delete (C++20, [new.delete]).
#include <new>

#include "api/new.h"
#include "api/sized_free.h"
#include "heap/thread_heap.h"

namespace {
constexpr std::size_t bytes(std::align_val_t alignment) {
  return static_cast<std::size_t>(alignment);
}
}  // namespace

ASHLAR_EXPORT void* operator new(std::size_t size) { return ashlar::allocate_new(size); }
ASHLAR_EXPORT void* operator new[](std::size_t size) { return ashlar::allocate_new(size); }
ASHLAR_EXPORT void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return ashlar::allocate_new_nothrow(size);
}
ASHLAR_EXPORT void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return ashlar::allocate_new_nothrow(size);
}
ASHLAR_EXPORT void* operator new(std::size_t size, std::align_val_t alignment) {
  return ashlar::allocate_new_aligned(size, bytes(alignment));
}
ASHLAR_EXPORT void* operator new[](std::size_t size, std::align_val_t alignment) {
  return ashlar::allocate_new_aligned(size, bytes(alignment));
}
ASHLAR_EXPORT void* operator new(std::size_t size, std::align_val_t alignment,
                                 const std::nothrow_t&) noexcept {
  return ashlar::allocate_new_aligned_nothrow(size, bytes(alignment));
}
ASHLAR_EXPORT void* operator new[](std::size_t size, std::align_val_t alignment,
                                   const std::nothrow_t&) noexcept {
  return ashlar::allocate_new_aligned_nothrow(size, bytes(alignment));
}

ASHLAR_EXPORT void operator delete(void* p) noexcept { ashlar::free_block(p); }
ASHLAR_EXPORT void operator delete[](void* p) noexcept { ashlar::free_block(p); }
ASHLAR_EXPORT void operator delete(void* p, const std::nothrow_t&) noexcept {
  ashlar::free_block(p);
}
ASHLAR_EXPORT void operator delete[](void* p, const std::nothrow_t&) noexcept {
  ashlar::free_block(p);
}
ASHLAR_EXPORT void operator delete(void* p, std::size_t size) noexcept {
  ashlar::free_sized(p, size, 1);
}
ASHLAR_EXPORT void operator delete[](void* p, std::size_t size) noexcept {
  ashlar::free_sized(p, size, 1);
}
ASHLAR_EXPORT void operator delete(void* p, std::align_val_t alignment) noexcept {
  ashlar::free_sized(p, ashlar::kSizeNotSaid, bytes(alignment));
}
ASHLAR_EXPORT void operator delete[](void* p, std::align_val_t alignment) noexcept {
  ashlar::free_sized(p, ashlar::kSizeNotSaid, bytes(alignment));
}
ASHLAR_EXPORT void operator delete(void* p, std::align_val_t alignment,
                                   const std::nothrow_t&) noexcept {
  ashlar::free_sized(p, ashlar::kSizeNotSaid, bytes(alignment));
}
ASHLAR_EXPORT void operator delete[](void* p, std::align_val_t alignment,
                                     const std::nothrow_t&) noexcept {
  ashlar::free_sized(p, ashlar::kSizeNotSaid, bytes(alignment));
}
ASHLAR_EXPORT void operator delete(void* p, std::size_t size, std::align_val_t alignment) noexcept {
  ashlar::free_sized(p, size, bytes(alignment));
}
ASHLAR_EXPORT void operator delete[](void* p, std::size_t size,
                                     std::align_val_t alignment) noexcept {
  ashlar::free_sized(p, size, bytes(alignment));
}
