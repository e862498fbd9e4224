// Interpreting .eh_frame: descriptions and rows. Expressions are frame_expression.cc's.
#include "os/eh_frame.h"

namespace ashlar {
namespace {

// Encodings of addresses: the low half says how wide, the high one relative to what.
constexpr std::uint8_t kOmitted = 0xff;
constexpr std::uint8_t kRelativeToHere = 0x10;
constexpr std::uint8_t kRelativeToData = 0x30;
constexpr std::uint8_t kIndirect = 0x80;
constexpr std::uint8_t kSortedTable = 0x3b;  // 4 signed bytes, relative to the header

constexpr std::uint32_t kLongLength = 0xffffffff;

// Rows that a program may have set aside at a time. Compilers need one.
constexpr std::size_t kSavedRows = 4;

struct Sorted {
  std::int32_t begin;        // of a function, from the header on
  std::int32_t description;  // the same for its tables
};

std::uintptr_t address_at(const void* base, std::int64_t distance) {
  return reinterpret_cast<std::uintptr_t>(base) + static_cast<std::uintptr_t>(distance);
}

// A record behind its length; nothing where the section ends.
FrameBytes record_at(const std::uint8_t* start) {
  FrameBytes bytes(start, start + 12);
  std::uint64_t length = bytes.fixed<std::uint32_t>();
  if (length == kLongLength) {
    length = bytes.fixed<std::uint64_t>();
  }
  return {bytes.at(), bytes.at() + length};
}

// The part that functions share. True where all of it is known.
bool read_common(const std::uint8_t* start, std::uint8_t* encoding, bool* has_augmentation,
                 FrameDescription* description) {
  FrameBytes bytes = record_at(start);
  if (bytes.fixed<std::uint32_t>() != 0) {
    return false;
  }
  const std::uint8_t version = bytes.byte();
  if (version != 1 && version != 3) {
    return false;
  }
  const auto* augmentation = reinterpret_cast<const char*>(bytes.at());
  while (bytes.ok() && bytes.byte() != 0) {
  }
  description->code_factor = bytes.unsigned_number();
  description->data_factor = bytes.signed_number();
  description->return_register = version == 1 ? bytes.byte() : bytes.unsigned_number();
  *encoding = 0;
  *has_augmentation = *augmentation == 'z';
  if (*has_augmentation) {
    FrameBytes data = bytes.take(bytes.unsigned_number());
    while (*++augmentation != '\0' && data.ok()) {
      switch (*augmentation) {
        case 'R':
          *encoding = data.byte();
          break;
        case 'P': {
          const std::uint8_t of_routine = data.byte();
          data.encoded(of_routine & static_cast<std::uint8_t>(~kIndirect), 0);
          break;
        }
        case 'L':
          data.byte();
          break;
        case 'S':
          description->is_signal_frame = true;
          break;
        default:
          return false;
      }
    }
  } else if (*augmentation != '\0') {
    return false;
  }
  description->initial = bytes;
  return bytes.ok() && description->return_register < kFrameRegisters;
}

bool read_description(const std::uint8_t* start, FrameDescription* description) {
  FrameBytes bytes = record_at(start);
  description->base = start;
  const std::uint8_t* const here = bytes.at();
  const std::uint32_t back = bytes.fixed<std::uint32_t>();
  std::uint8_t encoding = 0;
  bool has_augmentation = false;
  if (back == 0 || !read_common(here - back, &encoding, &has_augmentation, description)) {
    return false;
  }
  description->begin = bytes.encoded(encoding, 0);
  description->size = bytes.encoded(encoding & 0x0f, 0);
  if (has_augmentation) {
    bytes.skip(bytes.unsigned_number());
  }
  description->program = bytes;
  return bytes.ok();
}

// Executes the instructions of a description.
class Program {
 public:
  Program(const FrameDescription& description, std::uintptr_t code, FrameRow* row)
      : description_(description), code_(code), at_(description.begin), row_(*row) {}

  // Up to the row that `code` lies in; false for what this does not know.
  bool run(FrameBytes bytes) {
    while (!bytes.is_empty() && bytes.ok()) {
      const std::uint8_t instruction = bytes.byte();
      const std::uint8_t operand = instruction & 0x3f;
      bool known = true;
      switch (instruction >> 6) {
        case 1:
          at_ += operand * code_factor();
          break;
        case 2:
          set(operand, FrameRule::kAtOffset, factored(bytes.unsigned_number()));
          break;
        case 3:
          restore(operand);
          break;
        default:
          known = run_long(instruction, bytes);
      }
      if (!known) {
        return false;
      }
      if (at_ > code_) {
        return true;
      }
    }
    return bytes.ok();
  }

