// What a processor's file says of frames that have no tables.
#pragma once

#include <cstdint>

namespace ashlar {

// Where the caller's frame pointer and the return address lie, from the frame pointer. Both 0: no
// such chain is kept.
struct FrameChain {
  std::intptr_t outer;
  std::intptr_t code;
};

// How Linux has a handler return where it brings no tables for that: by this code, when the stack
// pointer lies so many bytes below what was interrupted (arch/*/kernel/signal.c). 0 bytes: it
// always has tables.
struct SignalReturn {
  unsigned char code[8];
  unsigned bytes;
  unsigned context;
};

}  // namespace ashlar
