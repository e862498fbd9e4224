// The C interface to first-class heaps.
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api/new.h"
#include "heap/aligned.h"
#include "heap/allocate.h"
#include "heap/arenas.h"
#include "heap/free.h"
#include "heap/heap.h"
#include "heap/numa.h"
#include "heap/reallocate.h"
#include "heap/realm.h"
#include "heap/thread_life.h"
#include "mimalloc.h"
#include "support/messages.h"

namespace ashlar {
namespace {

Heap* heap_of_handle(mi_heap_t* heap) { return reinterpret_cast<Heap*>(heap); }
const Heap* heap_of_handle(const mi_heap_t* heap) { return reinterpret_cast<const Heap*>(heap); }
mi_heap_t* handle_of(Heap* heap) { return reinterpret_cast<mi_heap_t*>(heap); }

template <Contents kContents>
ASHLAR_ALWAYS_INLINE void* allocate_of(mi_heap_t* handle, std::size_t size) {
  Heap* const heap = heap_of_handle(handle);
  return allocate_in<kContents>(heap, thread_heap_in(heap), size);
}

void* aligned_of(mi_heap_t* heap, std::size_t size, std::size_t alignment, std::size_t offset,
                 Contents contents) {
  return allocate_aligned(size, alignment, offset, contents, heap_of_handle(heap));
}

void* resize_of(mi_heap_t* heap, void* p, std::size_t size, std::size_t alignment,
                std::size_t offset, Contents contents) {
  return reallocate_aligned(p, size, {alignment, offset, heap_of_handle(heap)}, contents);
}

void* try_new_of(std::size_t size, std::size_t, void* heap) {
  return allocate_of<Contents::kUnknown>(static_cast<mi_heap_t*>(heap), size);
}

mi_heap_t* make_heap_in(mi_arena_id_t id, int tag, bool may_be_destroyed) {
  SystemArena* arena = nullptr;
  if (id != 0) {
    arena = arena_of_id(id);
    if (arena == nullptr || &arena->set() != &current_realm()->arenas) {
      report_warning(
          "mi_heap_new_in_arena: %d names no arena of this realm; arenas are numbered by "
          "mi_reserve_os_memory_ex and mi_manage_os_memory_ex, called in the same realm",
          id);
      errno = EINVAL;
      return nullptr;
    }
  }
  Heap* const heap = make_heap(arena, tag, may_be_destroyed);
  return handle_of(heap != nullptr ? heap : static_cast<Heap*>(fail_out_of_memory(sizeof(Heap))));
}

}  // namespace
}  // namespace ashlar

using ashlar::aligned_of;
using ashlar::allocate_of;
using ashlar::Contents;
using ashlar::handle_of;
using ashlar::heap_of_handle;
using ashlar::request_size;
using ashlar::resize_of;

