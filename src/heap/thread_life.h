// The beginning and the end of what a thread keeps, and the register of all threads that keep
// something.
#pragma once

#include "heap/thread_heap.h"

namespace ashlar {

// Makes the calling thread's part of the main heap; nullptr where memory is short or the thread has
// ended, which leaves the late heap. It is given back when the thread ends, by itself.
ThreadHeap* start_thread();

// Ends it by hand: pages become orphans. A later allocation makes it again. Without effect in a
// thread that keeps nothing.
void end_thread();

// Lets go of all pages of the calling thread, which is about to sleep: others can use what is free
// in them, and give them back. The thread goes on as before when it allocates again.
void park_thread();

// The calling thread sleeps between tasks: from now on it keeps no empty page, and takes no page
// over by a free.
void note_pool_thread();

// Calls visit(part, arg) for the main part of each thread that keeps something, under a lock.
void for_each_thread(void (*visit)(ThreadHeap& part, void* arg), void* arg);

// Whether the calling thread's end was announced to it, so that it gets no heap any more.
bool thread_has_ended();

// From now on ends of threads mean nothing; those that are being dealt with are waited for, for a
// bounded time. For a library that is unloaded.
void stop_thread_ends();

// Forgets all threads, whose records are about to be unmapped.
void forget_all_threads();

// In a forked child: gives back what the threads kept that it lacks. Their pages are dealt with
// already.
void forget_vanished_threads();

}  // namespace ashlar
