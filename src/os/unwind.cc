// Walking a stack, frame by frame, on Linux.
//
// Where objects are not found (glibc before 2.35, musl), and for code without tables (made at run
// time, say), chains of frame pointers are followed.
#include "os/unwind.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/integer.h"
#include "os/eh_frame.h"
#include "os/keep_errno.h"
#include "os/linux.h"
#include "os/loaded_object.h"

namespace ashlar {
namespace {

// The registers of a frame that its callers can be found by.
struct Machine {
  std::uintptr_t registers[kFrameRegisters] = {};
  std::uintptr_t& pc() { return registers[Processor::kCodeRegister]; }
  std::uintptr_t& stack() { return registers[Processor::kStackRegister]; }
  std::uintptr_t& frame() { return registers[Processor::kFramePointerRegister]; }
};

// What the stack holds, copied by the kernel, which says no where there is nothing instead of
// stopping the program. A piece at a time, since frames lie side by side.
class StackWindow : public StackMemory {
 public:
  StackWindow() : StackMemory{&read_word} {}

 private:
  static constexpr std::size_t kBytes = 512;

  static bool read_word(StackMemory& self, std::uintptr_t address, std::uintptr_t* value) {
    auto& window = static_cast<StackWindow&>(self);
    if (address - window.start_ > window.length_ ||
        window.length_ - (address - window.start_) < sizeof *value) {
      window.fill(address);
      if (window.length_ < sizeof *value) {
        return false;
      }
    }
    __builtin_memcpy(value, window.bytes_ + (address - window.start_), sizeof *value);
    return true;
  }

  // In two parts, so that the first is there where an OS page that can't be read begins.
  void fill(std::uintptr_t address) {
    KeepErrno keep;
    const std::uintptr_t edge = align_up(address + 1, Linux::page_size());
    const std::size_t first = edge - address < kBytes ? edge - address : kBytes;
    const iovec to{bytes_, kBytes};
    const iovec from[] = {{reinterpret_cast<void*>(address), first},
                          {reinterpret_cast<void*>(address + first), kBytes - first}};
    const long copied = syscall(SYS_process_vm_readv, static_cast<long>(getpid()), &to, 1UL, from,
                                first < kBytes ? 2UL : 1UL, 0UL);
    start_ = address;
    length_ = copied > 0                          ? static_cast<std::size_t>(copied)
              : errno == ENOSYS || errno == EPERM ? copy_readable(address, first)
                                                  : 0;
  }

  // Where the kernel does not copy (under qemu-user, in some sandboxes) it still says what may be
  // read: it reads a set of signals before it finds that it is not told what to do with it.
  static bool is_readable(std::uintptr_t address) {
    constexpr int kNothing = -1;
    const std::uintptr_t set = align_down(address, sizeof(std::uint64_t));
    return syscall(SYS_rt_sigprocmask, kNothing, set, nullptr, sizeof(std::uint64_t)) == 0 ||
           errno == EINVAL;
  }

  std::size_t copy_readable(std::uintptr_t address, std::size_t first) {
    std::size_t readable = 0;
    if (is_readable(address)) {
      readable = first < kBytes && is_readable(address + first) ? kBytes : first;
    }
    __builtin_memcpy(bytes_, reinterpret_cast<const void*>(address), readable);
    return readable;
  }

  std::uintptr_t start_ = 0;
  std::size_t length_ = 0;
  unsigned char bytes_[kBytes];
};

// Whether this code is in a library of its own, and the object is that library. Told by its name,
// too: a program's own library may carry this code beside its own.
bool is_own_library(const LoadedObject& object) {
  return object.holds(address_of(reinterpret_cast<const void*>(&is_own_library))) &&
         object.path != nullptr && strstr(object.path, "/libashlar") != nullptr;
}

class Walk {
 public:
  explicit Walk(const Machine& machine, bool exact) : machine_(machine), exact_(exact) {}

  // An address within the instruction that the frame stands at.
  std::uintptr_t code() { return exact_ ? machine_.pc() : machine_.pc() - 1; }

  bool is_own() { return find() && is_own_library(object_); }

  // Goes to the caller's frame; false where there is none, or it can't be found.
  bool next() {
    FrameDescription description;
    if (Processor::kHasTables && find() && object_.frame_tables != nullptr &&
        find_description(object_.frame_tables, code(), &description)) {
      return by_tables(description);
    }
    return by_signal_return() || by_frame_pointer();
  }

 private:
  // Most frames lie in the object of the one before.
  bool find() {
    const std::uintptr_t address = code();
    if (found_ && object_.holds(address)) {
      return true;
    }
    found_ = find_loaded_object(address, &object_);
    return found_;
  }

  bool read(std::uintptr_t address, std::uintptr_t* value) {
    return memory_.read(memory_, address, value);
  }

