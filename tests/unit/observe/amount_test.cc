// Numbers as people read them.
#include "observe/amount.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "base/integer.h"

namespace ashlar {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

std::string amount(std::int64_t bytes) {
  FixedText<32> text;
  append_amount(*text, bytes);
  return text->text();
}

std::string number(std::int64_t value) {
  FixedText<32> text;
  append_number(*text, value);
  return text->text();
}

TEST(Amount, IsInTheLargestUnitOfWhichThereIsOne) {
  EXPECT_EQ(amount(0), "0 B");
  EXPECT_EQ(amount(1023), "1023 B");
  EXPECT_EQ(amount(1024), "1.0 KiB");
  EXPECT_EQ(amount(1024 + 512), "1.5 KiB");
  EXPECT_EQ(amount(std::int64_t{kMiB} - 1), "1023.9 KiB");
  EXPECT_EQ(amount(std::int64_t{kMiB}), "1.0 MiB");
  EXPECT_EQ(amount(std::int64_t{kGiB} * 5), "5.0 GiB");
  EXPECT_EQ(amount(std::int64_t{kGiB} << 10), "1.0 TiB");
  EXPECT_EQ(amount(std::int64_t{kGiB} << 20), "1.0 PiB");
  EXPECT_EQ(amount(kMost), "7.9 EiB");
}

TEST(Amount, MayBeNegative) {
  EXPECT_EQ(amount(-1), "-1 B");
  EXPECT_EQ(amount(-3 * std::int64_t{kMiB}), "-3.0 MiB");
  EXPECT_EQ(amount(kLeast), "-8.0 EiB");
}

TEST(Number, IsExactUntilItIsTooLongForAColumn) {
  EXPECT_EQ(number(0), "0");
  EXPECT_EQ(number(-17), "-17");
  EXPECT_EQ(number(9'999'999'999), "9999999999");
  EXPECT_EQ(number(10'000'000'000), "10.0 G");
  EXPECT_EQ(number(-12'390'000'000'000), "-12.3 T");
  EXPECT_EQ(number(kMost), "9.2 E");
  EXPECT_EQ(number(kLeast), "-9.2 E");
}

}  // namespace
}  // namespace ashlar
