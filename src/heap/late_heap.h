// The heap of threads that have none: those whose own heap has been given back already, and
// those for which none could be made. One for the process, under a lock; slow and always there. It
// has parts of heaps as a thread has.
#pragma once

#include <cstddef>

#include "base/units.h"
#include "heap/thread_heap.h"
#include "os/lock.h"

namespace ashlar {

// Allocates a block of `heap` for a thread that has no part of it; nullptr on failure. Blocks are
// freed like any others: every thread is a stranger to its pages, so they come back as remote
// frees.
void* allocate_late(Heap* heap, std::size_t size, Contents contents);

// Collects what was freed.
void collect_late_heap();

// Moves what it holds of deleted heaps to the main heap; see settle_thread.
void settle_late_heap();

// Forgets all that it holds, whose memory is about to be unmapped.
void forget_late_heap();

// Whether a part is the late heap's, which no thread owns.
bool is_late(const ThreadHeap* part);

// The id in the owner words of its pages.
std::uintptr_t late_heap_id();

Lock& late_heap_lock();

}  // namespace ashlar
