// Fuzz target: the texts of options, by the parser alone, through an environment, and through the
// table of a process. A second reader, written from the documentation, says what each text means.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include "observe/amount.h"
#include "support/expect.h"
#include "support/option_parse.h"
#include "support/option_set.h"

namespace {

using ashlar::OptionKind;
using ashlar::OptionRow;
using fuzz::expect;
__extension__ using Wide = __int128;

std::string in_upper_case(std::string text) {
  for (char& c : text) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return text;
}

// What include/ashlar/options.h says: a number, or one of a few words; sizes take units. Nothing
// for what it does not allow, or what is too large to be a value.
std::optional<Wide> meaning_of(const OptionRow& row, const std::string& exact) {
  const std::string text = in_upper_case(exact);
  const bool is_size = row.kind == OptionKind::kSize;
  if (text.empty() || text == "TRUE" || text == "YES" || text == "ON") {
    return 1;
  }
  if (text == "FALSE" || text == "NO" || text == "OFF") {
    return 0;
  }
  std::size_t at = 0;
  bool negative = false;
  if (!is_size && (text[0] == '-' || text[0] == '+')) {
    negative = text[at++] == '-';
  }
  const std::size_t first = at;
  Wide number = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    number = number * 10 + (text[at] - '0');
    if (number > INT64_MAX) {
      return {};
    }
  }
  if (at == first) {
    return {};
  }
  const std::string unit = text.substr(at);
  if (!is_size) {
    return unit.empty() ? std::optional<Wide>(negative ? -number : number) : std::nullopt;
  }
  static const std::map<std::string, int> kUnits = {
      {"", 0},    {"K", 10},   {"KB", 10}, {"KIB", 10}, {"M", 20},
      {"MB", 20}, {"MIB", 20}, {"G", 30},  {"GB", 30},  {"GIB", 30}};
  const auto found = kUnits.find(unit);
  if (found == kUnits.end() || number << found->second > INT64_MAX) {
    return {};
  }
  return ((number << found->second) + 1023) >> 10;
}

void check_text(const OptionRow& row, const std::string& text) {
  constexpr long kUntouched = 0x5a5a5a5a5a;
  long value = kUntouched;
  const bool taken = ashlar::parse_option(row, text.c_str(), &value);
  const std::optional<Wide> meaning = meaning_of(row, text);
  const bool expected = meaning && *meaning >= row.min && *meaning <= row.max;
  expect(taken == expected, "the documented texts are taken, and no others");
  if (!taken) {
    return expect(value == kUntouched, "a bad text leaves the value alone");
  }
  expect(value == *meaning, "a text means what is documented");
  // What is printed can be read again.
  const std::string printed = std::to_string(value) + (row.kind == OptionKind::kSize ? "KiB" : "");
  long again = kUntouched;
  expect(ashlar::parse_option(row, printed.c_str(), &again) && again == value,
         "a value that is printed reads as the same");
}

// Names are asked for as variables are spelled; those of the system in any letter case.
struct Environment {
  static inline std::map<std::string, std::string> variables;
  static inline int bad_values = 0;
  static inline int old_names = 0;
  static bool ready() { return true; }
  static const char* value(const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  }
  static void warn_bad_value(const OptionRow&, const char*, const char*) { ++bad_values; }
  static void warn_legacy(const OptionRow&, const char*, const char*) { ++old_names; }
};

// What an input says besides the text.
struct Choices {
  std::uint8_t option;
  std::uint8_t variable;  // bit 0: the prefix; bit 1: the old name, where there is one
  std::int64_t number;
};

// One variable, and what the option is then.
void check_environment(const OptionRow& row, const Choices& choices, const std::string& text) {
  ashlar::OptionSet<Environment> options;
  Environment::variables.clear();
  Environment::bad_values = Environment::old_names = 0;
  const std::string prefix = choices.variable % 2 == 0 ? "ASHLAR_" : "MIMALLOC_";
  const bool old = row.legacy_name != nullptr && choices.variable / 2 % 2 != 0;
  Environment::variables[prefix + in_upper_case(old ? row.legacy_name : row.name)] = text;
  long value = 0;
  const bool good = ashlar::parse_option(row, text.c_str(), &value);
  const long expected = good ? value : row.default_value;
  expect(options.get(row.option) == expected, "an option has the value of its variable");
  expect(options.was_set(row.option) == good, "an option was set by a good value alone");
  expect(Environment::bad_values == (good ? 0 : 1), "a bad value is reported once");
  expect(Environment::old_names == (old ? 1 : 0), "an old name is reported once");
  const long next = choices.number;
  options.set_default(row.option, next);
  const long within = std::clamp(next, row.min, row.max);
  expect(options.get(row.option) == (good ? expected : within), "a default gives way to a value");
  options.set(row.option, next);
  expect(options.get(row.option) == within && options.was_set(row.option),
         "a value that is set is kept, within its range");
  for (const OptionRow& other : ashlar::kOptionTable) {
    const long number = options.get(other.option);
    expect(number >= other.min && number <= other.max, "every option is within its range");
  }
}

// Amounts that reports print: short, never more than there is, and by less than a tenth of it less.
void check_amount(std::int64_t bytes) {
  ashlar::FixedText<64> text;
  ashlar::append_amount(*text, bytes);
  expect(text->length() <= 12 && !text->truncated(), "an amount is short");
  char* end = nullptr;
  const long double number = std::strtold(text->text(), &end);
  static const std::map<std::string, int> kUnits = {{" B", 0},    {" KiB", 10}, {" MiB", 20},
                                                    {" GiB", 30}, {" TiB", 40}, {" PiB", 50},
                                                    {" EiB", 60}};
  const auto unit = kUnits.find(end);
  expect(unit != kUnits.end(), "an amount has a unit");
  const long double one = static_cast<long double>(std::uint64_t{1} << unit->second);
  const long double shown = number * one;
  const long double gone = static_cast<long double>(bytes) - shown;
  const long double slack = one / 1024;  // of the decimal fraction as it is read here
  expect(bytes < 0 ? gone <= slack && -gone <= one / 10 + slack
                   : gone >= -slack && gone <= one / 10 + slack,
         "an amount is cut, and not rounded");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  // These come from the end of an input, so that the text is what it begins with.
  const Choices choices{.option = input.ConsumeIntegral<std::uint8_t>(),
                        .variable = input.ConsumeIntegral<std::uint8_t>(),
                        .number = input.ConsumeIntegral<std::int64_t>()};
  std::string text = input.ConsumeRemainingBytesAsString();
  text = text.substr(0, text.find('\0'));
  const OptionRow& row = ashlar::kOptionTable[choices.option % ashlar::kOptionCount];
  check_amount(choices.number);
  for (const OptionRow& each : ashlar::kOptionTable) {
    check_text(each, text);
  }
  check_environment(row, choices, text);
  return 0;
}
