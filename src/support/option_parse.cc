// The grammar of option values. Letters are compared as ASCII: the locale has no say in it, and
// need not be ready.
#include "support/option_parse.h"

#include <cstdint>

namespace ashlar {
namespace {

constexpr char upper(char character) {
  return character >= 'a' && character <= 'z' ? static_cast<char>(character - 'a' + 'A')
                                              : character;
}

// `word` is in upper case.
bool is_word(const char* text, const char* word) {
  while (*word != '\0' && upper(*text) == *word) {
    ++text;
    ++word;
  }
  return *word == '\0' && *text == '\0';
}

template <std::size_t kCount>
bool is_one_of(const char* text, const char* const (&words)[kCount]) {
  for (const char* word : words) {
    if (is_word(text, word)) {
      return true;
    }
  }
  return false;
}

constexpr const char* kOnWords[] = {"", "1", "TRUE", "YES", "ON"};
constexpr const char* kOffWords[] = {"0", "FALSE", "NO", "OFF"};

// Reads the digits at `text` and returns what follows; nullptr: none, or too many.
const char* read_digits(const char* text, std::int64_t* number) {
  if (*text < '0' || *text > '9') {
    return nullptr;
  }
  *number = 0;
  for (; *text >= '0' && *text <= '9'; ++text) {
    if (__builtin_mul_overflow(*number, 10, number) ||
        __builtin_add_overflow(*number, *text - '0', number)) {
      return nullptr;
    }
  }
  return text;
}

// The factor that a suffix stands for; 0: not a suffix.
std::int64_t read_unit(const char* suffix) {
  std::int64_t unit = 0;
  switch (upper(*suffix)) {
    case 'K':
      unit = static_cast<std::int64_t>(kKiB);
      break;
    case 'M':
      unit = static_cast<std::int64_t>(kMiB);
      break;
    case 'G':
      unit = static_cast<std::int64_t>(kGiB);
      break;
    default:
      return *suffix == '\0' ? 1 : 0;
  }
  static constexpr const char* kEndings[] = {"", "B", "IB"};
  return is_one_of(suffix + 1, kEndings) ? unit : 0;
}

bool parse_size(const char* text, std::int64_t* kib) {
  std::int64_t number = 0;
  const char* suffix = read_digits(text, &number);
  if (suffix == nullptr) {
    return false;
  }
  const std::int64_t unit = read_unit(suffix);
  if (unit == 0 || __builtin_mul_overflow(number, unit, &number)) {
    return false;
  }
  constexpr auto kUnit = static_cast<std::int64_t>(kKiB);
  *kib = number / kUnit + (number % kUnit != 0 ? 1 : 0);
  return true;
}

bool parse_number(const char* text, std::int64_t* number) {
  const bool negative = *text == '-';
  const char* end = read_digits(text + (negative || *text == '+' ? 1 : 0), number);
  if (end == nullptr || *end != '\0') {
    return false;
  }
  if (negative) {
    *number = -*number;
  }
  return true;
}

}  // namespace

bool parse_option(const OptionRow& row, const char* text, long* value) {
  const bool is_size = row.kind == OptionKind::kSize;
  std::int64_t number = 0;
  // "1" is a word for every option but a size, where it is a byte.
  if (is_one_of(text, kOnWords) && !(is_size && *text == '1')) {
    number = 1;
  } else if (is_one_of(text, kOffWords)) {
    number = 0;
  } else if (!(is_size ? parse_size(text, &number) : parse_number(text, &number))) {
    return false;
  }
  if (number < row.min || number > row.max) {
    return false;
  }
  *value = static_cast<long>(number);
  return true;
}

}  // namespace ashlar
