// What a processor's file need not say, where the compiler and Linux know nothing better.
#pragma once

#include <cstdint>

#include "base/compiler.h"
#include "os/fault.h"
#include "os/frame_chain.h"

namespace ashlar {

// A file's struct takes these over, and puts its own in the place of those that it has better. What
// each is for says processor.h.
struct PlainProcessor {
  ASHLAR_ALWAYS_INLINE static std::uintptr_t thread_pointer() {
    return reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer());
  }

  static constexpr std::uintptr_t kFrameBias = 0;
  static constexpr bool kHasTables = true;
  static constexpr FrameChain kFrameChain{0, 0};
  static constexpr SignalReturn kSignalReturn{{}, 0, 0};

  // Linux does not say what a fault was about.
  template <class Context>
  static FaultAccess access_of(const Context&) {
    return FaultAccess::kUnknown;
  }

  // Valgrind is not asked: nobody answers.
  static std::uintptr_t ask_valgrind(const volatile std::uintptr_t*) { return 0; }
};

}  // namespace ashlar
