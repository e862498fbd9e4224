// Every form that a value may have, and the forms that it may not.
#include "support/option_parse.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace ashlar {
namespace {

std::optional<long> parsed(Option option, const char* text) {
  long value = -4242;
  if (parse_option(option_row(option), text, &value)) {
    return value;
  }
  EXPECT_EQ(value, -4242) << "a bad value must not be stored";
  return std::nullopt;
}

TEST(OptionParse, WordsOfFlagsInAnyCase) {
  for (const char* text : {"1", "TRUE", "true", "True", "YES", "yes", "ON", "on", "oN", ""}) {
    EXPECT_EQ(parsed(Option::kShowStats, text), 1) << text;
  }
  for (const char* text : {"0", "FALSE", "false", "NO", "no", "OFF", "Off"}) {
    EXPECT_EQ(parsed(Option::kEagerCommit, text), 0) << text;
  }
  EXPECT_EQ(parsed(Option::kShowStats, "2"), 2);
}

TEST(OptionParse, Numbers) {
  EXPECT_EQ(parsed(Option::kPurgeDelay, "250"), 250);
  EXPECT_EQ(parsed(Option::kPurgeDelay, "-1"), -1);
  EXPECT_EQ(parsed(Option::kPurgeDelay, "+7"), 7);
  EXPECT_EQ(parsed(Option::kPurgeDelay, "007"), 7);
  EXPECT_EQ(parsed(Option::kPurgeDelay, ""), 1);
  EXPECT_EQ(parsed(Option::kPurgeDelay, "off"), 0);
}

TEST(OptionParse, SizesAreBytesRoundedUpToKiB) {
  EXPECT_EQ(parsed(Option::kArenaReserve, "0"), 0);
  EXPECT_EQ(parsed(Option::kArenaReserve, "1"), 1);
  EXPECT_EQ(parsed(Option::kArenaReserve, "1024"), 1);
  EXPECT_EQ(parsed(Option::kArenaReserve, "1025"), 2);
  EXPECT_EQ(parsed(Option::kArenaReserve, "67108864"), 65536);
}

TEST(OptionParse, SizesTakeUnits) {
  for (const char* text : {"64K", "64k", "64KB", "64KiB", "64kib", "65536"}) {
    EXPECT_EQ(parsed(Option::kArenaReserve, text), 64) << text;
  }
  for (const char* text : {"3M", "3m", "3MB", "3MiB"}) {
    EXPECT_EQ(parsed(Option::kArenaReserve, text), 3 * 1024) << text;
  }
  for (const char* text : {"2G", "2g", "2GB", "2GiB"}) {
    EXPECT_EQ(parsed(Option::kArenaReserve, text), 2 * 1024 * 1024) << text;
  }
}

TEST(OptionParse, BadValuesAreRefused) {
  for (const char* text : {"x", "-", "+", "1x", "1 ", " 1", "1.5", "0x10", "tru", "truee", "--1",
                           "10K", "99999999999999999999", "9223372036854775808"}) {
    EXPECT_EQ(parsed(Option::kPurgeDelay, text), std::nullopt) << text;
  }
  for (const char* text : {"-1", "K", "1T", "1KiBs", "1Kx", "1.5G", "M1", "1 G", "1iB",
                           "9223372036854775807G", "18446744073709551616"}) {
    EXPECT_EQ(parsed(Option::kArenaReserve, text), std::nullopt) << text;
  }
}

TEST(OptionParse, TheRangeIsPartOfTheValue) {
  EXPECT_EQ(parsed(Option::kArenaEagerCommit, "2"), 2);
  EXPECT_EQ(parsed(Option::kArenaEagerCommit, "3"), std::nullopt);
  EXPECT_EQ(parsed(Option::kReserveHugeOsPagesAt, "-1"), -1);
  EXPECT_EQ(parsed(Option::kReserveHugeOsPagesAt, "-2"), std::nullopt);
}

}  // namespace
}  // namespace ashlar
