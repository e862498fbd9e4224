// The C interface to thread heaps, and to what is to be guarded.
#include <errno.h>

#include "heap/aligned.h"
#include "heap/allocate.h"
#include "heap/guards.h"
#include "heap/heap.h"
#include "heap/heap_check.h"
#include "heap/reallocate.h"
#include "heap/realm.h"
#include "heap/thread_life.h"
#include "mimalloc.h"
#include "support/messages.h"

namespace ashlar {
namespace {

ThreadHeap* part_of_handle(mi_theap_t* theap) { return reinterpret_cast<ThreadHeap*>(theap); }
mi_theap_t* handle_of(ThreadHeap* part) { return reinterpret_cast<mi_theap_t*>(part); }

bool is_mine(const ThreadHeap* part) { return part->id == thread_id(); }

// The calling thread's part of its default heap, made if need be.
ThreadHeap* default_part() { return thread_heap == &empty_heap ? start_thread() : thread_heap; }

void report_foreign(const ThreadHeap* part) {
  report_error(EINVAL,
               "mi_theap: the thread heap at %p belongs to another thread; ask for the calling "
               "thread's by mi_heap_theap",
               static_cast<const void*>(part));
}

// The part to allocate from. Profiles that stop on misuse look whose it is.
ThreadHeap* usable_part(mi_theap_t* theap) {
  ThreadHeap* const part = part_of_handle(theap);
  if (unlikely(part == nullptr)) {
    return default_part();
  }
  if constexpr (kActive.stop_on_misuse) {
    if (!is_mine(part)) {
      report_foreign(part);
      return thread_heap_in(part->home);
    }
  }
  return part;
}

Heap* home_of_part(const ThreadHeap* part) { return part == nullptr ? nullptr : part->home; }

template <Contents kContents>
ASHLAR_ALWAYS_INLINE void* allocate_of(mi_theap_t* theap, std::size_t size) {
  ThreadHeap* const part = usable_part(theap);
  return allocate_in<kContents>(home_of_part(part), part, size);
}

}  // namespace
}  // namespace ashlar

using ashlar::allocate_of;
using ashlar::Contents;
using ashlar::part_of_handle;

extern "C" {

ASHLAR_EXPORT mi_theap_t* mi_heap_theap(mi_heap_t* heap) noexcept {
  if (heap == nullptr || !ashlar::check_heap(reinterpret_cast<ashlar::Heap*>(heap))) {
    return nullptr;
  }
  ashlar::ThreadHeap* const part = ashlar::thread_heap_in(reinterpret_cast<ashlar::Heap*>(heap));
  return part != nullptr || ashlar::thread_has_ended()
             ? ashlar::handle_of(part)
             : static_cast<mi_theap_t*>(ashlar::fail_out_of_memory(sizeof(ashlar::ThreadHeap)));
}
ASHLAR_EXPORT mi_theap_t* mi_theap_get_default(void) noexcept {
  return ashlar::handle_of(ashlar::default_part());
}
ASHLAR_EXPORT mi_theap_t* mi_theap_set_default(mi_theap_t* theap) noexcept {
  ashlar::ThreadHeap* const part = part_of_handle(theap);
  if (part == nullptr) {
    return nullptr;
  }
  if (!ashlar::is_mine(part)) {
    ashlar::report_foreign(part);
    return nullptr;
  }
  mi_theap_t* const before = mi_theap_get_default();
  ashlar::thread_heap = part;
  return before;
}
ASHLAR_EXPORT void mi_theap_collect(mi_theap_t* theap, bool force) noexcept {
  if (const ashlar::ThreadHeap* const part = ashlar::usable_part(theap)) {
    ashlar::collect_heap(part->home, force);
  }
}

ASHLAR_EXPORT void* mi_theap_malloc(mi_theap_t* theap, std::size_t size) noexcept {
  return allocate_of<Contents::kUnknown>(theap, size);
}
ASHLAR_EXPORT void* mi_theap_zalloc(mi_theap_t* theap, std::size_t size) noexcept {
  return allocate_of<Contents::kZero>(theap, size);
}
ASHLAR_EXPORT void* mi_theap_calloc(mi_theap_t* theap, std::size_t count,
                                    std::size_t size) noexcept {
  return allocate_of<Contents::kZero>(theap, ashlar::request_size(count, size));
}
ASHLAR_EXPORT void* mi_theap_malloc_small(mi_theap_t* theap, std::size_t size) noexcept {
  return allocate_of<Contents::kUnknown>(theap, size);
}
ASHLAR_EXPORT void* mi_theap_zalloc_small(mi_theap_t* theap, std::size_t size) noexcept {
  return allocate_of<Contents::kZero>(theap, size);
}
ASHLAR_EXPORT void* mi_theap_malloc_aligned(mi_theap_t* theap, std::size_t size,
                                            std::size_t alignment) noexcept {
  return ashlar::allocate_aligned(size, alignment, 0, Contents::kUnknown,
                                  ashlar::home_of_part(ashlar::usable_part(theap)));
}
ASHLAR_EXPORT void* mi_theap_realloc(mi_theap_t* theap, void* p, std::size_t newsize) noexcept {
  return ashlar::reallocate_aligned(
      p, newsize, {1, 0, ashlar::home_of_part(ashlar::usable_part(theap))}, Contents::kUnknown);
}

ASHLAR_EXPORT void mi_heap_guarded_set_sample_rate(mi_heap_t* heap, std::size_t sample_rate,
                                                   std::size_t seed) noexcept {
  if (!ashlar::check_heap(reinterpret_cast<ashlar::Heap*>(heap))) {
    return;
  }
  ashlar::set_guard_rate(ashlar::heap_or_default(reinterpret_cast<ashlar::Heap*>(heap)),
                         sample_rate, seed);
}
ASHLAR_EXPORT void mi_heap_guarded_set_size_bound(mi_heap_t* heap, std::size_t min,
                                                  std::size_t max) noexcept {
  if (!ashlar::check_heap(reinterpret_cast<ashlar::Heap*>(heap))) {
    return;
  }
  ashlar::set_guard_bounds(ashlar::heap_or_default(reinterpret_cast<ashlar::Heap*>(heap)), min,
                           max);
}
ASHLAR_EXPORT void mi_theap_guarded_set_sample_rate(mi_theap_t* theap, std::size_t sample_rate,
                                                    std::size_t seed) noexcept {
  mi_heap_guarded_set_sample_rate(
      reinterpret_cast<mi_heap_t*>(ashlar::home_of_part(ashlar::usable_part(theap))), sample_rate,
      seed);
}
ASHLAR_EXPORT void mi_theap_guarded_set_size_bound(mi_theap_t* theap, std::size_t min,
                                                   std::size_t max) noexcept {
  mi_heap_guarded_set_size_bound(
      reinterpret_cast<mi_heap_t*>(ashlar::home_of_part(ashlar::usable_part(theap))), min, max);
}

}  // extern "C"
