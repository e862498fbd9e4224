// 32-bit x86: who the thread is, and what its stack is walked by.
// What each member is for says processor.h.
#pragma once

#include <cstdint>

#include "base/compiler.h"
#include "os/plain_processor.h"

namespace ashlar {

struct Processor : PlainProcessor {
  ASHLAR_ALWAYS_INLINE static bool is_thread_pointer(std::uintptr_t id) {
    return id == thread_pointer();
  }

  // i386 psABI, table 2.14.
  static constexpr unsigned kFrameRegisters = 9;
  static constexpr unsigned kStackRegister = 4;
  static constexpr unsigned kFramePointerRegister = 5;
  static constexpr unsigned kCodeRegister = 8;
  static constexpr unsigned kReturnRegister = 8;
  static constexpr FrameChain kFrameChain{0, 4};

  ASHLAR_ALWAYS_INLINE static void read_registers(std::uintptr_t* registers) {
    asm volatile(
        "movl %%ebx, 12(%0)\n\t"
        "movl %%esp, 16(%0)\n\t"
        "movl %%ebp, 20(%0)\n\t"
        "movl %%esi, 24(%0)\n\t"
        "movl %%edi, 28(%0)\n\t"
        "call 0f\n\t"
        "0: popl %%eax\n\t"
        "movl %%eax, 32(%0)"
        :
        : "d"(registers)
        : "eax", "memory");
  }

  template <class Context>
  static void read_context(const Context& context, std::uintptr_t* registers) {
    // Where Linux keeps what tables know as 0, 1, ...: REG_EAX, REG_ECX and so on.
    constexpr unsigned char kPlaces[kFrameRegisters] = {11, 10, 9, 8, 7, 6, 5, 4, 14};
    for (unsigned i = 0; i < kFrameRegisters; ++i) {
      registers[i] = static_cast<std::uintptr_t>(context.uc_mcontext.gregs[kPlaces[i]]);
    }
  }

  // As on x86-64.
  template <class Context>
  static FaultAccess access_of(const Context& context) {
    constexpr int kError = 13;
    return (context.uc_mcontext.gregs[kError] & 2) != 0 ? FaultAccess::kWrite : FaultAccess::kRead;
  }
};

}  // namespace ashlar