extern "C" {

ASHLAR_EXPORT mi_heap_t* mi_heap_new(void) noexcept { return ashlar::make_heap_in(0, 0, true); }
ASHLAR_EXPORT mi_heap_t* mi_heap_new_ex(int heap_tag, bool allow_destroy,
                                        mi_arena_id_t arena_id) noexcept {
  return ashlar::make_heap_in(arena_id, heap_tag, allow_destroy);
}
ASHLAR_EXPORT mi_heap_t* mi_heap_new_in_arena(mi_arena_id_t arena_id) noexcept {
  return ashlar::make_heap_in(arena_id, 0, true);
}
ASHLAR_EXPORT void mi_heap_set_numa_affinity(mi_heap_t* heap, int numa_node) noexcept {
  if (heap != nullptr) {
    ashlar::heap_of_handle(heap)->numa_node.set(
        static_cast<std::int16_t>(ashlar::wrap_numa_node(numa_node)));
  }
}
ASHLAR_EXPORT void mi_heap_delete(mi_heap_t* heap) noexcept {
  if (heap != nullptr) {
    ashlar::delete_heap(heap_of_handle(heap));
  }
}
ASHLAR_EXPORT void mi_heap_destroy(mi_heap_t* heap) noexcept {
  if (heap != nullptr) {
    ashlar::destroy_heap(heap_of_handle(heap));
  }
}
ASHLAR_EXPORT mi_heap_t* mi_heap_main(void) noexcept {
  return handle_of(ashlar::current_realm()->main);
}
ASHLAR_EXPORT mi_heap_t* mi_heap_get_backing(void) noexcept { return mi_heap_main(); }
ASHLAR_EXPORT mi_heap_t* mi_heap_get_default(void) noexcept {
  return handle_of(ashlar::heap_or_default(nullptr));
}
ASHLAR_EXPORT mi_heap_t* mi_heap_set_default(mi_heap_t* heap) noexcept {
  mi_heap_t* const before = mi_heap_get_default();
  ashlar::ThreadHeap* const part =
      heap == nullptr ? nullptr : ashlar::thread_heap_in(heap_of_handle(heap));
  if (part == nullptr) {
    return nullptr;
  }
  ashlar::thread_heap = part;
  return before;
}
ASHLAR_EXPORT void mi_heap_collect(mi_heap_t* heap, bool force) noexcept {
  ashlar::collect_heap(heap_of_handle(heap), force);
}

ASHLAR_EXPORT mi_heap_t* mi_heap_of(const void* p) noexcept {
  return handle_of(ashlar::heap_of(p));
}
ASHLAR_EXPORT bool mi_heap_contains(const mi_heap_t* heap, const void* p) noexcept {
  return heap != nullptr && ashlar::heap_of(p) == heap_of_handle(heap);
}
ASHLAR_EXPORT bool mi_heap_contains_block(mi_heap_t* heap, const void* p) noexcept {
  return mi_heap_contains(heap, p) && ashlar::is_block(p);
}
ASHLAR_EXPORT bool mi_heap_check_owned(mi_heap_t* heap, const void* p) noexcept {
  return mi_heap_contains(heap, p);
}
ASHLAR_EXPORT bool mi_any_heap_contains(const void* p) noexcept {
  return ashlar::heap_of(p) != nullptr;
}

ASHLAR_EXPORT void* mi_heap_malloc(mi_heap_t* heap, std::size_t size) noexcept {
  return allocate_of<Contents::kUnknown>(heap, size);
}
ASHLAR_EXPORT void* mi_heap_malloc_small(mi_heap_t* heap, std::size_t size) noexcept {
  return allocate_of<Contents::kUnknown>(heap, size);
}
ASHLAR_EXPORT void* mi_heap_zalloc(mi_heap_t* heap, std::size_t size) noexcept {
  return allocate_of<Contents::kZero>(heap, size);
}
ASHLAR_EXPORT void* mi_heap_zalloc_small(mi_heap_t* heap, std::size_t size) noexcept {
  return allocate_of<Contents::kZero>(heap, size);
}
ASHLAR_EXPORT void* mi_heap_calloc(mi_heap_t* heap, std::size_t count, std::size_t size) noexcept {
  return allocate_of<Contents::kZero>(heap, request_size(count, size));
}
ASHLAR_EXPORT void* mi_heap_mallocn(mi_heap_t* heap, std::size_t count, std::size_t size) noexcept {
  return allocate_of<Contents::kUnknown>(heap, request_size(count, size));
}

ASHLAR_EXPORT void* mi_heap_realloc(mi_heap_t* heap, void* p, std::size_t newsize) noexcept {
  return resize_of(heap, p, newsize, 1, 0, Contents::kUnknown);
}
ASHLAR_EXPORT void* mi_heap_reallocn(mi_heap_t* heap, void* p, std::size_t count,
                                     std::size_t size) noexcept {
  return resize_of(heap, p, request_size(count, size), 1, 0, Contents::kUnknown);
}
ASHLAR_EXPORT void* mi_heap_reallocf(mi_heap_t* heap, void* p, std::size_t newsize) noexcept {
  void* const block = mi_heap_realloc(heap, p, newsize);
  if (block == nullptr) {
    ashlar::free_block(p);
  }
  return block;
}
ASHLAR_EXPORT void* mi_heap_rezalloc(mi_heap_t* heap, void* p, std::size_t newsize) noexcept {
  return resize_of(heap, p, newsize, 1, 0, Contents::kZero);
}
ASHLAR_EXPORT void* mi_heap_recalloc(mi_heap_t* heap, void* p, std::size_t newcount,
                                     std::size_t size) noexcept {
  return resize_of(heap, p, request_size(newcount, size), 1, 0, Contents::kZero);
}

ASHLAR_EXPORT void* mi_heap_malloc_aligned(mi_heap_t* heap, std::size_t size,
                                           std::size_t alignment) noexcept {
  return aligned_of(heap, size, alignment, 0, Contents::kUnknown);
}
ASHLAR_EXPORT void* mi_heap_malloc_aligned_at(mi_heap_t* heap, std::size_t size,
                                              std::size_t alignment, std::size_t offset) noexcept {
  return aligned_of(heap, size, alignment, offset, Contents::kUnknown);
}
ASHLAR_EXPORT void* mi_heap_zalloc_aligned(mi_heap_t* heap, std::size_t size,
                                           std::size_t alignment) noexcept {
  return aligned_of(heap, size, alignment, 0, Contents::kZero);
}
ASHLAR_EXPORT void* mi_heap_zalloc_aligned_at(mi_heap_t* heap, std::size_t size,
                                              std::size_t alignment, std::size_t offset) noexcept {
  return aligned_of(heap, size, alignment, offset, Contents::kZero);
}
ASHLAR_EXPORT void* mi_heap_calloc_aligned(mi_heap_t* heap, std::size_t count, std::size_t size,
                                           std::size_t alignment) noexcept {
  return aligned_of(heap, request_size(count, size), alignment, 0, Contents::kZero);
}
ASHLAR_EXPORT void* mi_heap_calloc_aligned_at(mi_heap_t* heap, std::size_t count, std::size_t size,
                                              std::size_t alignment, std::size_t offset) noexcept {
  return aligned_of(heap, request_size(count, size), alignment, offset, Contents::kZero);
}

ASHLAR_EXPORT void* mi_heap_realloc_aligned(mi_heap_t* heap, void* p, std::size_t newsize,
                                            std::size_t alignment) noexcept {
  return resize_of(heap, p, newsize, alignment, 0, Contents::kUnknown);
}
ASHLAR_EXPORT void* mi_heap_realloc_aligned_at(mi_heap_t* heap, void* p, std::size_t newsize,
                                               std::size_t alignment, std::size_t offset) noexcept {
  return resize_of(heap, p, newsize, alignment, offset, Contents::kUnknown);
}
ASHLAR_EXPORT void* mi_heap_rezalloc_aligned(mi_heap_t* heap, void* p, std::size_t newsize,
                                             std::size_t alignment) noexcept {
  return resize_of(heap, p, newsize, alignment, 0, Contents::kZero);
}
ASHLAR_EXPORT void* mi_heap_rezalloc_aligned_at(mi_heap_t* heap, void* p, std::size_t newsize,
                                                std::size_t alignment,
                                                std::size_t offset) noexcept {
  return resize_of(heap, p, newsize, alignment, offset, Contents::kZero);
}
ASHLAR_EXPORT void* mi_heap_recalloc_aligned(mi_heap_t* heap, void* p, std::size_t newcount,
                                             std::size_t size, std::size_t alignment) noexcept {
  return resize_of(heap, p, request_size(newcount, size), alignment, 0, Contents::kZero);
}
ASHLAR_EXPORT void* mi_heap_recalloc_aligned_at(mi_heap_t* heap, void* p, std::size_t newcount,
                                                std::size_t size, std::size_t alignment,
                                                std::size_t offset) noexcept {
  return resize_of(heap, p, request_size(newcount, size), alignment, offset, Contents::kZero);
}

ASHLAR_EXPORT char* mi_heap_strdup(mi_heap_t* heap, const char* s) noexcept {
  return s == nullptr ? nullptr : mi_heap_strndup(heap, s, strlen(s));
}
ASHLAR_EXPORT char* mi_heap_strndup(mi_heap_t* heap, const char* s, std::size_t n) noexcept {
  if (s == nullptr) {
    return nullptr;
  }
  const std::size_t length = strnlen(s, n);
  auto* const copy = static_cast<char*>(mi_heap_malloc(heap, length + 1));
  if (copy != nullptr) {
    memcpy(copy, s, length);
    copy[length] = '\0';
  }
  return copy;
}
ASHLAR_EXPORT char* mi_heap_realpath(mi_heap_t* heap, const char* fname,
                                     char* resolved_name) noexcept {
  if (resolved_name != nullptr) {
    return realpath(fname, resolved_name);
  }
  char path[PATH_MAX];
  return realpath(fname, path) == nullptr ? nullptr : mi_heap_strdup(heap, path);
}

ASHLAR_EXPORT void* mi_heap_alloc_new(mi_heap_t* heap, std::size_t size) {
  void* const block = allocate_of<Contents::kUnknown>(heap, size);
  return block != nullptr ? block : ashlar::new_or_throw({ashlar::try_new_of, size, 0, heap});
}
ASHLAR_EXPORT void* mi_heap_alloc_new_n(mi_heap_t* heap, std::size_t count, std::size_t size) {
  std::size_t total = 0;
  if (ashlar::multiply_overflows(count, size, &total)) {
    ashlar::throw_overflow(count, size);
  }
  return mi_heap_alloc_new(heap, total);
}

}  // extern "C"
