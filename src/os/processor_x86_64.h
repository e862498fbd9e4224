// x86-64: who the thread is, and what its stack is walked by.
// What each member is for says processor.h.
#pragma once

#include <cstdint>

#include "base/compiler.h"
#include "os/plain_processor.h"

namespace ashlar {

struct Processor : PlainProcessor {
  ASHLAR_ALWAYS_INLINE static std::uintptr_t thread_pointer() {
    std::uintptr_t id;
    // The x86-64 psABI keeps the thread pointer itself at offset 0 of the TLS segment.
    asm("movq %%fs:0, %0" : "=r"(id));
    return id;
  }
  ASHLAR_ALWAYS_INLINE static bool is_thread_pointer(std::uintptr_t id) {
    bool same;
    // The comparison takes its operand straight from the TLS segment.
    asm("cmpq %%fs:0, %1" : "=@ccz"(same) : "r"(id));
    return same;
  }

  // x86-64 psABI, figure 3.36.
  static constexpr unsigned kFrameRegisters = 17;
  static constexpr unsigned kStackRegister = 7;
  static constexpr unsigned kFramePointerRegister = 6;
  static constexpr unsigned kCodeRegister = 16;
  static constexpr unsigned kReturnRegister = 16;
  static constexpr FrameChain kFrameChain{0, 8};

  // NOLINTNEXTLINE(readability-non-const-parameter): written by the instructions.
  ASHLAR_ALWAYS_INLINE static void read_registers(std::uintptr_t* registers) {
    asm volatile(
        "movq %%rbx, 24(%0)\n\t"
        "movq %%rbp, 48(%0)\n\t"
        "movq %%rsp, 56(%0)\n\t"
        "movq %%r12, 96(%0)\n\t"
        "movq %%r13, 104(%0)\n\t"
        "movq %%r14, 112(%0)\n\t"
        "movq %%r15, 120(%0)\n\t"
        "leaq 0(%%rip), %%rax\n\t"
        "movq %%rax, 128(%0)"
        :
        : "r"(registers)
        : "rax", "memory");
  }

  template <class Context>
  static void read_context(const Context& context, std::uintptr_t* registers) {
    // Where Linux keeps what tables know as 0, 1, ...: REG_RAX, REG_RDX and so on.
    constexpr unsigned char kPlaces[kFrameRegisters] = {13, 12, 14, 11, 9, 8, 10, 15, 0,
                                                        1,  2,  3,  4,  5, 6, 7,  16};
    for (unsigned i = 0; i < kFrameRegisters; ++i) {
      registers[i] = static_cast<std::uintptr_t>(context.uc_mcontext.gregs[kPlaces[i]]);
    }
  }

  // The error code of a page fault: bit 1 says what the processor was about to do (Intel SDM 3A,
  // section 4.7).
  template <class Context>
  static FaultAccess access_of(const Context& context) {
    constexpr int kError = 19;
    return (context.uc_mcontext.gregs[kError] & 2) != 0 ? FaultAccess::kWrite : FaultAccess::kRead;
  }

  ASHLAR_ALWAYS_INLINE static std::uintptr_t ask_valgrind(const volatile std::uintptr_t* request) {
    std::uintptr_t answer = 0;
    asm volatile(
        "rolq $3, %%rdi ; rolq $13, %%rdi\n\t"
        "rolq $61, %%rdi ; rolq $51, %%rdi\n\t"
        "xchgq %%rbx, %%rbx"
        : "=d"(answer)
        : "a"(request), "0"(answer)
        : "cc", "memory");
    return answer;
  }
};

}  // namespace ashlar
