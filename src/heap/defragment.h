// Which blocks a program should move, so that pages become empty; and how full a block's page is.
// Moving itself is the program's: only it knows who holds pointers to a block.
#pragma once

#include <cstddef>

#include "heap/thread_heap.h"

namespace ashlar {

struct MoveAdvice {
  std::size_t blocks = 0;  // to move
  std::size_t bytes = 0;   // of the pages that are empty afterwards, as far as they were touched
};

// Says in move[i] whether blocks[i] should move; both have `count` entries. Of the pages that the
// calling thread owns, or can adopt because nobody does, the emptiest are chosen all of whose live
// blocks are offered, as many as the room of the others can take; then the queues of these classes
// are put in the order in which the moved blocks shall fill them. Other threads may go on. Takes
// no memory and cannot fail. Time linear in the offers, the thread's pages and the blocks of the
// pages chosen, and n log n in the pages of a class.
MoveAdvice advise_moves(void* const* blocks, std::size_t count, bool* move);

// Whether the calling thread takes its next block of this size from the page.
bool is_allocated_from(const Page* page);

// Whether at most `percent` of a page's blocks are in use. Any thread; a hint.
bool is_under_utilized(const Page* page, std::size_t percent);

}  // namespace ashlar
