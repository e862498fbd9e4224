// The processor that the library is built for, behind the concept ProcessorSupport: one small file
// each, picked here and nowhere else.
#pragma once

#include <concepts>
#include <cstdint>

#include "os/fault.h"

#if defined(__x86_64__) && defined(__LP64__)
#include "os/processor_x86_64.h"
#elif defined(__aarch64__) && defined(__LP64__)
#include "os/processor_aarch64.h"
#elif defined(__riscv) && __riscv_xlen == 64
#include "os/processor_riscv64.h"
#elif defined(__powerpc64__)
#include "os/processor_ppc64.h"
#elif defined(__s390x__)
#include "os/processor_s390x.h"
#elif defined(__i386__)
#include "os/processor_i386.h"
#elif defined(__arm__)
#include "os/processor_arm.h"
#else
#error "no file for this processor in src/os: docs/PORTING.md says what it owes"
#endif

namespace ashlar {

// All members are static. plain_processor.h has those that most processors share.
//
// * thread_pointer(): a number that differs between all threads alive, the address in the TLS
//   register; its low four bits are 0, and it is never 0
// * is_thread_pointer(id): whether that is it, in the least instructions
// * kFrameRegisters: registers that tables of frames speak of, and one for where a frame stands, if
//   they have none: kCodeRegister
// * kReturnRegister: the one that tables take for the return address
// * kFrameBias: what a frame's address in tables is above its caller's stack pointer
// * kHasTables: whether the C++ ABI has .eh_frame
// * kFrameChain: where frames of functions without tables are chained
// * kSignalReturn: how a handler returns, where that has no tables
// * read_registers(registers), inlined: those that a function has to preserve, the stack pointer,
//   the return address if a register holds it, and where it stands
// * read_context(context, registers): the same of interrupted code, from the system's ucontext_t
// * access_of(context): what a fault was about
// * ask_valgrind(request): a client request of six words; 0 where nobody listens
template <class P>
concept ProcessorSupport =
    requires(std::uintptr_t id, std::uintptr_t* registers, const volatile std::uintptr_t* request) {
      { P::thread_pointer() } -> std::same_as<std::uintptr_t>;
      { P::is_thread_pointer(id) } -> std::same_as<bool>;
      { P::read_registers(registers) } -> std::same_as<void>;
      { P::ask_valgrind(request) } -> std::same_as<std::uintptr_t>;
      requires P::kStackRegister < P::kFrameRegisters;
      requires P::kFramePointerRegister < P::kFrameRegisters;
      requires P::kReturnRegister < P::kFrameRegisters;
      requires P::kCodeRegister < P::kFrameRegisters;
      { P::kFrameBias } -> std::convertible_to<std::uintptr_t>;
      { P::kHasTables } -> std::convertible_to<bool>;
      { P::kFrameChain } -> std::convertible_to<FrameChain>;
      { P::kSignalReturn } -> std::convertible_to<SignalReturn>;
    };

static_assert(ProcessorSupport<Processor>);
struct NotAProcessor {};
static_assert(!ProcessorSupport<NotAProcessor>);

}  // namespace ashlar
