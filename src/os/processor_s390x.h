// IBM Z: who the thread is, and what its stack is walked by.
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

  // s390x ELF ABI supplement, section 1.6; 16 is ours.
  static constexpr unsigned kFrameRegisters = 17;
  static constexpr unsigned kStackRegister = 15;
  static constexpr unsigned kFramePointerRegister = 11;
  static constexpr unsigned kCodeRegister = 16;
  static constexpr unsigned kReturnRegister = 14;
  static constexpr std::uintptr_t kFrameBias = 160;
  static constexpr SignalReturn kSignalReturn{{0x0a, 0xad}, 2, 296};

  ASHLAR_ALWAYS_INLINE static void read_registers(std::uintptr_t* registers) {
    asm volatile(
        "stmg %%r0, %%r15, 0(%0)\n\t"
        "larl %%r1, .\n\t"
        "stg %%r1, 128(%0)"
        :
        : "a"(registers)
        : "r1", "memory");
  }

  template <class Context>
  static void read_context(const Context& context, std::uintptr_t* registers) {
    for (unsigned i = 0; i <= kStackRegister; ++i) {
      registers[i] = context.uc_mcontext.gregs[i];
    }
    registers[kCodeRegister] = context.uc_mcontext.psw.addr;
  }
};

}  // namespace ashlar
