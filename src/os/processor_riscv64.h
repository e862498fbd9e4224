// 64-bit RISC-V: who the thread is, and what its stack is walked by.
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

  // RISC-V psABI, DWARF register numbers; 32 is ours.
  static constexpr unsigned kFrameRegisters = 33;
  static constexpr unsigned kStackRegister = 2;
  static constexpr unsigned kFramePointerRegister = 8;
  static constexpr unsigned kCodeRegister = 32;
  static constexpr unsigned kReturnRegister = 1;
  static constexpr FrameChain kFrameChain{-16, -8};
  static constexpr SignalReturn kSignalReturn{
      {0x93, 0x08, 0xb0, 0x08, 0x73, 0x00, 0x00, 0x00}, 8, 128};

  ASHLAR_ALWAYS_INLINE static void read_registers(std::uintptr_t* registers) {
    asm volatile(
        "sd ra, 8(%0)\n\t"
        "sd sp, 16(%0)\n\t"
        "sd s0, 64(%0)\n\t"
        "sd s1, 72(%0)\n\t"
        "sd s2, 144(%0)\n\t"
        "sd s3, 152(%0)\n\t"
        "sd s4, 160(%0)\n\t"
        "sd s5, 168(%0)\n\t"
        "sd s6, 176(%0)\n\t"
        "sd s7, 184(%0)\n\t"
        "sd s8, 192(%0)\n\t"
        "sd s9, 200(%0)\n\t"
        "sd s10, 208(%0)\n\t"
        "sd s11, 216(%0)\n\t"
        "auipc t0, 0\n\t"
        "sd t0, 256(%0)"
        :
        : "r"(registers)
        : "t0", "memory");
  }

  template <class Context>
  static void read_context(const Context& context, std::uintptr_t* registers) {
    for (unsigned i = 1; i < 32; ++i) {
      registers[i] = context.uc_mcontext.__gregs[i];
    }
    registers[kCodeRegister] = context.uc_mcontext.__gregs[0];
  }
};

}  // namespace ashlar
