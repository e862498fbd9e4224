// The printed table of options.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "api_test_support.h"

namespace {

using namespace api_test;

std::vector<std::string> printed_lines() {
  std::vector<std::string> lines;
  mi_options_print_out(keep_line, &lines);
  return lines;
}

// The line of an option; it starts with a mark, the number and the name.
std::string line_of(mi_option_t option, const char* name) {
  for (const std::string& line : printed_lines()) {
    if (line.find(" " + std::to_string(static_cast<int>(option)) + " " + name + " ") == 1 ||
        line.find("  " + std::to_string(static_cast<int>(option)) + " " + name + " ") == 1) {
      return line;
    }
  }
  return {};
}

TEST(OptionsPrint, HasALineForEachOption) {
  const std::vector<std::string> lines = printed_lines();
  ASSERT_EQ(lines.size(), static_cast<std::size_t>(_mi_option_last) + 1);
  for (const std::string& line : lines) {
    EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
    EXPECT_LE(line.size(), 120U) << line;
  }
}

TEST(OptionsPrint, SaysTheValueAndItsUnit) {
  const long delay = mi_option_get(mi_option_purge_delay);
  mi_option_set(mi_option_purge_delay, 12345);
  EXPECT_NE(line_of(mi_option_purge_delay, "purge_delay").find(" 12345 ms "), std::string::npos);
  mi_option_set(mi_option_purge_delay, delay);
  EXPECT_NE(line_of(mi_option_arena_reserve, "arena_reserve").find(" KiB "), std::string::npos);
}

// In a process that the next test starts: prints the table and ends, before any test.
const bool kIsPrintChild = [] {
  if (getenv("ASHLAR_API_TEST_PRINT_TABLE") == nullptr) return false;
  mi_option_set(mi_option_max_vabits, 0);
  mi_options_print_out([](const char* line, void*) { std::fputs(line, stdout); }, nullptr);
  std::fflush(stdout);
  _exit(0);
}();

TEST(OptionsPrint, MarksWhatTheEnvironmentOrACallHasSet) {
  ASSERT_FALSE(kIsPrintChild);
  const std::string command = "env -i ASHLAR_API_TEST_PRINT_TABLE=1 ASHLAR_PURGE_DELAY=77 /proc/" +
                              std::to_string(getpid()) + "/exe";
  std::FILE* const output = popen(command.c_str(), "r");
  ASSERT_NE(output, nullptr);
  std::string marked;
  char line[300];
  std::size_t lines = 0;
  while (std::fgets(line, sizeof line, output) != nullptr) {
    ++lines;
    if (line[0] == '*') marked += line;
  }
  EXPECT_EQ(pclose(output), 0);
  EXPECT_EQ(lines, static_cast<std::size_t>(_mi_option_last) + 1);
  EXPECT_EQ(std::count(marked.begin(), marked.end(), '\n'), 2) << marked;
  EXPECT_NE(marked.find("* 15 purge_delay                    77 ms "), std::string::npos) << marked;
  EXPECT_NE(marked.find("* 38 max_vabits "), std::string::npos) << marked;
}

TEST(OptionsPrint, GoesWhereMessagesGoWithoutAFunction) {
  const std::size_t all = static_cast<std::size_t>(_mi_option_last) + 1;
  EXPECT_EQ(lines_sent_by(mi_options_print).size(), all);
  EXPECT_EQ(lines_sent_by([] { mi_options_print_out(nullptr, nullptr); }).size(), all);
}

}  // namespace
