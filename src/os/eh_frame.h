// What compilers say of how to leave a function: the tables in .eh_frame, and what they say at one
// instruction. Reading only, of memory that the loader has mapped. Walking a stack is unwind.h's.
//
// Sources: DWARF 5, sections 6.4 (call frame information) and 2.5 (expressions); LSB Core 5.0,
// section 10.6 (exception frames: .eh_frame, .eh_frame_hdr, pointer encodings).
#pragma once

#include <cstddef>
#include <cstdint>

#include "os/processor.h"

namespace ashlar {

inline constexpr unsigned kFrameRegisters = Processor::kFrameRegisters;

// A piece of a table, read from front to back. What leaves it reads as zero and is not ok.
class FrameBytes {
 public:
  FrameBytes() = default;
  FrameBytes(const std::uint8_t* begin, const std::uint8_t* end) : at_(begin), end_(end) {}

  bool ok() const { return ok_; }
  bool is_empty() const { return at_ == end_; }
  const std::uint8_t* at() const { return at_; }
  const std::uint8_t* end() const { return end_; }

  template <class T>
  T fixed() {
    T value{};
    if (sizeof(T) > left()) {
      fail();
      return value;
    }
    __builtin_memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  std::uint8_t byte() { return fixed<std::uint8_t>(); }
  std::uint64_t unsigned_number();  // LEB128
  std::int64_t signed_number();
  // An address in one of the encodings of LSB 10.5; `data` is what "relative to data" means.
  std::uintptr_t encoded(std::uint8_t encoding, std::uintptr_t data);
  void skip(std::uint64_t bytes);
  // The next bytes as a piece of their own.
  FrameBytes take(std::uint64_t bytes);

 private:
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  void fail() {
    ok_ = false;
    at_ = end_;
  }

  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  bool ok_ = true;
};

// The tables of one function.
struct FrameDescription {
  const std::uint8_t* base = nullptr;  // expressions are told by their distance from here
  FrameBytes initial;                  // instructions for the function's first address
  FrameBytes program;                  // and for what follows
  std::uintptr_t begin = 0;            // of the function
  std::uintptr_t size = 0;
  std::uint64_t code_factor = 1;
  std::int64_t data_factor = 1;
  std::uint64_t return_register = Processor::kReturnRegister;
  bool is_signal_frame = false;  // the caller was interrupted, and did not call
};

// How to find a register of the caller.
enum class FrameRule : std::uint8_t {
  kSame,
  kUndefined,
  kAtOffset,      // in memory at the CFA plus the value
  kOffset,        // is the CFA plus the value
  kRegister,      // in the register of that number
  kAtExpression,  // in memory where the expression says
  kExpression,    // what the expression says
};

// What the tables say at one instruction. Small, since some of these stand on a signal stack.
struct FrameRow {
  std::int64_t cfa_offset = 0;
  std::int32_t cfa_expression = 0;  // from the description's base; 0: register and offset
  std::uint32_t cfa_register = 0;
  std::int32_t values[kFrameRegisters] = {};
  FrameRule rules[kFrameRegisters] = {};
};

// The tables of the function that holds an address, from an object's .eh_frame_hdr; false where it
// has none for it. Complexity: logarithmic in the functions of the object.
bool find_description(const void* header, std::uintptr_t code, FrameDescription* description);

// What they say at that address; false for what this does not know.
bool find_row(const FrameDescription& description, std::uintptr_t code, FrameRow* row);

// Memory of the stack, of which nothing may be taken for granted: a read says false where there is
// none. (No virtual function: the library has no C++ run time.)
struct StackMemory {
  bool (*read)(StackMemory& self, std::uintptr_t address, std::uintptr_t* value);
};

// The value of an expression (at its length) that begins with `first` on its stack, if any.
bool evaluate(const FrameDescription& description, std::int32_t expression,
              const std::uintptr_t (&registers)[kFrameRegisters], const std::uintptr_t* first,
              StackMemory& memory, std::uintptr_t* result);

}  // namespace ashlar
