// The formatter and the buffer that it writes to.
#include "support/text.h"

#include <cstdint>

namespace ashlar {
namespace {

constexpr bool is_digit(char character) { return character >= '0' && character <= '9'; }

constexpr bool continues_utf8(char character) {
  return (static_cast<unsigned char>(character) & 0xC0) == 0x80;
}

// The longest UTF-8 sequence: how far a cut may have to go back.
constexpr std::size_t kUtf8Max = 4;

}  // namespace

// One run over one format string.
class TextFormatter {
 public:
  TextFormatter(TextBuffer& out, va_list arguments) : out_(out) { va_copy(arguments_, arguments); }
  ~TextFormatter() { va_end(arguments_); }
  TextFormatter(const TextFormatter&) = delete;
  TextFormatter& operator=(const TextFormatter&) = delete;

  void run(const char* format) {
    while (*format != '\0') {
      if (*format != '%') {
        out_.put(*format++);
        continue;
      }
      const char* end = convert(format + 1);
      if (end == nullptr) {  // unknown: the text itself says most
        out_.put(*format++);
      } else {
        format = end;
      }
    }
  }

 private:
  enum class Length : std::uint8_t { kInt, kLong, kLongLong, kSize };

  struct Field {
    bool left = false;
    bool zero = false;
    std::size_t width = 0;
    std::size_t precision = SIZE_MAX;
    Length length = Length::kInt;
  };

  // `at` is behind the '%'. Returns what follows the conversion, nullptr where it is not known;
  // arguments are taken only by a conversion that is.
  const char* convert(const char* at) {
    Field field;
    for (; *at == '-' || *at == '0'; ++at) {
      (*at == '-' ? field.left : field.zero) = true;
    }
    if (*at == '*') {
      const int width = va_arg(arguments_, int);
      field.left = field.left || width < 0;
      field.width = width < 0 ? 0u - static_cast<unsigned>(width) : static_cast<unsigned>(width);
      ++at;
    } else {
      at = read_number(at, &field.width);
    }
    if (*at == '.') {
      ++at;
      if (*at == '*') {
        const int precision = va_arg(arguments_, int);
        field.precision = precision < 0 ? SIZE_MAX : static_cast<std::size_t>(precision);
        ++at;
      } else {
        at = read_number(at, &field.precision);
      }
    }
    if (*at == 'z') {
      field.length = Length::kSize;
      ++at;
    } else if (*at == 'l') {
      field.length = Length::kLong;
      ++at;
      if (*at == 'l') {
        field.length = Length::kLongLong;
        ++at;
      }
    }
    switch (*at) {
      case '%':
        out_.put('%');
        break;
      case 'c': {
        const char character = static_cast<char>(va_arg(arguments_, int));
        put_field(field, "", &character, 1);
        break;
      }
      case 's':
        put_string(field, va_arg(arguments_, const char*));
        break;
      case 'd':
      case 'i': {
        const std::int64_t value = take_signed(field.length);
        const auto bits = static_cast<std::uint64_t>(value);
        put_number(field, value < 0 ? "-" : "", value < 0 ? 0 - bits : bits, 10, kLower);
        break;
      }
      case 'u':
        put_number(field, "", take_unsigned(field.length), 10, kLower);
        break;
      case 'x':
        put_number(field, "", take_unsigned(field.length), 16, kLower);
        break;
      case 'X':
        put_number(field, "", take_unsigned(field.length), 16, kUpper);
        break;
      case 'p':
        put_number(field, "0x", reinterpret_cast<std::uintptr_t>(va_arg(arguments_, void*)), 16,
                   kLower);
        break;
      default:
        return nullptr;
    }
    return at + 1;
  }

  // No digits are 0. More than fits is a width that no text has anyhow.
  static const char* read_number(const char* at, std::size_t* number) {
    constexpr std::size_t kMost = 1'000'000;
    *number = 0;
    for (; is_digit(*at); ++at) {
      if (*number < kMost) {
        *number = *number * 10 + static_cast<std::size_t>(*at - '0');
      }
    }
    return at;
  }