  void keep_initial() { initial_ = row_; }

 private:
  std::uintptr_t code_factor() const {
    return static_cast<std::uintptr_t>(description_.code_factor);
  }
  std::int64_t factored(std::uint64_t offset) const {
    return static_cast<std::int64_t>(offset) * description_.data_factor;
  }
  std::int64_t factored_signed(std::int64_t offset) const {
    return offset * description_.data_factor;
  }

  void set(std::uint64_t number, FrameRule rule, std::int64_t value) {
    if (number < kFrameRegisters) {
      row_.rules[number] = rule;
      row_.values[number] = static_cast<std::int32_t>(value);
    }
  }

  void restore(std::uint64_t number) {
    if (number < kFrameRegisters) {
      row_.rules[number] = initial_.rules[number];
      row_.values[number] = initial_.values[number];
    }
  }

  void set_cfa(std::uint64_t number, std::int64_t offset) {
    row_.cfa_expression = 0;
    row_.cfa_register = static_cast<std::uint32_t>(number);
    row_.cfa_offset = offset;
  }

  // Steps over an expression; where it lies.
  std::int32_t expression(FrameBytes& bytes) const {
    const auto place = static_cast<std::int32_t>(bytes.at() - description_.base);
    bytes.skip(bytes.unsigned_number());
    return place;
  }

  bool run_long(std::uint8_t instruction, FrameBytes& bytes);

  const FrameDescription& description_;
  const std::uintptr_t code_;
  std::uintptr_t at_;
  FrameRow& row_;
  FrameRow initial_;
  FrameRow saved_[kSavedRows];
  std::size_t saved_count_ = 0;
};

// The instructions with a byte of their own, by their numbers in DWARF 5, table 7.29.
bool Program::run_long(std::uint8_t instruction, FrameBytes& bytes) {
  const auto advance = [this](std::uint64_t units) {
    at_ += static_cast<std::uintptr_t>(units) * code_factor();
  };
  std::uint64_t number = 0;
  switch (instruction) {
    case 0x00:  // nop
      break;
    case 0x02:  // advance_loc1
      advance(bytes.byte());
      break;
    case 0x03:  // advance_loc2
      advance(bytes.fixed<std::uint16_t>());
      break;
    case 0x04:  // advance_loc4
      advance(bytes.fixed<std::uint32_t>());
      break;
    case 0x05:  // offset_extended
      number = bytes.unsigned_number();
      set(number, FrameRule::kAtOffset, factored(bytes.unsigned_number()));
      break;
    case 0x06:  // restore_extended
      restore(bytes.unsigned_number());
      break;
    case 0x07:  // undefined
      set(bytes.unsigned_number(), FrameRule::kUndefined, 0);
      break;
    case 0x08:  // same_value
      set(bytes.unsigned_number(), FrameRule::kSame, 0);
      break;
    case 0x09:  // register
      number = bytes.unsigned_number();
      set(number, FrameRule::kRegister, static_cast<std::int64_t>(bytes.unsigned_number()));
      break;
    case 0x0a:  // remember_state
      if (saved_count_ == kSavedRows) {
        return false;
      }
      saved_[saved_count_++] = row_;
      break;
    case 0x0b:  // restore_state
      if (saved_count_ == 0) {
        return false;
      }
      row_ = saved_[--saved_count_];
      break;
    case 0x0c:  // def_cfa
      number = bytes.unsigned_number();
      set_cfa(number, static_cast<std::int64_t>(bytes.unsigned_number()));
      break;
    case 0x0d:  // def_cfa_register
      set_cfa(bytes.unsigned_number(), row_.cfa_offset);
      break;
    case 0x0e:  // def_cfa_offset
      set_cfa(row_.cfa_register, static_cast<std::int64_t>(bytes.unsigned_number()));
      break;
    case 0x0f:  // def_cfa_expression
      row_.cfa_expression = expression(bytes);
      break;
    case 0x10:  // expression
      number = bytes.unsigned_number();
      set(number, FrameRule::kAtExpression, expression(bytes));
      break;
    case 0x11:  // offset_extended_sf
      number = bytes.unsigned_number();
      set(number, FrameRule::kAtOffset, factored_signed(bytes.signed_number()));
      break;
    case 0x12:  // def_cfa_sf
      number = bytes.unsigned_number();
      set_cfa(number, factored_signed(bytes.signed_number()));
      break;
    case 0x13:  // def_cfa_offset_sf
      set_cfa(row_.cfa_register, factored_signed(bytes.signed_number()));
      break;
    case 0x14:  // val_offset
      number = bytes.unsigned_number();
      set(number, FrameRule::kOffset, factored(bytes.unsigned_number()));
      break;
    case 0x15:  // val_offset_sf
      number = bytes.unsigned_number();
      set(number, FrameRule::kOffset, factored_signed(bytes.signed_number()));
      break;
    case 0x16:  // val_expression
      number = bytes.unsigned_number();
      set(number, FrameRule::kExpression, expression(bytes));
      break;
    case 0x2e:  // GNU_args_size: of no use for finding a caller
      bytes.unsigned_number();
      break;
    default:
      return false;
  }
  return true;
}

}  // namespace

std::uint64_t FrameBytes::unsigned_number() {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const std::uint8_t next = byte();
    value |= shift < 64 ? std::uint64_t{next & 0x7fU} << shift : 0;
    if ((next & 0x80) == 0) {
      return value;
    }
  }
}

