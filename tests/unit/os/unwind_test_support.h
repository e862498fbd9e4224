// What the tests of stacks share: ours and the compiler's own, and handlers of signals.
#pragma once

#include <signal.h>
#include <unwind.h>

#include <cstdint>

#include "base/compiler.h"
#include "os/unwind.h"

namespace ashlar {

inline constexpr std::size_t kMost = 64;

struct Frames {
  std::uintptr_t at[kMost] = {};
  std::size_t count = 0;
};

// The compiler's answer, in our terms: the first frame is the function that asks.
inline _Unwind_Reason_Code note_frame(_Unwind_Context* context, void* arg) {
  auto& frames = *static_cast<Frames*>(arg);
  int exact = 0;
  const std::uintptr_t code = _Unwind_GetIPInfo(context, &exact);
  if (code == 0 || frames.count == kMost) {
    return _URC_END_OF_STACK;
  }
  frames.at[frames.count++] = exact != 0 ? code : code - 1;
  return _URC_NO_REASON;
}

inline Frames ours;
inline Frames theirs;

ASHLAR_NOINLINE inline void unwind_twice() {
  ours.count = unwind_here(ours.at, kMost);
  theirs.count = 0;
  _Unwind_Backtrace(note_frame, &theirs);
  asm volatile("");  // so that the calls above are none in the last position
}

struct Handler {
  Handler(int signal, int flags, void (*plain)(int), void (*full)(int, siginfo_t*, void*))
      : signal_(signal) {
    struct sigaction action{};
    action.sa_flags = flags;
    if (full != nullptr) {
      action.sa_sigaction = full;
    } else {
      action.sa_handler = plain;
    }
    sigaction(signal, &action, &before_);
  }
  ~Handler() { sigaction(signal_, &before_, nullptr); }
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

 private:
  int signal_;
  struct sigaction before_;
};

}  // namespace ashlar