  std::int64_t take_signed(Length length) {
    switch (length) {
      case Length::kLong:
        return va_arg(arguments_, long);
      case Length::kLongLong:
        return va_arg(arguments_, long long);
      case Length::kSize:
        return va_arg(arguments_, std::ptrdiff_t);
      case Length::kInt:
        break;
    }
    return va_arg(arguments_, int);
  }

  std::uint64_t take_unsigned(Length length) {
    switch (length) {
      case Length::kLong:
        return va_arg(arguments_, unsigned long);
      case Length::kLongLong:
        return va_arg(arguments_, unsigned long long);
      case Length::kSize:
        return va_arg(arguments_, std::size_t);
      case Length::kInt:
        break;
    }
    return va_arg(arguments_, unsigned);
  }

  void put_string(const Field& field, const char* text) {
    if (text == nullptr) {
      text = "(null)";
    }
    std::size_t length = 0;
    while (length < field.precision && text[length] != '\0') {
      ++length;
    }
    Field padded = field;
    padded.zero = false;
    put_field(padded, "", text, length);
  }

  void put_number(const Field& field, const char* prefix, std::uint64_t value, unsigned base,
                  const char* digits) {
    char text[20];  // 2^64 - 1 in decimal
    std::size_t start = sizeof text;
    do {
      text[--start] = digits[value % base];
      value /= base;
    } while (value != 0);
    put_field(field, prefix, text + start, sizeof text - start);
  }

  void put_field(const Field& field, const char* prefix, const char* text, std::size_t length) {
    std::size_t total = length;
    for (const char* at = prefix; *at != '\0'; ++at) {
      ++total;
    }
    const std::size_t fill = field.width > total ? field.width - total : 0;
    if (!field.left && !field.zero) {
      put_repeated(' ', fill);
    }
    out_.append(prefix);
    if (!field.left && field.zero) {
      put_repeated('0', fill);
    }
    out_.append(text, length);
    if (field.left) {
      put_repeated(' ', fill);
    }
  }

  void put_repeated(char character, std::size_t count) {
    for (; count > 0 && !out_.truncated(); --count) {
      out_.put(character);
    }
  }

  static constexpr const char* kLower = "0123456789abcdef";
  static constexpr const char* kUpper = "0123456789ABCDEF";

  TextBuffer& out_;
  va_list arguments_;
};

void TextBuffer::put(char character) {
  if (truncated_) {
    return;
  }
  if (length_ + 1 < capacity_) {
    out_[length_++] = character;
    out_[length_] = '\0';
    return;
  }
  truncated_ = true;
  if (continues_utf8(character)) {
    // The sequence that `character` belongs to does not fit: its beginning goes too.
    std::size_t start = length_;
    while (start > 0 && length_ - start < kUtf8Max - 1 && continues_utf8(out_[start - 1])) {
      --start;
    }
    if (start > 0 && (static_cast<unsigned char>(out_[start - 1]) & 0xC0) == 0xC0) {
      length_ = start - 1;
      out_[length_] = '\0';
    }
  }
}

TextBuffer& TextBuffer::append(const char* text) {
  for (; *text != '\0' && !truncated_; ++text) {
    put(*text);
  }
  return *this;
}

TextBuffer& TextBuffer::append(const char* text, std::size_t length) {
  for (std::size_t i = 0; i < length && !truncated_; ++i) {
    put(text[i]);
  }
  return *this;
}

TextBuffer& TextBuffer::append_format(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  append_format_list(format, arguments);
  va_end(arguments);
  return *this;
}

TextBuffer& TextBuffer::append_format_list(const char* format, va_list arguments) {
  TextFormatter(*this, arguments).run(format);
  return *this;
}

void TextBuffer::clear() {
  length_ = 0;
  truncated_ = false;
  out_[0] = '\0';
}

std::size_t format_text(char* out, std::size_t capacity, const char* format, va_list arguments) {
  if (capacity == 0) {
    return 0;
  }
  TextBuffer text(out, capacity);
  text.append_format_list(format, arguments);
  return text.length();
}

}  // namespace ashlar
