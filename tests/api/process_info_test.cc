// What the process uses, against what the kernel says and what the test does.
#include <gtest/gtest.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "api_test_support.h"

namespace {

using namespace api_test;

struct Info {
  std::size_t elapsed, user, system, rss, peak_rss, commit, peak_commit, faults;
};

Info read_info() {
  Info info{};
  mi_process_info(&info.elapsed, &info.user, &info.system, &info.rss, &info.peak_rss, &info.commit,
                  &info.peak_commit, &info.faults);
  return info;
}

std::size_t kernels_resident_bytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  unsigned long all = 0;
  unsigned long resident = 0;
  EXPECT_EQ(std::fscanf(file, "%lu %lu", &all, &resident), 2);
  std::fclose(file);
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(ProcessInfo, ResidentMemoryIsTheKernels) {
  const Block block(mi_malloc(64 * kMiB));
  std::memset(block.get(), 1, 64 * kMiB);
  const Info info = read_info();
  const std::size_t kernels = kernels_resident_bytes();
  EXPECT_GE(info.rss, 64 * kMiB);
  EXPECT_LE(info.rss, kernels + 8 * kMiB);
  EXPECT_GE(info.rss + 8 * kMiB, kernels);
  EXPECT_GE(info.peak_rss, info.rss);
}

TEST(ProcessInfo, PeakStaysWhenMemoryGoes) {
  {
    const Block block(mi_malloc(128 * kMiB));
    std::memset(block.get(), 1, 128 * kMiB);
  }
  const Info info = read_info();
  EXPECT_GE(info.peak_rss, 128 * kMiB);
  EXPECT_GE(info.peak_commit, info.commit);
}

TEST(ProcessInfo, CommitFollowsLargeBlocks) {
  mi_collect(true);  // what waits is committed, too
  const Info before = read_info();
  const Block block(mi_malloc(256 * kMiB));
  const Info with = read_info();
  EXPECT_GE(with.commit, before.commit + 256 * kMiB);
  EXPECT_LE(with.commit, before.commit + 300 * kMiB);
}

TEST(ProcessInfo, ProcessorTimeOfTheProgramIsCounted) {
  const Info before = read_info();
  const std::clock_t start = std::clock();
  unsigned long work = 1;
  while (std::clock() - start < CLOCKS_PER_SEC / 10) work = opaque(work) * 3 + 1;
  const Info after = read_info();
  EXPECT_GE(after.user + after.system, before.user + before.system + 80);
  EXPECT_GE(after.elapsed, before.elapsed + 50);
}

TEST(ProcessInfo, NothingIsWrittenWhereNothingIsWanted) {
  mi_process_info(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
  std::size_t peak = 0;
  mi_process_info(nullptr, nullptr, nullptr, nullptr, &peak, nullptr, nullptr, nullptr);
  EXPECT_GT(peak, 0U);
}

TEST(ProcessInfo, IsPrintedInSixLines) {
  std::vector<std::string> lines;
  lines.reserve(20);
  mi_process_info_print_out(keep_line, &lines);
  ASSERT_EQ(lines.size(), 6U);
  unsigned long seconds = 0;
  unsigned long thousandths = 1000;
  EXPECT_EQ(
      std::sscanf(lines[0].c_str(), "ashlar: time: %lu.%3lu s elapsed,", &seconds, &thousandths), 2)
      << lines[0];
  unsigned long resident = 0;
  unsigned long tenths = 10;
  char unit = 0;
  EXPECT_EQ(std::sscanf(lines[1].c_str(), "ashlar: resident: %lu.%1lu %ciB, peak ", &resident,
                        &tenths, &unit),
            3)
      << lines[1];
  // Under a sanitizer the process may hold more than a GiB.
  ASSERT_TRUE(unit == 'M' || unit == 'G') << lines[1];
  if (unit == 'G') {
    resident = resident * 1024 + tenths * 1024 / 10;
  }
  const unsigned long now = kernels_resident_bytes() / kMiB;
  const unsigned long rounding = unit == 'G' ? 110UL : 8UL;
  EXPECT_LE(resident, now + rounding);
  EXPECT_GE(resident + rounding, now);
  EXPECT_EQ(lines[2].find("ashlar: committed: "), 0U) << lines[2];
  EXPECT_EQ(lines[3].find("ashlar: touched: "), 0U) << lines[3];
  EXPECT_EQ(lines[4].find("ashlar: in huge OS pages: "), 0U) << lines[4];
  EXPECT_EQ(lines[5].find("ashlar: page faults that waited for a device: "), 0U) << lines[5];
}

TEST(ProcessInfo, IsPrintedWhereMessagesGoWithoutAFunction) {
  EXPECT_EQ(lines_sent_by(mi_process_info_print).size(), 6U);
  EXPECT_EQ(lines_sent_by([] { mi_process_info_print_out(nullptr, nullptr); }).size(), 6U);
}

}  // namespace
