// The C interface to aligned allocation, with and without offset, and POSIX's and C's forms.
#include <errno.h>

#include "base/integer.h"
#include "heap/aligned.h"
#include "heap/allocate.h"
#include "heap/reallocate.h"
#include "mimalloc.h"
#include "os/system.h"

using ashlar::Contents;
using ashlar::request_size;

extern "C" {

ASHLAR_EXPORT void* mi_malloc_aligned(std::size_t size, std::size_t alignment) noexcept {
  return ashlar::allocate_aligned(size, alignment, 0, Contents::kUnknown);
}
ASHLAR_EXPORT void* mi_malloc_aligned_at(std::size_t size, std::size_t alignment,
                                         std::size_t offset) noexcept {
  return ashlar::allocate_aligned(size, alignment, offset, Contents::kUnknown);
}
ASHLAR_EXPORT void* mi_zalloc_aligned(std::size_t size, std::size_t alignment) noexcept {
  return ashlar::allocate_aligned(size, alignment, 0, Contents::kZero);
}
ASHLAR_EXPORT void* mi_zalloc_aligned_at(std::size_t size, std::size_t alignment,
                                         std::size_t offset) noexcept {
  return ashlar::allocate_aligned(size, alignment, offset, Contents::kZero);
}
ASHLAR_EXPORT void* mi_calloc_aligned(std::size_t count, std::size_t size,
                                      std::size_t alignment) noexcept {
  return ashlar::allocate_aligned(request_size(count, size), alignment, 0, Contents::kZero);
}
ASHLAR_EXPORT void* mi_calloc_aligned_at(std::size_t count, std::size_t size, std::size_t alignment,
                                         std::size_t offset) noexcept {
  return ashlar::allocate_aligned(request_size(count, size), alignment, offset, Contents::kZero);
}

ASHLAR_EXPORT void* mi_realloc_aligned(void* p, std::size_t newsize,
                                       std::size_t alignment) noexcept {
  return ashlar::reallocate_aligned(p, newsize, {alignment, 0}, Contents::kUnknown);
}
ASHLAR_EXPORT void* mi_realloc_aligned_at(void* p, std::size_t newsize, std::size_t alignment,
                                          std::size_t offset) noexcept {
  return ashlar::reallocate_aligned(p, newsize, {alignment, offset}, Contents::kUnknown);
}
ASHLAR_EXPORT void* mi_rezalloc_aligned(void* p, std::size_t newsize,
                                        std::size_t alignment) noexcept {
  return ashlar::reallocate_aligned(p, newsize, {alignment, 0}, Contents::kZero);
}
ASHLAR_EXPORT void* mi_rezalloc_aligned_at(void* p, std::size_t newsize, std::size_t alignment,
                                           std::size_t offset) noexcept {
  return ashlar::reallocate_aligned(p, newsize, {alignment, offset}, Contents::kZero);
}
ASHLAR_EXPORT void* mi_recalloc_aligned(void* p, std::size_t newcount, std::size_t size,
                                        std::size_t alignment) noexcept {
  return mi_rezalloc_aligned(p, request_size(newcount, size), alignment);
}
ASHLAR_EXPORT void* mi_recalloc_aligned_at(void* p, std::size_t newcount, std::size_t size,
                                           std::size_t alignment, std::size_t offset) noexcept {
  return mi_rezalloc_aligned_at(p, request_size(newcount, size), alignment, offset);
}
ASHLAR_EXPORT void* mi_aligned_recalloc(void* p, std::size_t newcount, std::size_t size,
                                        std::size_t alignment) noexcept {
  return mi_recalloc_aligned(p, newcount, size, alignment);
}
ASHLAR_EXPORT void* mi_aligned_offset_recalloc(void* p, std::size_t newcount, std::size_t size,
                                               std::size_t alignment, std::size_t offset) noexcept {
  return mi_recalloc_aligned_at(p, newcount, size, alignment, offset);
}

ASHLAR_EXPORT int mi_posix_memalign(void** p, std::size_t alignment, std::size_t size) noexcept {
  if (p == nullptr || !ashlar::is_power_of_two(alignment) || alignment < sizeof(void*)) {
    return EINVAL;
  }
  void* const block = ashlar::allocate_aligned(size, alignment, 0, Contents::kUnknown);
  if (block == nullptr) {
    return ENOMEM;
  }
  *p = block;
  return 0;
}
ASHLAR_EXPORT void* mi_aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return ashlar::allocate_aligned(size, alignment, 0, Contents::kUnknown);
}
ASHLAR_EXPORT void* mi_memalign(std::size_t alignment, std::size_t size) noexcept {
  return ashlar::allocate_aligned(size, alignment, 0, Contents::kUnknown);
}
ASHLAR_EXPORT void* mi_valloc(std::size_t size) noexcept {
  return ashlar::allocate_aligned(size, ashlar::System::page_size(), 0, Contents::kUnknown);
}
ASHLAR_EXPORT void* mi_pvalloc(std::size_t size) noexcept {
  const std::size_t page = ashlar::System::page_size();
  if (size > ashlar::kRequestMax - page) {
    return ashlar::fail_too_large(size);
  }
  const std::size_t whole = ashlar::align_up(size == 0 ? 1 : size, page);
  return ashlar::allocate_aligned(whole, page, 0, Contents::kUnknown);
}

}  // extern "C"
