// The C interface for embedding: blocks.
#include "arena/page_map.h"
#include "ashlar/embed.h"
#include "base/compiler.h"
#include "heap/allocate.h"
#include "heap/attached_allocate.h"
#include "heap/free.h"
#include "heap/good_size.h"
#include "heap/reallocate.h"
#include "heap/thread_heap.h"
#include "page/ownership.h"

namespace ashlar {
namespace {

ThreadHeap* part_of_handle(ashlar_rt_heap_t* heap) { return reinterpret_cast<ThreadHeap*>(heap); }

}  // namespace
}  // namespace ashlar

using ashlar::Contents;
using ashlar::part_of_handle;

extern "C" {

ASHLAR_EXPORT void* ashlar_rt_malloc(ashlar_rt_heap_t* heap, size_t size) noexcept {
  return ashlar::allocate_attached<Contents::kUnknown>(part_of_handle(heap), size);
}
ASHLAR_EXPORT void* ashlar_rt_calloc(ashlar_rt_heap_t* heap, size_t count, size_t size) noexcept {
  return ashlar::allocate_attached<Contents::kZero>(part_of_handle(heap),
                                                    ashlar::request_size(count, size));
}
ASHLAR_EXPORT void* ashlar_rt_realloc(ashlar_rt_heap_t* heap, void* p, size_t size) noexcept {
  return ashlar::reallocate_attached(part_of_handle(heap), p, size);
}
ASHLAR_EXPORT void ashlar_rt_free(void* p) noexcept { ashlar::free_block(p); }

ASHLAR_EXPORT size_t ashlar_rt_usable_size(const void* p) noexcept {
  return ashlar::usable_size_of(p, "ashlar_rt_usable_size");
}
ASHLAR_EXPORT size_t ashlar_rt_good_size(size_t size) noexcept { return ashlar::good_size(size); }

ASHLAR_EXPORT uintptr_t ashlar_rt_owner(const void* p) noexcept {
  const ashlar::Page* const page = ashlar::page_map.find(p);
  return page == nullptr ? 0 : ashlar::owner_of(page) & ~ashlar::kOwnerFlags;
}
ASHLAR_EXPORT size_t ashlar_rt_prefix(const void* p) noexcept {
  const ashlar::Page* const page = ashlar::page_map.find(p);
  return page == nullptr ? 0 : page->prefix;
}

ASHLAR_EXPORT void* ashlar_rt_raw_malloc(size_t size) noexcept {
  return ashlar::allocate<Contents::kUnknown>(size);
}
ASHLAR_EXPORT void* ashlar_rt_raw_calloc(size_t count, size_t size) noexcept {
  return ashlar::allocate<Contents::kZero>(ashlar::request_size(count, size));
}
ASHLAR_EXPORT void* ashlar_rt_raw_realloc(void* p, size_t size) noexcept {
  return ashlar::reallocate_fast(p, size);
}
ASHLAR_EXPORT void ashlar_rt_raw_free(void* p) noexcept { ashlar::free_block(p); }

}  // extern "C"
