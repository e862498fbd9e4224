// Where the program called from: stacks, each kept once and known by a number that a block's record
// has room for. Debug notes them with blocks, when it is asked to.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/compiler.h"
#include "base/relaxed.h"
#include "support/messages.h"
#include "support/text.h"

namespace ashlar {

// The number of a stack.
enum class NotedStack : std::uint32_t { kNone = 0 };  // kNone: it was not noted

inline constexpr std::size_t kNotedFrames = 16;
// Different stacks that are kept; what comes later is not noted.
inline constexpr std::uint32_t kNotedStacksMax = 65'535;

// Whether sites are noted. They take 10 MiB of addresses from the first time on, of which 136 bytes
// a stack are touched, and 8 bytes that lie anywhere in one MiB of it.
ASHLAR_HIDDEN extern constinit RelaxedNumber<bool> notes_stacks;
void set_notes_stacks(bool on);

// The calling thread's stack, without the library's own frames where it is a library of its own.
// kNone where there is no room left. Takes no lock. Complexity: that of unwind_here.
ASHLAR_NOINLINE NotedStack note_stack_slow();
ASHLAR_ALWAYS_INLINE NotedStack note_stack() {
  return unlikely(notes_stacks.get()) ? note_stack_slow() : NotedStack::kNone;
}

// Writes "  WHAT:" and a line for each frame of a site, to where messages go if `out` is nullptr;
// nothing for kNone. A frame is a file and an offset into it, within the call.
void print_stack(OutputFunction* out, void* arg, const char* what, NotedStack site);

// The line of one frame.
void append_frame(TextBuffer& line, std::size_t index, std::uintptr_t code);

}  // namespace ashlar
