// Statistics filled by hand, and running a checker on a text that was made of them.
#pragma once

#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "observe/process_report.h"
#include "observe/statistics.h"

namespace ashlar {

// All numbers behind size and version, in the order of the structure.
inline constexpr std::size_t kNumbers =
    (sizeof(Statistics) - 2 * sizeof(std::size_t)) / sizeof(std::int64_t);

inline std::vector<std::int64_t> numbers_of(const Statistics& statistics) {
  std::vector<std::int64_t> numbers(kNumbers);
  memcpy(numbers.data(), reinterpret_cast<const char*>(&statistics) + 2 * sizeof(std::size_t),
         kNumbers * sizeof(std::int64_t));
  return numbers;
}

// No two numbers are the same.
inline Statistics numbered_statistics() {
  Statistics statistics;
  std::int64_t numbers[kNumbers];
  for (std::size_t i = 0; i < kNumbers; ++i) {
    numbers[i] = static_cast<std::int64_t>(1000 + 7 * i);
  }
  memcpy(reinterpret_cast<char*>(&statistics) + 2 * sizeof(std::size_t), numbers, sizeof numbers);
  return statistics;
}

inline ProcessInfo sample_process() {
  ProcessInfo process;
  process.elapsed_ms = 12'034;
  process.usage = {.user_ms = 5'006,
                   .system_ms = 70,
                   .resident = 3 * kMiB,
                   .peak_resident = 4 * kMiB,
                   .blocking_faults = 9};
  process.committed = 5 * kMiB;
  process.peak_committed = 6 * kMiB;
  process.touched = 7 * kMiB;
  process.peak_touched = 8 * kMiB;
  return process;
}

// What a Python program under the repository prints, given a text; fails the test if it fails.
// Debian's Python, since its packages are what tools/install brings.
inline std::string output_of(const std::string& program, const std::string& arguments,
                             const std::string& input) {
  const char* const root = getenv("ASHLAR_SOURCE_DIR");
  if (root == nullptr) {
    ADD_FAILURE() << "ASHLAR_SOURCE_DIR must name the folder that holds tests/";
    return {};
  }
  const std::string file = testing::TempDir() + "ashlar_statistics_" + std::to_string(getpid());
  FILE* const out = fopen(file.c_str(), "w");
  fwrite(input.data(), 1, input.size(), out);
  fclose(out);
  const std::string command = "cd '" + std::string(root) + "' && /usr/bin/python3 " + program +
                              " " + arguments + " < " + file;
  FILE* const pipe = popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  for (std::size_t count; (count = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    output.append(buffer, count);
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  unlink(file.c_str());
  return output;
}

// Whether a form is written whole or not at all, and nothing beyond the buffer, at every size.
// Where that takes a minute, under ThreadSanitizer, at every 41st but for the smallest and the
// largest.
#if defined(__SANITIZE_THREAD__)
inline constexpr std::size_t kSizeStep = 41;
#else
inline constexpr std::size_t kSizeStep = 1;
#endif
template <class Write>
void check_sizes(std::size_t length, Write write) {
  std::string whole(length + 1, '\0');
  ASSERT_TRUE(write(whole.data(), whole.size()));
  ASSERT_EQ(strlen(whole.c_str()), length);
  const std::string untouched(length + 64, '\x5a');
  std::string buffer = untouched;
  constexpr std::size_t kEach = 200;
  for (std::size_t size = 0; size <= length;
       size += size < kEach || size + kEach > length ? 1 : kSizeStep) {
    ASSERT_FALSE(write(buffer.data(), size)) << size;
    ASSERT_EQ(buffer, untouched) << size;
  }
  for (std::size_t size = length + 1; size < length + 32; ++size) {
    buffer = untouched;
    ASSERT_TRUE(write(buffer.data(), size)) << size;
    ASSERT_EQ(buffer.substr(0, length + 1), whole) << size;
    ASSERT_EQ(buffer.substr(length + 1), untouched.substr(length + 1)) << size;
  }
}

}  // namespace ashlar
