// Freed blocks that are not given back to their pages yet: while a tool watches the process, and in
// profiles that check blocks as a quarantine. Until then a use after free is seen, or does no harm,
// and so is a second free; later the bytes may be another block's. First in, first out, up to the
// bytes that the options tool_held_back and quarantine say. Their pages count them as in use.
#pragma once

#include "os/lock.h"
#include "page/page.h"

namespace ashlar {

struct Heap;

// Takes a freed block in, and gives back what is too much then: the block itself, where it is
// larger than all that may be held back.
ASHLAR_NOINLINE void hold_back(Page* page, Block* block);

// Gives all held blocks of a heap back (nullptr: of all heaps), and waits until other threads have
// done so with those that they took out.
void give_back_held(const Heap* heap);

// For fork, which takes all locks; and in the child, where no other thread is giving back any more.
Lock& held_back_lock();
void forget_others_giving_back();

}  // namespace ashlar
