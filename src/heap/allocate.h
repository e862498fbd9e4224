// The slow side of malloc: finding a page with room, huge blocks, and what is done when memory
// is short. The fast side is in thread_heap.h.
#pragma once

#include <cstddef>

#include "heap/heap.h"
#include "heap/limits.h"
#include "heap/shortage.h"
#include "heap/thread_heap.h"
#include "support/sealed.h"

namespace ashlar {

// Allocates from a thread's part of a heap by the slow path; nullptr when memory is short (errno is
// untouched).
void* allocate_from(ThreadHeap* part, std::size_t size, Contents contents);

// The first page of a class in the part's queue, with a block in free: found by a beat and a search
// if need be; nullptr when memory is short.
Page* page_with_room(ThreadHeap* part, std::size_t size, SizeClass size_class);

// What allocate_in_slow does where no tool watches the process (heap/tracked.h).
void* allocate_untracked(Heap* heap, std::size_t size, Contents contents);

// malloc or calloc from a heap, or from the thread's default heap (nullptr).
inline void* allocate_plain(Heap* heap, std::size_t size, Contents contents) {
  if (heap != nullptr) {
    ThreadHeap* const part = thread_heap_in(heap);
    return contents == Contents::kZero ? allocate_in<Contents::kZero>(heap, part, size)
                                       : allocate_in<Contents::kUnknown>(heap, part, size);
  }
  return contents == Contents::kZero ? allocate<Contents::kZero>(size)
                                     : allocate<Contents::kUnknown>(size);
}

// The heap itself, or the calling thread's default heap for nullptr.
inline Heap* heap_or_default(Heap* heap) {
  return heap != nullptr ? heap : thread_heap != &empty_heap ? thread_heap->home : &main_heap;
}

// Whether a request may be served at all; where not, it is reported.
inline bool is_too_large(std::size_t size) { return size > kRequestMax; }

// count * size for a request; a product that does not fit becomes a size that no request may
// have, so that the slow path reports it.
inline std::size_t request_size(std::size_t count, std::size_t size) {
  std::size_t total = 0;
  return unlikely(multiply_overflows(count, size, &total)) ? SIZE_MAX : total;
}

// Function called regularly from slow paths, so that a program can free what it put off.
void register_deferred_free(DeferredFreeFunction* function, void* arg);

// Collects what was freed in a thread's part of a heap, and gives empty pages back. Returns how
// many pages it looked at.
std::size_t collect_part(ThreadHeap* part);

// The same for all parts of a thread. None is taken apart: who is at work with one goes on with it.
std::size_t collect_parts(ThreadHeap* backing);

// Collects all parts of a thread, after a call of the deferred free function.
void collect_thread(ThreadHeap* backing, bool force);

// Collects what the calling thread has of a heap; with `force` also purges.
void collect_heap(Heap* heap, bool force);

// Collects all that the calling thread has; with `force` also the late heap, and purges.
void collect(bool force);

// Collects, and lets go of pages with room until the calling thread owns no more than `target`
// bytes of pages, if that can be reached: full pages are let go of as well.
void reduce(std::size_t target);

// What is done when memory is short: all is collected, since memory may be at hand that only has to
// be, the program is asked to free some if a limit is the reason, then it is waited for. attempt()
// gives the block, or nullptr; so does this.
template <class Attempt>
void* allocate_or_wait(Heap* heap, std::size_t size, Attempt attempt) {
  void* block = attempt();
  if (unlikely(block == nullptr)) {
    collect(true);
    purge_for_hard_limit();
    const std::size_t refusals = touched_bytes.refusals();
    block = attempt();
    if (block == nullptr && call_last_stage(size, refusals)) {
      block = attempt();
      note_last_stage(block != nullptr);
    }
    for (ShortageWait wait(heap_or_default(heap), size); block == nullptr && wait.next();) {
      collect(true);
      block = attempt();
    }
  }
  return block;
}

}  // namespace ashlar
