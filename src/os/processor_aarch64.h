// 64-bit ARM: who the thread is, and what its stack is walked by.
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

  // DWARF for the Arm 64-bit Architecture, section 4.1; 32 is ours.
  static constexpr unsigned kFrameRegisters = 33;
  static constexpr unsigned kStackRegister = 31;
  static constexpr unsigned kFramePointerRegister = 29;
  static constexpr unsigned kCodeRegister = 32;
  static constexpr unsigned kReturnRegister = 30;
  static constexpr FrameChain kFrameChain{0, 8};
  static constexpr SignalReturn kSignalReturn{
      {0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4}, 8, 128};

  ASHLAR_ALWAYS_INLINE static void read_registers(std::uintptr_t* registers) {
    asm volatile(
        "stp x19, x20, [%0, #152]\n\t"
        "stp x21, x22, [%0, #168]\n\t"
        "stp x23, x24, [%0, #184]\n\t"
        "stp x25, x26, [%0, #200]\n\t"
        "stp x27, x28, [%0, #216]\n\t"
        "stp x29, x30, [%0, #232]\n\t"
        "mov x9, sp\n\t"
        "adr x10, .\n\t"
        "stp x9, x10, [%0, #248]"
        :
        : "r"(registers)
        : "x9", "x10", "memory");
  }

  template <class Context>
  static void read_context(const Context& context, std::uintptr_t* registers) {
    for (unsigned i = 0; i < kStackRegister; ++i) {
      registers[i] = context.uc_mcontext.regs[i];
    }
    registers[kStackRegister] = context.uc_mcontext.sp;
    registers[kCodeRegister] = context.uc_mcontext.pc;
  }

  // Linux puts the syndrome register among the records behind the registers. Its bit 6 says whether
  // a data abort was about a write (Arm ARM, ESR_EL1).
  template <class Context>
  static FaultAccess access_of(const Context& context) {
    constexpr std::uint32_t kSyndrome = 0x45535201;
    constexpr std::uint64_t kDataAbort = 0x24;  // in a program
    const auto* record = &context.uc_mcontext.__reserved[0];
    const auto* const end = record + sizeof context.uc_mcontext.__reserved;
    std::uint32_t head[2] = {};  // what it is, and its bytes
    while (record + sizeof head <= end) {
      __builtin_memcpy(head, record, sizeof head);
      if (head[0] == kSyndrome) {
        std::uint64_t syndrome = 0;
        __builtin_memcpy(&syndrome, record + sizeof head, sizeof syndrome);
        return syndrome >> 26 != kDataAbort ? FaultAccess::kUnknown
               : (syndrome & 1U << 6U) != 0 ? FaultAccess::kWrite
                                            : FaultAccess::kRead;
      }
      if (head[1] < sizeof head) {
        break;
      }
      record += head[1];
    }
    return FaultAccess::kUnknown;
  }

  ASHLAR_ALWAYS_INLINE static std::uintptr_t ask_valgrind(const volatile std::uintptr_t* request) {
    std::uintptr_t answer = 0;
    asm volatile(
        "mov x3, %1\n\t"
        "mov x4, %2\n\t"
        "ror x12, x12, #3 ; ror x12, x12, #13\n\t"
        "ror x12, x12, #51 ; ror x12, x12, #61\n\t"
        "orr x10, x10, x10\n\t"
        "mov %0, x3"
        : "=r"(answer)
        : "r"(answer), "r"(request)
        : "cc", "memory", "x3", "x4");
    return answer;
  }
};

}  // namespace ashlar
