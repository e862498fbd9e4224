// Pages without an owner: letting go of them, taking them over, and adopting them. The protocol
// itself is page/ownership.h's; here is who does what with it.
#pragma once

#include "heap/thread_heap.h"

namespace ashlar {

// Lets go of a page that has no owner in name any more, but by its remote word is the caller's.
void publish(Page* page);

// A page of this heap is somebody's again, or gone: it counts as an orphan no longer.
void note_adopted(Heap* home);

// Lets go of a page that the caller owns and that stands in no list: released where it is empty,
// published for other threads where it has room, left to whoever frees into it where it has not.
void let_go(Page* page);

// After a free into an orphan made the caller its owner: the thread's part of the page's heap
// adopts it if there is one and it may, else the page is let go again.
void take_over(Page* page);

// Adopts a page, which holds a block of the caller's, if it is an orphan that the thread may adopt;
// kYes: it stands in its queue, with room or without. kNo: it may be anybody's, or gone.
[[nodiscard]] Taken take_orphan(Page* page);

// Adopts an orphan page of the class that has room; nullptr where none was found in a bounded
// number of tries.
Page* adopt_orphan(ThreadHeap* heap, SizeClass size_class);

// Lets go of pages of a part until they are `bytes` or more, the full ones first, or until it has
// none; returns how many bytes they were.
std::size_t let_go_of(ThreadHeap* part, std::size_t bytes);

// Lets go of all pages of a part.
inline void orphan_all(ThreadHeap* part) { let_go_of(part, SIZE_MAX); }

}  // namespace ashlar
