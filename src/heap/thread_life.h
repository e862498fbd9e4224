// The beginning and the end of a thread's heap.
#pragma once

#include "heap/thread_heap.h"

namespace ashlar {

// Makes the calling thread's heap; nullptr where memory is short or the thread has ended, which
// leaves the late heap. The heap is given back when the thread ends, by itself.
ThreadHeap* start_thread();

// Ends it by hand: pages become orphans. A later allocation makes a heap again.
void end_thread();

// Whether the calling thread's heap was given back at its end, so that it gets no other.
bool thread_has_ended();

}  // namespace ashlar
