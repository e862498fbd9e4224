// 64-bit POWER: who the thread is, and what its stack is walked by.
// What each member is for says processor.h.
#pragma once

#include <cstdint>

#include "base/compiler.h"
#include "os/plain_processor.h"

namespace ashlar {

struct Processor : PlainProcessor {
  ASHLAR_ALWAYS_INLINE static std::uintptr_t thread_pointer() {
    std::uintptr_t id;
    asm("mr %0, 13" : "=r"(id));
    return id;
  }
  ASHLAR_ALWAYS_INLINE static bool is_thread_pointer(std::uintptr_t id) {
    return id == thread_pointer();
  }

  // OpenPOWER ELF V2 ABI, section 2.4; 66 is ours.
  static constexpr unsigned kFrameRegisters = 67;
  static constexpr unsigned kStackRegister = 1;
  static constexpr unsigned kFramePointerRegister = 31;
  static constexpr unsigned kCodeRegister = 66;
  static constexpr unsigned kReturnRegister = 65;
  static constexpr SignalReturn kSignalReturn{
      {0x80, 0x00, 0x21, 0x38, 0xac, 0x00, 0x00, 0x38}, 8, 128};

  ASHLAR_ALWAYS_INLINE static void read_registers(std::uintptr_t* registers) {
    asm volatile(
        "std 1, 8(%0)\n\t"
        "std 14, 112(%0)\n\t"
        "std 15, 120(%0)\n\t"
        "std 16, 128(%0)\n\t"
        "std 17, 136(%0)\n\t"
        "std 18, 144(%0)\n\t"
        "std 19, 152(%0)\n\t"
        "std 20, 160(%0)\n\t"
        "std 21, 168(%0)\n\t"
        "std 22, 176(%0)\n\t"
        "std 23, 184(%0)\n\t"
        "std 24, 192(%0)\n\t"
        "std 25, 200(%0)\n\t"
        "std 26, 208(%0)\n\t"
        "std 27, 216(%0)\n\t"
        "std 28, 224(%0)\n\t"
        "std 29, 232(%0)\n\t"
        "std 30, 240(%0)\n\t"
        "std 31, 248(%0)\n\t"
        "mflr 0\n\t"
        "std 0, 520(%0)\n\t"
        "bcl 20, 31, 0f\n\t"
        "0: mflr 0\n\t"
        "std 0, 528(%0)"
        :
        : "b"(registers)
        : "r0", "lr", "memory");
  }

  template <class Context>
  static void read_context(const Context& context, std::uintptr_t* registers) {
    constexpr int kNextInstruction = 32;
    constexpr int kLink = 36;
    for (unsigned i = 0; i < 32; ++i) {
      registers[i] = context.uc_mcontext.gp_regs[i];
    }
    registers[kReturnRegister] = context.uc_mcontext.gp_regs[kLink];
    registers[kCodeRegister] = context.uc_mcontext.gp_regs[kNextInstruction];
  }
};

}  // namespace ashlar
