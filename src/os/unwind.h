// Stacks: of the calling thread, and of one that a signal stopped. Found by the tables that
// compilers leave, so no frame pointers are needed; without the loader's lock, so from anywhere;
// and nothing is read that may not be there, so that a broken stack ends early and does no harm.
//
// Nothing here allocates, takes a lock or changes errno: it may be called from malloc and from
// signal handlers. Complexity: about half a microsecond a frame.
//
// A frame is told by an address within the instruction that it stands at: of a call the last byte,
// so that tools which turn addresses into lines name the call's, and not the next one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ashlar {

// Fills `frames` with the callers of the function that calls this, innermost first. Frames of the
// library itself are left out where it is a library of its own. Returns how many there are.
std::size_t unwind_here(std::uintptr_t* frames, std::size_t most);

// The same for the code that a signal interrupted, which comes first. `context` is what the system
// passes to a handler.
std::size_t unwind_interrupted(const void* context, std::uintptr_t* frames, std::size_t most);

// Where code lies: an offset into a file, as tools for debugging take it.
struct CodePlace {
  const char* module = nullptr;  // its path; empty: the program; nullptr: unknown
  std::uintptr_t offset = 0;     // from where it was loaded; the address itself if unknown
};
CodePlace find_code(std::uintptr_t address);

}  // namespace ashlar
