// How functions that keep a frame pointer are chained, where they do.
#pragma once

#include <cstdint>

namespace ashlar {

// Where the caller's frame pointer and the return address lie, from the frame pointer. Both 0: no
// such chain is kept.
struct FrameChain {
  std::intptr_t outer;
  std::intptr_t code;
};

}  // namespace ashlar
