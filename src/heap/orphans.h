// Pages without an owner: letting go of them, taking them over, and adopting them. The protocol
// itself is page/ownership.h's; here is who does what with it.
#pragma once

#include "heap/thread_heap.h"

namespace ashlar {

// Lets go of a page that the caller owns and that stands in no list: released where it is empty,
// published for other threads where it has room, left to whoever frees into it where it has not.
void let_go(Page* page);

// After a free into an orphan made the caller its owner: the thread's heap adopts it if it may
// (`heap` can be empty_heap), else it is let go again.
void take_over(ThreadHeap* heap, Page* page);

// Adopts an orphan page of the class that has room; nullptr where none was found in a bounded
// number of tries.
Page* adopt_orphan(ThreadHeap* heap, SizeClass size_class);

// Lets go of all pages of a heap.
void orphan_all(ThreadHeap* heap);

}  // namespace ashlar
