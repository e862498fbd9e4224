// 32-bit ARM: who the thread is, and what its stack is walked by.
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

  // DWARF for the Arm Architecture. Its tables of frames are of another kind, and not read.
  static constexpr unsigned kFrameRegisters = 16;
  static constexpr unsigned kStackRegister = 13;
  static constexpr unsigned kFramePointerRegister = 11;
  static constexpr unsigned kCodeRegister = 15;
  static constexpr unsigned kReturnRegister = 14;
  static constexpr bool kHasTables = false;

  ASHLAR_ALWAYS_INLINE static void read_registers(std::uintptr_t* registers) {
    registers[kStackRegister] = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  }

  template <class Context>
  static void read_context(const Context& context, std::uintptr_t* registers) {
    registers[kStackRegister] = context.uc_mcontext.arm_sp;
    registers[kCodeRegister] = context.uc_mcontext.arm_pc;
  }

  // As Linux passes the fault status register on: bit 11 says that it was a write.
  template <class Context>
  static FaultAccess access_of(const Context& context) {
    return (context.uc_mcontext.error_code & 1U << 11U) != 0 ? FaultAccess::kWrite
                                                             : FaultAccess::kRead;
  }
};

}  // namespace ashlar