  bool by_tables(const FrameDescription& description) {
    FrameRow row;
    std::uintptr_t cfa = 0;
    if (!find_row(description, code(), &row) || !find_cfa(description, row, &cfa)) {
      return false;
    }
    Machine caller = machine_;
    caller.stack() = cfa - Processor::kFrameBias;  // where the tables do not say otherwise
    for (unsigned i = 0; i < kFrameRegisters; ++i) {
      if (!find_register(description, row, cfa, i, &caller.registers[i])) {
        return false;
      }
    }
    if (row.rules[description.return_register] == FrameRule::kUndefined) {
      return false;  // the outermost one says so
    }
    // A frame that was called lies below its caller's, unless the call stored nothing and neither
    // did the function. A signal may have come on another stack.
    const bool is_empty = exact_ && caller.stack() == machine_.stack();
    if (!description.is_signal_frame && !is_empty && caller.stack() <= machine_.stack()) {
      return false;
    }
    caller.pc() = caller.registers[description.return_register];
    machine_ = caller;
    exact_ = description.is_signal_frame;
    return machine_.pc() != 0;
  }

  bool find_cfa(const FrameDescription& description, const FrameRow& row, std::uintptr_t* cfa) {
    if (row.cfa_expression != 0) {
      return evaluate(description, row.cfa_expression, machine_.registers, nullptr, memory_, cfa);
    }
    if (row.cfa_register >= kFrameRegisters) {
      return false;
    }
    *cfa = machine_.registers[row.cfa_register] + static_cast<std::uintptr_t>(row.cfa_offset);
    return true;
  }

  bool find_register(const FrameDescription& description, const FrameRow& row, std::uintptr_t cfa,
                     unsigned number, std::uintptr_t* value) {
    const std::uintptr_t at = cfa + static_cast<std::uintptr_t>(std::intptr_t{row.values[number]});
    std::uintptr_t place = 0;
    switch (row.rules[number]) {
      case FrameRule::kAtOffset:
        return read(at, value);
      case FrameRule::kOffset:
        *value = at;
        return true;
      case FrameRule::kRegister: {
        const auto other = static_cast<unsigned>(row.values[number]);
        *value = other < kFrameRegisters ? machine_.registers[other] : 0;
        return other < kFrameRegisters;
      }
      case FrameRule::kAtExpression:
        return evaluate(description, row.values[number], machine_.registers, &cfa, memory_,
                        &place) &&
               read(place, value);
      case FrameRule::kExpression:
        return evaluate(description, row.values[number], machine_.registers, &cfa, memory_, value);
      case FrameRule::kSame:
      case FrameRule::kUndefined:
        return true;
    }
    return false;
  }

  bool by_signal_return() {
    constexpr SignalReturn kReturn = Processor::kSignalReturn;
    std::uintptr_t word = 0;
    if (kReturn.bytes == 0 || !read(machine_.pc(), &word) ||
        memcmp(&word, kReturn.code, kReturn.bytes) != 0) {
      return false;
    }
    const std::uintptr_t at = machine_.stack() + kReturn.context;
    for (std::size_t offset = 0; offset < sizeof(ucontext_t); offset += kKiB) {
      if (!read(at + offset, &word)) {
        return false;
      }
    }
    machine_ = {};
    Processor::read_context(*reinterpret_cast<const ucontext_t*>(at), machine_.registers);
    exact_ = true;
    return machine_.pc() != 0;
  }

  bool by_frame_pointer() {
    constexpr FrameChain kChain = Processor::kFrameChain;
    const std::uintptr_t frame = machine_.frame();
    std::uintptr_t outer = 0;
    std::uintptr_t pc = 0;
    if (kChain.outer == kChain.code || frame < machine_.stack() ||
        !is_aligned(frame, sizeof frame) ||
        !read(frame + static_cast<std::uintptr_t>(kChain.outer), &outer) ||
        !read(frame + static_cast<std::uintptr_t>(kChain.code), &pc) ||
        (outer != 0 && outer <= frame)) {
      return false;
    }
    machine_.pc() = pc;
    machine_.frame() = outer;
    machine_.stack() = frame + static_cast<std::uintptr_t>(kChain.code) + sizeof frame;
    exact_ = false;
    return pc != 0;
  }

  Machine machine_;
  bool exact_;  // interrupted there; else pc is behind a call
  bool found_ = false;
  LoadedObject object_;
  StackWindow memory_;
};

// From where the walk stands.
std::size_t collect(Walk& walk, std::uintptr_t* frames, std::size_t most) {
  std::size_t count = 0;
  while (count < most) {
    frames[count++] = walk.code();
    if (!walk.next()) {
      break;
    }
  }
  return count;
}

}  // namespace

ASHLAR_NOINLINE std::size_t unwind_here(std::uintptr_t* frames, std::size_t most) {
  Machine machine;
  Processor::read_registers(machine.registers);
  Walk walk(machine, true);
  do {
    if (!walk.next()) {
      return 0;
    }
  } while (walk.is_own());
  return collect(walk, frames, most);
}

std::size_t unwind_interrupted(const void* context, std::uintptr_t* frames, std::size_t most) {
  Machine machine;
  Processor::read_context(*static_cast<const ucontext_t*>(context), machine.registers);
  Walk walk(machine, true);
  return collect(walk, frames, most);
}

CodePlace find_code(std::uintptr_t address) {
  LoadedObject object;
  if (!find_loaded_object(address, &object) || object.path == nullptr) {
    return {nullptr, address};
  }
  return {object.path, address - object.base};
}

}  // namespace ashlar
