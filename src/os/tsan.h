// ThreadSanitizer: accesses that happen without the program's code, and memory whose past does not
// matter any more. Told through what its run time exports for instrumented code, for annotations
// and for language run times with an allocator of their own (sanitizer/tsan_interface.h, and
// "tsan_interface_java.h" of its sources), by weak names.
#pragma once

#include <cstddef>

namespace ashlar::tsan {

// Whether the program carries it.
bool is_linked();

// Where it is there and has not begun yet, it does now.
void begin_run_time();

// The range that the blocks lie in which reports are to describe. Once.
void begin(void* start, std::size_t bytes);

// Who describes an address looks for a block downwards from it, and stops at the start of a page,
// also when the page is gone.
void begin_page(void* start);

// A block begins here: what was done to the memory before is forgotten, and counts as written by
// the calling thread from now on, as the call at `caller` in `function` does.
void begin_block(void* block, std::size_t bytes, void* function, void* caller);

// The block ends: as if the calling thread wrote all of it. Accesses that are not ordered with that
// are races, before and afterwards.
void end_block(void* block, std::size_t bytes, void* function, void* caller);

// The calling thread writes these bytes.
void write(void* start, std::size_t bytes, void* function, void* caller);

// What the calling thread does between these to memory of ours is its own business.
void ignore();
void mind();

}  // namespace ashlar::tsan
