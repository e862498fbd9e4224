// malloc and its family under the names of C, POSIX and glibc: what a preloaded or first-linked
// library replaces. Not compiled where the library must leave malloc alone (sanitizers).

#include "api/exit_report.h"
#include "api/sized_free.h"
#include "base/compiler.h"
#include "base/integer.h"
#include "heap/allocate.h"
#include "heap/free.h"
#include "heap/reallocate.h"
#include "heap/thread_heap.h"
#include "heap/trim.h"
#include "mimalloc.h"

using ashlar::Contents;

extern "C" {

ASHLAR_EXPORT void* malloc(std::size_t size) noexcept {
  return ashlar::allocate<Contents::kUnknown>(size);
}
ASHLAR_EXPORT void* calloc(std::size_t count, std::size_t size) noexcept {
  return ashlar::allocate<Contents::kZero>(ashlar::request_size(count, size));
}
ASHLAR_EXPORT void* realloc(void* p, std::size_t size) noexcept {
  return ashlar::reallocate_fast(p, size);
}
ASHLAR_EXPORT void free(void* p) noexcept { ashlar::free_block(p); }
ASHLAR_EXPORT void cfree(void* p) noexcept { ashlar::free_block(p); }

// C23.
ASHLAR_EXPORT void free_sized(void* p, std::size_t size) noexcept {
  ashlar::free_sized(p, size, 1);
}
ASHLAR_EXPORT void free_aligned_sized(void* p, std::size_t alignment, std::size_t size) noexcept {
  ashlar::free_sized(p, size, alignment);
}

ASHLAR_EXPORT int posix_memalign(void** p, std::size_t alignment, std::size_t size) noexcept {
  return mi_posix_memalign(p, alignment, size);
}
ASHLAR_EXPORT void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return mi_aligned_alloc(alignment, size);
}
ASHLAR_EXPORT void* memalign(std::size_t alignment, std::size_t size) noexcept {
  return mi_memalign(alignment, size);
}
ASHLAR_EXPORT void* valloc(std::size_t size) noexcept { return mi_valloc(size); }
ASHLAR_EXPORT void* pvalloc(std::size_t size) noexcept { return mi_pvalloc(size); }

ASHLAR_EXPORT std::size_t malloc_usable_size(void* p) noexcept { return mi_usable_size(p); }
// glibc's: 1 if memory was given back. What it keeps at the top of its heap has no counterpart.
ASHLAR_EXPORT int malloc_trim(std::size_t) noexcept {
  return ashlar::trim(ashlar::TrimLevel::kCollect) != 0 ? 1 : 0;
}
ASHLAR_EXPORT void* reallocarray(void* p, std::size_t count, std::size_t size) noexcept {
  return mi_reallocarray(p, count, size);
}
ASHLAR_EXPORT int reallocarr(void* p, std::size_t count, std::size_t size) noexcept {
  return mi_reallocarr(p, count, size);
}

// glibc's own names, which old programs and its own parts call.
ASHLAR_EXPORT void* __libc_malloc(std::size_t size) noexcept {
  return ashlar::allocate<Contents::kUnknown>(size);
}
ASHLAR_EXPORT void* __libc_calloc(std::size_t count, std::size_t size) noexcept {
  return mi_calloc(count, size);
}
ASHLAR_EXPORT void* __libc_realloc(void* p, std::size_t size) noexcept {
  return ashlar::reallocate_fast(p, size);
}
ASHLAR_EXPORT void __libc_free(void* p) noexcept { ashlar::free_block(p); }
ASHLAR_EXPORT void __libc_cfree(void* p) noexcept { ashlar::free_block(p); }
ASHLAR_EXPORT void* __libc_memalign(std::size_t alignment, std::size_t size) noexcept {
  return mi_memalign(alignment, size);
}
ASHLAR_EXPORT void* __libc_valloc(std::size_t size) noexcept { return mi_valloc(size); }
ASHLAR_EXPORT void* __libc_pvalloc(std::size_t size) noexcept { return mi_pvalloc(size); }
ASHLAR_EXPORT int __posix_memalign(void** p, std::size_t alignment, std::size_t size) noexcept {
  return mi_posix_memalign(p, alignment, size);
}

}  // extern "C"
