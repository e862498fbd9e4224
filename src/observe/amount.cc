// Scaling numbers to a unit.
#include "observe/amount.h"

#include "base/integer.h"

namespace ashlar {
namespace {

constexpr std::int64_t kLongestNumber = 9'999'999'999;

constexpr std::uint64_t magnitude_of(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return value < 0 ? 0 - bits : bits;
}

// Appends value in the largest unit of which there is one; units[0] are the ones.
template <std::size_t kCount>
void append_scaled(TextBuffer& out, std::int64_t value, std::uint64_t step,
                   const char* const (&units)[kCount]) {
  const std::uint64_t magnitude = magnitude_of(value);
  const char* const sign = value < 0 ? "-" : "";
  std::uint64_t one = 1;
  std::size_t unit = 0;
  for (; unit + 1 < kCount && magnitude / one >= step; ++unit) {
    one *= step;
  }
  const auto whole = static_cast<unsigned long long>(magnitude / one);
  if (unit == 0) {
    out.append_format("%s%llu %s", sign, whole, units[0]);
    return;
  }
  const auto tenths = static_cast<unsigned>(magnitude % one * 10 / one);
  out.append_format("%s%llu.%u %s", sign, whole, tenths, units[unit]);
}

}  // namespace

void append_amount(TextBuffer& out, std::int64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  append_scaled(out, bytes, kKiB, kUnits);
}

void append_number(TextBuffer& out, std::int64_t number) {
  if (-kLongestNumber <= number && number <= kLongestNumber) {
    out.append_format("%lld", static_cast<long long>(number));
    return;
  }
  static constexpr const char* kUnits[] = {"", "k", "M", "G", "T", "P", "E"};
  append_scaled(out, number, 1000, kUnits);
}

}  // namespace ashlar
