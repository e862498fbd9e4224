// Whether other threads are using a heap at this moment, as far as that can be noticed. For debug.
#pragma once

#include "heap/heap.h"

namespace ashlar {

// Looks at the counts of all pages of a heap several times, a processor's turn apart. False: they
// changed, so another thread allocates or frees. True is no proof.
bool seems_at_rest(const Heap* heap);

}  // namespace ashlar
