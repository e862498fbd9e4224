// What a program is told that broke a guarded block: what it did, and the stacks of the access, of
// the allocation and of the free.
#pragma once

#include <cstddef>

#include "heap/guard_pool.h"
#include "os/fault.h"

namespace ashlar {

// In a signal handler: tells of an access to a slot of the pool; nothing for any other address.
// Neither allocates nor locks. Needs about 3 KiB of stack.
void report_fault(const Fault& fault);

// A pointer that was passed to a function that takes blocks, and is none: where it leads into a
// slot of the pool this tells of it, and says true. The caller holds no lock.
bool report_guarded_pointer(const char* call, const void* pointer);

// So many bytes behind and before a block were written to, as its free found. As above.
void report_guarded_edges(const GuardSlot* slot, std::size_t behind, std::size_t before);

}  // namespace ashlar
