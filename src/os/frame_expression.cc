// Expressions in tables of frames: a little stack machine. PLT entries, frames of signals and
// functions that align their stack have them.
#include "os/eh_frame.h"

namespace ashlar {
namespace {

// Words on the stack of an expression, and its steps. Compilers and libc need four, and ten.
constexpr std::size_t kExpressionDepth = 16;
constexpr int kExpressionSteps = 100;

// The stack of an expression. What it lacks reads as zero and is not ok.
class Operands {
 public:
  bool ok() const { return ok_; }
  void push(std::uintptr_t value) {
    if (depth_ == kExpressionDepth) {
      ok_ = false;
      return;
    }
    words_[depth_++] = value;
  }
  std::uintptr_t pop() {
    if (depth_ == 0) {
      ok_ = false;
      return 0;
    }
    return words_[--depth_];
  }
  std::uintptr_t pick(std::size_t from_top) {
    if (from_top >= depth_) {
      ok_ = false;
      return 0;
    }
    return words_[depth_ - 1 - from_top];
  }

 private:
  std::uintptr_t words_[kExpressionDepth];
  std::size_t depth_ = 0;
  bool ok_ = true;
};

// Operations on the two upper words, by their numbers in DWARF 5, table 7.9.
bool apply(std::uint8_t operation, Operands& stack) {
  const std::uintptr_t right = stack.pop();
  const std::uintptr_t left = stack.pop();
  const auto signed_left = static_cast<std::intptr_t>(left);
  const auto signed_right = static_cast<std::intptr_t>(right);
  switch (operation) {
    case 0x1a:  // and
      stack.push(left & right);
      break;
    case 0x1c:  // minus
      stack.push(left - right);
      break;
    case 0x1e:  // mul
      stack.push(left * right);
      break;
    case 0x21:  // or
      stack.push(left | right);
      break;
    case 0x22:  // plus
      stack.push(left + right);
      break;
    case 0x24:  // shl
      stack.push(right < 64 ? left << right : 0);
      break;
    case 0x25:  // shr
      stack.push(right < 64 ? left >> right : 0);
      break;
    case 0x27:  // xor
      stack.push(left ^ right);
      break;
    case 0x29:  // eq
      stack.push(left == right);
      break;
    case 0x2a:  // ge
      stack.push(signed_left >= signed_right);
      break;
    case 0x2b:  // gt
      stack.push(signed_left > signed_right);
      break;
    case 0x2c:  // le
      stack.push(signed_left <= signed_right);
      break;
    case 0x2d:  // lt
      stack.push(signed_left < signed_right);
      break;
    case 0x2e:  // ne
      stack.push(left != right);
      break;
    default:
      return false;
  }
  return true;
}

// Operations that push a constant; false for any other.
bool push_constant(std::uint8_t operation, FrameBytes& bytes, Operands& stack) {
  const auto as_word = [](std::int64_t value) { return static_cast<std::uintptr_t>(value); };
  if (operation >= 0x30 && operation <= 0x4f) {  // lit0 and on
    stack.push(operation - 0x30U);
    return true;
  }
  switch (operation) {
    case 0x03:  // addr
      stack.push(bytes.fixed<std::uintptr_t>());
      break;
    case 0x08:  // const1u
      stack.push(bytes.byte());
      break;
    case 0x09:  // const1s
      stack.push(as_word(bytes.fixed<std::int8_t>()));
      break;
    case 0x0a:  // const2u
      stack.push(bytes.fixed<std::uint16_t>());
      break;
    case 0x0b:  // const2s
      stack.push(as_word(bytes.fixed<std::int16_t>()));
      break;
    case 0x0c:  // const4u
      stack.push(bytes.fixed<std::uint32_t>());
      break;
    case 0x0d:  // const4s
      stack.push(as_word(bytes.fixed<std::int32_t>()));
      break;
    case 0x0e:  // const8u
    case 0x0f:  // const8s
      stack.push(static_cast<std::uintptr_t>(bytes.fixed<std::uint64_t>()));
      break;
    case 0x10:  // constu
      stack.push(static_cast<std::uintptr_t>(bytes.unsigned_number()));
      break;
    case 0x11:  // consts
      stack.push(as_word(bytes.signed_number()));
      break;
    default:
      return false;
  }
  return true;
}

}  // namespace

bool evaluate(const FrameDescription& description, std::int32_t expression,
              const std::uintptr_t (&registers)[kFrameRegisters], const std::uintptr_t* first,
              StackMemory& memory, std::uintptr_t* result) {
  const std::uint8_t* const start = description.base + expression;
  FrameBytes length(start, start + 10);
  const std::uint64_t size = length.unsigned_number();
  FrameBytes bytes(length.at(), length.at() + size);
  Operands stack;
  if (first != nullptr) {
    stack.push(*first);
  }
  for (int left = kExpressionSteps; !bytes.is_empty() && left != 0; --left) {
    const std::uint8_t operation = bytes.byte();
    if (push_constant(operation, bytes, stack)) {
      continue;
    }
    if (operation >= 0x70 && operation <= 0x8f) {  // breg0 and on
      const std::int64_t offset = bytes.signed_number();
      if (operation - 0x70U >= kFrameRegisters) {
        return false;
      }
      stack.push(registers[operation - 0x70] + static_cast<std::uintptr_t>(offset));
      continue;
    }
    std::uintptr_t word = 0;
    switch (operation) {
      case 0x06:  // deref
        if (!memory.read(memory, stack.pop(), &word)) {
          return false;
        }
        stack.push(word);
        break;
      case 0x12:  // dup
        stack.push(stack.pick(0));
        break;
      case 0x13:  // drop
        stack.pop();
        break;
      case 0x14:  // over
        stack.push(stack.pick(1));
        break;
      case 0x15:  // pick
        stack.push(stack.pick(bytes.byte()));
        break;
      case 0x23:  // plus_uconst
        stack.push(stack.pop() + static_cast<std::uintptr_t>(bytes.unsigned_number()));
        break;
      case 0x96:  // nop
        break;
      default:
        if (!apply(operation, stack)) {
          return false;
        }
    }
    if (!stack.ok()) {
      return false;
    }
  }
  *result = stack.pick(0);
  return bytes.ok() && bytes.is_empty() && stack.ok();
}

}  // namespace ashlar
