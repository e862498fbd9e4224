// The formatter against libc's own, and the cut of text that does not fit.
#include "support/text.h"

#include <gtest/gtest.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <string>

namespace ashlar {
namespace {

ASHLAR_PRINTF(1, 2) std::string formatted(const char* format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  const std::size_t length = format_text(text, sizeof text, format, arguments);
  va_end(arguments);
  EXPECT_EQ(length, strlen(text));
  return text;
}

// What libc makes of the same.
ASHLAR_PRINTF(1, 2) std::string expected(const char* format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

#define EXPECT_AS_LIBC(...) EXPECT_EQ(formatted(__VA_ARGS__), expected(__VA_ARGS__))

TEST(FormatText, PlainTextAndPercent) {
  EXPECT_EQ(formatted("nothing to do"), "nothing to do");
  EXPECT_EQ(formatted("100%% sure"), "100% sure");
  EXPECT_EQ(formatted("%s", ""), "");
}

TEST(FormatText, CharactersAndStrings) {
  EXPECT_AS_LIBC("[%c] [%s] [%s]", 'x', "one", "two");
  EXPECT_AS_LIBC("[%8s] [%-8s] [%2s]", "right", "left", "longer");
  EXPECT_AS_LIBC("[%.3s] [%8.2s] [%.0s] [%.*s]", "abcdef", "abcdef", "abcdef", 4, "abcdef");
  const char* volatile none = nullptr;
  EXPECT_EQ(formatted("[%s]", none), "[(null)]");
}

TEST(FormatText, APrecisionBoundsWhatIsRead) {
  const char not_ended[3] = {'a', 'b', 'c'};
  EXPECT_EQ(formatted("%.3s", not_ended), "abc");
}

TEST(FormatText, SignedNumbers) {
  for (const int value : {0, 1, -1, 42, -42, INT_MAX, INT_MIN}) {
    EXPECT_AS_LIBC("%d %i", value, value);
    EXPECT_AS_LIBC("[%8d] [%-8d] [%08d]", value, value, value);
  }
  EXPECT_AS_LIBC("%ld %ld", LONG_MAX, LONG_MIN);
  EXPECT_AS_LIBC("%lld %lld", LLONG_MAX, LLONG_MIN);
  EXPECT_AS_LIBC("%zd", static_cast<ssize_t>(-5));
}

TEST(FormatText, UnsignedAndHexadecimalNumbers) {
  for (const unsigned value : {0u, 9u, 10u, 0xABCDEFu, UINT_MAX}) {
    EXPECT_AS_LIBC("%u %x %X", value, value, value);
    EXPECT_AS_LIBC("[%12x] [%-12x] [%012x]", value, value, value);
  }
  EXPECT_AS_LIBC("%lu %lx", ULONG_MAX, ULONG_MAX);
  EXPECT_AS_LIBC("%llu %llx", ULLONG_MAX, ULLONG_MAX);
  EXPECT_AS_LIBC("%zu %zx", SIZE_MAX, SIZE_MAX);
}

TEST(FormatText, Pointers) {
  int object = 0;
  void* const pointer = &object;
  EXPECT_AS_LIBC("%p", pointer);
  EXPECT_AS_LIBC("[%20p] [%-20p]", pointer, pointer);
  EXPECT_EQ(formatted("%p", static_cast<void*>(nullptr)), "0x0");
}

TEST(FormatText, WidthsFromArguments) {
  EXPECT_AS_LIBC("[%*d] [%*d]", 6, 42, -6, 42);
  EXPECT_AS_LIBC("[%-*s]", 6, "x");
}

TEST(FormatText, ALeftFieldIsNotFilledWithZeroes) {
  // Warnings are errors here, and this combination is warned of: hence a format that is no literal.
  char text[32];
  const auto format = [&text](const char* how, ...) {
    va_list arguments;
    va_start(arguments, how);
    format_text(text, sizeof text, how, arguments);
    va_end(arguments);
    return std::string(text);
  };
  EXPECT_EQ(format("[%-05d]", 42), "[42   ]");
  EXPECT_EQ(format("[%05s]", "ab"), "[   ab]");
}

TEST(FormatText, WhatIsNotKnownStandsAsItIs) {
  char text[32];
  const auto format = [&text](const char* how, ...) {
    va_list arguments;
    va_start(arguments, how);
    format_text(text, sizeof text, how, arguments);
    va_end(arguments);
    return std::string(text);
  };
  EXPECT_EQ(format("%q and %d", 7), "%q and 7");
  EXPECT_EQ(format("at the end %"), "at the end %");
  EXPECT_EQ(format("%5"), "%5");
}

TEST(FormatText, TextThatDoesNotFitIsCutAndEnded) {
  const auto format = [](char* out, std::size_t capacity, const char* how, ...) {
    va_list arguments;
    va_start(arguments, how);
    const std::size_t length = format_text(out, capacity, how, arguments);
    va_end(arguments);
    return length;
  };
  char text[16];
  for (std::size_t capacity = 1; capacity <= 8; ++capacity) {
    memset(text, '#', sizeof text);
    EXPECT_EQ(format(text, capacity, "%s-%d", "abc", 12345), capacity - 1);
    EXPECT_EQ(std::string(text), std::string("abc-12345").substr(0, capacity - 1));
    EXPECT_EQ(text[capacity], '#') << "wrote past the end of " << capacity;
  }
  EXPECT_EQ(format(text, 0, "%d", 1), 0u);
  EXPECT_EQ(format(text, 16, "%1000000000d", 1), 15u) << "a width of any size ends soon";
}

TEST(TextBuffer, GathersPieces) {
  FixedText<32> text;
  text->append("free: ").append('x').append("12345", 2).append_format(" %d", 3);
  EXPECT_STREQ(text->text(), "free: x12 3");
  EXPECT_EQ(text->length(), 11u);
  EXPECT_FALSE(text->truncated());
  text->clear();
  EXPECT_STREQ(text->text(), "");
}

TEST(TextBuffer, HoldsExactlyItsCapacityWithTheNul) {
  FixedText<4> text;
  text->append("abc");
  EXPECT_FALSE(text->truncated());
  text->append('d');
  EXPECT_TRUE(text->truncated());
  EXPECT_STREQ(text->text(), "abc");
}

TEST(TextBuffer, AfterACutNothingIsAdded) {
  FixedText<6> text;
  text->append("too long").append("!");
  EXPECT_STREQ(text->text(), "too l");
  // Not even where a cut left room.
  FixedText<4> cut;
  cut->append("ab\xC3\xBC").append("c");
  EXPECT_STREQ(cut->text(), "ab");
}

TEST(TextBuffer, NoUtf8SequenceIsCutInHalf) {
  // One, two, three and four bytes a character.
  const std::string whole = "a\xC3\xBC\xE2\x82\xAC\xF0\x9F\xAA\xA8z";
  const std::size_t starts[] = {0, 1, 3, 6, 10, 11};
  for (std::size_t capacity = 1; capacity <= whole.size(); ++capacity) {
    char out[16];
    TextBuffer text(out, capacity);
    text.append(whole.c_str());
    std::size_t fits = 0;
    for (const std::size_t start : starts) {
      if (start <= capacity - 1) {
        fits = start;
      }
    }
    EXPECT_EQ(std::string(out), whole.substr(0, fits)) << capacity;
  }
}

TEST(TextBuffer, BytesThatAreNoUtf8AreCutAnywhere) {
  FixedText<6> text;
  text->append("\x80\x80\x80\x80\x80\x80\x80\x80");
  EXPECT_EQ(text->length(), 5u);
}

}  // namespace
}  // namespace ashlar
