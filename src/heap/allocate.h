// The slow side of malloc: finding a page with room, huge blocks, and what is done when memory
// is short. The fast side is in thread_heap.h.
#pragma once

#include <cstddef>

#include "heap/thread_heap.h"

namespace ashlar {

// Allocates from this heap by the slow path; nullptr when memory is short (errno is untouched).
void* allocate_from(ThreadHeap* heap, std::size_t size, Contents contents);

// What every failed allocation ends in: errno, and the error handler. Returns nullptr.
void* fail_out_of_memory(std::size_t size);
void* fail_too_large(std::size_t size);

// Whether a request may be served at all; where not, it is reported.
inline bool is_too_large(std::size_t size) { return size > kRequestMax; }

// count * size for a request; a product that does not fit becomes a size that no request may
// have, so that the slow path reports it.
inline std::size_t request_size(std::size_t count, std::size_t size) {
  std::size_t total = 0;
  return unlikely(multiply_overflows(count, size, &total)) ? SIZE_MAX : total;
}

// Function called regularly from slow paths, so that a program can free what it put off.
using DeferredFreeFunction = void(bool force, unsigned long long heartbeat, void* arg);
void register_deferred_free(DeferredFreeFunction* function, void* arg);

// Collects what was freed in this heap and gives empty pages back; with `force` also calls the
// deferred free function.
void collect_heap(ThreadHeap* heap, bool force);

// Collects the calling thread's heap; with `force` also the late heap, and purges.
void collect(bool force);

}  // namespace ashlar
