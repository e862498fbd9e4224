// Every call takes its slow path: for tools that have to be told of each block. Fast paths know
// nothing of it and cost the same: they miss, as they do where a page has no room or another owner.
//
// malloc and its family miss since the direct tables keep leading to empty_page; allocate_slow then
// takes its block from the first page of the queue without any of a slow path's other work. free
// and realloc miss since kOwnerSlow is set in the owner words of pages.
//
// Promised: where it was switched on before the process's first page was made, every call. Where
// later, every call of the switching thread from then on, and of any other thread from its next
// slow path on: frees into pages that the calling thread does not own are slow in any case. A block
// from a page made before that no thread owns may still be resized in place by the fast path.
// It is never switched off.
#pragma once

#include <cstdint>

#include "heap/tuning.h"
#include "page/page.h"

namespace ashlar {

struct ThreadHeap;

inline bool calls_are_slow() { return tuning.slow_calls.get(); }

// What owner words of pages have set, whose calls are to be slow.
inline std::uintptr_t slow_flag() { return calls_are_slow() ? kOwnerSlow : 0; }

// Before the process's first page is made, by whoever starts the process: nothing to catch up on.
inline void begin_with_slow_calls() { tuning.slow_calls.set(true); }

// At any later time, from any thread that holds no lock.
void make_calls_slow();

// The same for all parts of a thread; nothing where calls are not slow. Called by settle_thread.
void slow_own_calls(ThreadHeap* backing);

}  // namespace ashlar
