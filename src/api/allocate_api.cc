// The C interface to plain allocation: malloc's family, realloc's, free's, and sizes.
// Aligned forms, strings and operator new have files of their own.
#include <errno.h>

#include "api/exit_report.h"
#include "api/sized_free.h"
#include "base/integer.h"
#include "heap/allocate.h"
#include "heap/arenas.h"
#include "heap/free.h"
#include "heap/good_size.h"
#include "heap/process.h"
#include "heap/reallocate.h"
#include "heap/thread_heap.h"
#include "mimalloc.h"

namespace ashlar {
namespace {

// Passes a block through and tells its usable size, 0 for nullptr.
void* with_size(void* block, std::size_t* block_size) {
  if (block_size != nullptr) {
    *block_size = usable_size_of(block, "usable_size");
  }
  return block;
}

}  // namespace
}  // namespace ashlar

using ashlar::Contents;

extern "C" {

ASHLAR_EXPORT void* mi_malloc(std::size_t size) noexcept {
  return ashlar::allocate<Contents::kUnknown>(size);
}
ASHLAR_EXPORT void* mi_malloc_small(std::size_t size) noexcept {
  return ashlar::allocate<Contents::kUnknown>(size);
}
ASHLAR_EXPORT void* mi_zalloc(std::size_t size) noexcept {
  return ashlar::allocate<Contents::kZero>(size);
}
ASHLAR_EXPORT void* mi_zalloc_small(std::size_t size) noexcept {
  return ashlar::allocate<Contents::kZero>(size);
}
ASHLAR_EXPORT void* mi_calloc(std::size_t count, std::size_t size) noexcept {
  return ashlar::allocate<Contents::kZero>(ashlar::request_size(count, size));
}
ASHLAR_EXPORT void* mi_mallocn(std::size_t count, std::size_t size) noexcept {
  return ashlar::allocate<Contents::kUnknown>(ashlar::request_size(count, size));
}

ASHLAR_EXPORT void* mi_realloc(void* p, std::size_t newsize) noexcept {
  return ashlar::reallocate_fast(p, newsize);
}
ASHLAR_EXPORT void* mi_reallocn(void* p, std::size_t count, std::size_t size) noexcept {
  return ashlar::reallocate(p, ashlar::request_size(count, size), Contents::kUnknown);
}
ASHLAR_EXPORT void* mi_reallocf(void* p, std::size_t newsize) noexcept {
  void* const block = ashlar::reallocate_fast(p, newsize);
  if (block == nullptr) {
    ashlar::free_block(p);
  }
  return block;
}
ASHLAR_EXPORT void* mi_rezalloc(void* p, std::size_t newsize) noexcept {
  return ashlar::reallocate(p, newsize, Contents::kZero);
}
ASHLAR_EXPORT void* mi_recalloc(void* p, std::size_t newcount, std::size_t size) noexcept {
  return ashlar::reallocate(p, ashlar::request_size(newcount, size), Contents::kZero);
}
ASHLAR_EXPORT void* mi_reallocarray(void* p, std::size_t count, std::size_t size) noexcept {
  return mi_reallocn(p, count, size);
}
ASHLAR_EXPORT int mi_reallocarr(void* p, std::size_t count, std::size_t size) noexcept {
  if (p == nullptr) {
    errno = EINVAL;
    return EINVAL;
  }
  void** const variable = static_cast<void**>(p);
  void* const block = mi_reallocn(*variable, count, size);
  if (block == nullptr) {
    return errno;
  }
  *variable = block;
  return 0;
}

ASHLAR_EXPORT void* mi_expand(void* p, std::size_t newsize) noexcept {
  return ashlar::expand(p, newsize);
}
ASHLAR_EXPORT void* mi__expand(void* p, std::size_t newsize) noexcept {
  return ashlar::expand(p, newsize);
}

ASHLAR_EXPORT void mi_free(void* p) noexcept { ashlar::free_block(p); }
ASHLAR_EXPORT void mi_free_small(void* p) noexcept { ashlar::free_block(p); }
ASHLAR_EXPORT void mi_free_size(void* p, std::size_t size) noexcept {
  ashlar::free_sized(p, size, 1);
}
ASHLAR_EXPORT void mi_free_aligned(void* p, std::size_t alignment) noexcept {
  ashlar::free_sized(p, ashlar::kSizeNotSaid, alignment);
}
ASHLAR_EXPORT void mi_free_size_aligned(void* p, std::size_t size, std::size_t alignment) noexcept {
  ashlar::free_sized(p, size, alignment);
}
ASHLAR_EXPORT void mi_cfree(void* p) noexcept {
  if (ashlar::page_map.find(p) != nullptr) {
    ashlar::free_block(p);
  }
}

ASHLAR_EXPORT std::size_t mi_usable_size(const void* p) noexcept {
  return ashlar::usable_size_of(p, "usable_size");
}
ASHLAR_EXPORT std::size_t mi_malloc_usable_size(const void* p) noexcept {
  return ashlar::usable_size_of(p, "usable_size");
}
ASHLAR_EXPORT std::size_t mi_malloc_size(const void* p) noexcept {
  return ashlar::usable_size_of(p, "usable_size");
}
ASHLAR_EXPORT std::size_t mi_good_size(std::size_t size) noexcept {
  return ashlar::good_size(size);
}
ASHLAR_EXPORT std::size_t mi_malloc_good_size(std::size_t size) noexcept {
  return ashlar::good_size(size);
}
ASHLAR_EXPORT bool mi_is_in_heap_region(const void* p) noexcept {
  return ashlar::page_map.find(p) != nullptr || ashlar::is_in_arena(p);
}
ASHLAR_EXPORT bool mi_check_owned(const void* p) noexcept {
  const ashlar::Page* const page = ashlar::page_map.find(p);
  return page != nullptr && (ashlar::owner_of(page) & ~ashlar::kOwnerFlags) == ashlar::thread_id();
}

ASHLAR_EXPORT void* mi_umalloc(std::size_t size, std::size_t* block_size) noexcept {
  return ashlar::with_size(mi_malloc(size), block_size);
}
ASHLAR_EXPORT void* mi_ucalloc(std::size_t count, std::size_t size,
                               std::size_t* block_size) noexcept {
  return ashlar::with_size(mi_calloc(count, size), block_size);
}
ASHLAR_EXPORT void* mi_umalloc_small(std::size_t size, std::size_t* block_size) noexcept {
  return ashlar::with_size(mi_malloc_small(size), block_size);
}
ASHLAR_EXPORT void* mi_uzalloc_small(std::size_t size, std::size_t* block_size) noexcept {
  return ashlar::with_size(mi_zalloc_small(size), block_size);
}
ASHLAR_EXPORT void* mi_umalloc_aligned(std::size_t size, std::size_t alignment,
                                       std::size_t* block_size) noexcept {
  return ashlar::with_size(mi_malloc_aligned(size, alignment), block_size);
}
ASHLAR_EXPORT void* mi_uzalloc_aligned(std::size_t size, std::size_t alignment,
                                       std::size_t* block_size) noexcept {
  return ashlar::with_size(mi_zalloc_aligned(size, alignment), block_size);
}
ASHLAR_EXPORT void* mi_urealloc(void* p, std::size_t newsize, std::size_t* block_size_pre,
                                std::size_t* block_size_post) noexcept {
  ashlar::with_size(p, block_size_pre);
  return ashlar::with_size(mi_realloc(p, newsize), block_size_post);
}
ASHLAR_EXPORT void mi_ufree(void* p, std::size_t* block_size) noexcept {
  ashlar::with_size(p, block_size);
  mi_free(p);
}

}  // extern "C"