std::int64_t FrameBytes::signed_number() {
  std::uint64_t value = 0;
  unsigned shift = 0;
  std::uint8_t next = 0;
  do {
    next = byte();
    value |= shift < 64 ? std::uint64_t{next & 0x7fU} << shift : 0;
    shift += 7;
  } while ((next & 0x80) != 0);
  if (shift < 64 && (next & 0x40) != 0) {
    value |= ~std::uint64_t{0} << shift;
  }
  return static_cast<std::int64_t>(value);
}

std::uintptr_t FrameBytes::encoded(std::uint8_t encoding, std::uintptr_t data) {
  if (encoding == kOmitted) {
    return 0;
  }
  std::uintptr_t base = 0;
  switch (encoding & 0xf0) {
    case 0:
      break;
    case kRelativeToHere:
      base = reinterpret_cast<std::uintptr_t>(at_);
      break;
    case kRelativeToData:
      base = data;
      break;
    default:
      fail();
  }
  switch (encoding & 0x0f) {
    case 0x00:
      return base + fixed<std::uintptr_t>();
    case 0x04:
    case 0x0c:
      return base + static_cast<std::uintptr_t>(fixed<std::uint64_t>());
    case 0x01:
      return base + static_cast<std::uintptr_t>(unsigned_number());
    case 0x02:
      return base + fixed<std::uint16_t>();
    case 0x03:
      return base + fixed<std::uint32_t>();
    case 0x09:
      return base + static_cast<std::uintptr_t>(signed_number());
    case 0x0a:
      return base + static_cast<std::uintptr_t>(std::int64_t{fixed<std::int16_t>()});
    case 0x0b:
      return base + static_cast<std::uintptr_t>(std::int64_t{fixed<std::int32_t>()});
    default:
      fail();
      return 0;
  }
}

void FrameBytes::skip(std::uint64_t bytes) {
  if (bytes > left()) {
    fail();
  } else {
    at_ += bytes;
  }
}

FrameBytes FrameBytes::take(std::uint64_t bytes) {
  const std::uint8_t* const start = at_;
  skip(bytes);
  return {start, at_};
}

bool find_description(const void* header, std::uintptr_t code, FrameDescription* description) {
  const auto* const start = static_cast<const std::uint8_t*>(header);
  FrameBytes bytes(start, start + 64);
  const std::uint8_t version = bytes.byte();
  const std::uint8_t frame_encoding = bytes.byte();
  const std::uint8_t count_encoding = bytes.byte();
  const std::uint8_t table_encoding = bytes.byte();
  if (version != 1 || count_encoding == kOmitted || table_encoding != kSortedTable) {
    return false;
  }
  const auto base = reinterpret_cast<std::uintptr_t>(header);
  bytes.encoded(frame_encoding, base);
  std::size_t left = bytes.encoded(count_encoding, base);
  const std::uint8_t* table = bytes.at();
  if (!bytes.ok() || left == 0) {
    return false;
  }
  const auto entry = [table](std::size_t index) {
    Sorted found{};
    __builtin_memcpy(&found, table + index * sizeof(Sorted), sizeof found);
    return found;
  };
  // The last function that begins at the address or below.
  std::size_t first = 0;
  while (left > 1) {
    const std::size_t half = left / 2;
    if (address_at(header, entry(first + half).begin) <= code) {
      first += half;
      left -= half;
    } else {
      left = half;
    }
  }
  const auto* const tables =
      reinterpret_cast<const std::uint8_t*>(address_at(header, entry(first).description));
  return read_description(tables, description) && code - description->begin < description->size;
}

bool find_row(const FrameDescription& description, std::uintptr_t code, FrameRow* row) {
  *row = {};
  // What is not saved is as it was; but what a call may change is only known where it is saved.
  Program program(description, code, row);
  if (!program.run(description.initial)) {
    return false;
  }
  program.keep_initial();
  return program.run(description.program);
}

}  // namespace ashlar
