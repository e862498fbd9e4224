// Strings in blocks of the library: copies, paths and environment variables.
#include <gtest/gtest.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <string>

#include "api_test_support.h"

namespace {

using namespace api_test;

const char* text(const Block& block) { return static_cast<const char*>(block.get()); }

TEST(Strings, StrdupCopies) {
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{8},
                                   std::size_t{1000}, 100 * kKiB}) {
    const std::string original(length, 'x');
    const Block copy(mi_strdup(original.c_str()));
    ASSERT_TRUE(copy);
    EXPECT_STREQ(text(copy), original.c_str());
    EXPECT_NE(text(copy), original.c_str());
    EXPECT_GE(mi_usable_size(copy.get()), length + 1);
  }
}

TEST(Strings, StrndupCopiesAtMostN) {
  const Block part(mi_strndup("granite", 4));
  EXPECT_STREQ(text(part), "gran");
  const Block all(mi_strndup("granite", 100));
  EXPECT_STREQ(text(all), "granite");
  const Block none(mi_strndup("granite", 0));
  EXPECT_STREQ(text(none), "");
  const Block unbounded(mi_strndup("granite", kMaxSize));
  EXPECT_STREQ(text(unbounded), "granite");
}

TEST(Strings, StrndupReadsNoFurtherThanN) {
  // The string has no terminating zero, and the memory behind it cannot be read.
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* pages = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  ASSERT_EQ(mprotect(static_cast<char*>(pages) + page, page, PROT_NONE), 0);
  const char* end = static_cast<char*>(pages) + page;
  std::memset(pages, 'y', page);
  const Block copy(mi_strndup(end - 100, 100));
  EXPECT_EQ(std::string(text(copy)), std::string(100, 'y'));
  munmap(pages, 2 * page);
}

TEST(Strings, NullGivesNullWithoutAnError) {
  ErrorRecorder errors;
  EXPECT_EQ(opaque(mi_strdup(opaque<const char*>(nullptr))), nullptr);
  EXPECT_EQ(opaque(mi_strndup(opaque<const char*>(nullptr), 5)), nullptr);
  EXPECT_EQ(opaque(mi_wcsdup(opaque<const unsigned short*>(nullptr))), nullptr);
  EXPECT_EQ(opaque(mi_mbsdup(opaque<const unsigned char*>(nullptr))), nullptr);
  EXPECT_TRUE(errors.take().empty());
}

TEST(Strings, WcsdupCopies16BitUnits) {
  const unsigned short original[] = {0x0161, 0x00ff, 0x0100, 0xd83d, 0xde00, 0};
  const Block copy(mi_wcsdup(original));
  ASSERT_TRUE(copy);
  EXPECT_EQ(std::memcmp(copy.get(), original, sizeof(original)), 0);
  EXPECT_GE(mi_usable_size(copy.get()), sizeof(original));
  const unsigned short empty[] = {0};
  const Block nothing(mi_wcsdup(empty));
  ASSERT_TRUE(nothing);
  EXPECT_EQ(static_cast<unsigned short*>(nothing.get())[0], 0);
}

TEST(Strings, MbsdupCopiesBytes) {
  const unsigned char original[] = {0xe2, 0x82, 0xac, 0xff, 0x01, 0};
  const Block copy(mi_mbsdup(original));
  ASSERT_TRUE(copy);
  EXPECT_EQ(std::memcmp(copy.get(), original, sizeof(original)), 0);
}

TEST(Realpath, ResolvesIntoABlock) {
  const Block path(mi_realpath("/usr/../usr/./bin/..", nullptr));
  ASSERT_TRUE(path);
  EXPECT_STREQ(text(path), "/usr");
  EXPECT_GE(mi_usable_size(path.get()), sizeof("/usr"));
  EXPECT_TRUE(mi_is_in_heap_region(path.get()));
}

TEST(Realpath, FillsTheBufferOfTheCaller) {
  char buffer[PATH_MAX];
  EXPECT_EQ(mi_realpath("/usr/../usr/lib", buffer), buffer);
  char expected[PATH_MAX];
  ASSERT_EQ(realpath("/usr/lib", expected), expected);
  EXPECT_STREQ(buffer, expected);
}

TEST(Realpath, TellsWhyItFailed) {
  errno = 0;
  EXPECT_EQ(opaque(mi_realpath("/no/such/place", nullptr)), nullptr);
  EXPECT_EQ(errno, ENOENT);
  errno = 0;
  EXPECT_EQ(opaque(mi_realpath(opaque<const char*>(nullptr), nullptr)), nullptr);
  EXPECT_EQ(errno, EINVAL);
  errno = 0;
  EXPECT_EQ(opaque(mi_realpath("", nullptr)), nullptr);
  EXPECT_EQ(errno, ENOENT);
}

TEST(Environment, CopiesAVariable) {
  ASSERT_EQ(setenv("ASHLAR_API_TEST", "squared stone", 1), 0);
  char* copy = nullptr;
  std::size_t length = 99;
  ASSERT_EQ(mi_dupenv_s(&copy, &length, "ASHLAR_API_TEST"), 0);
  const Block block(copy);
  ASSERT_TRUE(block);
  EXPECT_STREQ(copy, "squared stone");
  EXPECT_EQ(length, std::strlen("squared stone"));
  EXPECT_NE(static_cast<const char*>(copy), getenv("ASHLAR_API_TEST"));
  EXPECT_TRUE(mi_is_in_heap_region(copy));
  char* again = nullptr;
  ASSERT_EQ(mi_dupenv_s(&again, nullptr, "ASHLAR_API_TEST"), 0);
  const Block second(again);
  EXPECT_STREQ(again, "squared stone");
}

TEST(Environment, AMissingVariableIsNoError) {
  unsetenv("ASHLAR_API_TEST_MISSING");
  char mark = 0;
  char* copy = &mark;
  std::size_t length = 99;
  EXPECT_EQ(mi_dupenv_s(&copy, &length, "ASHLAR_API_TEST_MISSING"), 0);
  EXPECT_EQ(copy, nullptr);
  EXPECT_EQ(length, 0u);
}

TEST(Environment, NullArgumentsAreEinval) {
  char* copy = nullptr;
  std::size_t length = 0;
  EXPECT_EQ(mi_dupenv_s(opaque<char**>(nullptr), &length, "HOME"), EINVAL);
  EXPECT_EQ(mi_dupenv_s(&copy, &length, opaque<const char*>(nullptr)), EINVAL);
}

TEST(Environment, WideEnvironmentsAreForOtherSystems) {
  const unsigned short name[] = {'H', 'O', 'M', 'E', 0};
  unsigned short mark = 0;
  unsigned short* copy = &mark;
  std::size_t length = 99;
  EXPECT_EQ(mi_wdupenv_s(&copy, &length, name), EINVAL);
  EXPECT_EQ(copy, nullptr);
  EXPECT_EQ(length, 0u);
  EXPECT_EQ(mi_wdupenv_s(opaque<unsigned short**>(nullptr), &length, name), EINVAL);
  EXPECT_EQ(mi_wdupenv_s(&copy, nullptr, opaque<const unsigned short*>(nullptr)), EINVAL);
}

}  // namespace
