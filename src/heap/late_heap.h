// The heap of threads that have none: those whose own heap has been given back already, and
// those for which none could be made. One for the process, under a lock; slow and always there.
#pragma once

#include <cstddef>

#include "base/units.h"
#include "os/lock.h"

namespace ashlar {

// Allocates from the late heap; nullptr on failure. Blocks are freed like any others: every
// thread is a stranger to its pages, so they come back as remote frees.
void* allocate_late(std::size_t size, Contents contents);

// Collects what was freed; see collect_heap.
void collect_late_heap(bool force);

Lock& late_heap_lock();

}  // namespace ashlar
