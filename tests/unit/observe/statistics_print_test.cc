// The table: its columns, what stands in them, and which lines there are.
#include "observe/statistics_print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "statistics_samples.h"

namespace ashlar {
namespace {

constexpr const char* kColumns[] = {"peak", "total", "freed", "current", "unit", "count"};

std::vector<std::string> table_of(const Statistics& statistics, StatisticsParts parts = {}) {
  std::vector<std::string> lines;
  print_statistics(
      "a test", statistics, parts,
      [](const char* line, void* arg) {
        static_cast<std::vector<std::string>*>(arg)->emplace_back(line);
      },
      &lines);
  return lines;
}

// The line of a number, in single spaces.
std::string line_of(const std::vector<std::string>& lines, const std::string& name) {
  for (const std::string& line : lines) {
    if (line.starts_with(name + "  ")) {
      std::string plain;
      for (const char character : line) {
        if (character != '\n' && (character != ' ' || plain.back() != ' ')) {
          plain += character;
        }
      }
      return plain;
    }
  }
  return "no line " + name;
}

// Whether each cell of a line ends where the name of its column does.
void expect_aligned(const std::string& heads, const std::string& line) {
  std::size_t begin = 0;
  for (const char* column : kColumns) {
    const std::size_t end = heads.find(column, begin) + std::string(column).size();
    ASSERT_LE(end, line.size()) << line;
    EXPECT_NE(line[end - 1], ' ') << column << " in\n" << heads << line;
    EXPECT_TRUE(line[end] == ' ' || line[end] == '\n') << column << " in\n" << heads << line;
    begin = end;
  }
  EXPECT_NE(line[line.size() - 2], ' ') << "space at the end of\n" << line;
  EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
}

TEST(StatisticsTable, AnAmountShowsWhatCameAndWent) {
  Statistics statistics;
  statistics.malloc_normal = {.total = 3 * 1024 * 1024, .peak = 2048, .current = 1536};
  statistics.malloc_normal_count.total = 77;
  statistics.threads = {.total = 5, .peak = 4, .current = 0};
  const auto lines = table_of(statistics);
  EXPECT_EQ(line_of(lines, "malloc_normal"),
            "malloc_normal 2.0 KiB 3.0 MiB 2.9 MiB 1.5 KiB - 77 not all freed");
  EXPECT_EQ(line_of(lines, "threads"), "threads 4 5 5 0 - - ok");
}

TEST(StatisticsTable, ACounterShowsItsTotal) {
  Statistics statistics;
  statistics.purged.total = 4096;
  statistics.commit_calls.total = 12;
  const auto lines = table_of(statistics);
  EXPECT_EQ(line_of(lines, "purged"), "purged - 4.0 KiB - - - -");
  EXPECT_EQ(line_of(lines, "commit_calls"), "commit_calls - 12 - - - -");
}

TEST(StatisticsTable, BinsAreBytesWithTheBlocksCounted) {
  Statistics statistics;
  statistics.malloc_bins[bin_of(size_class_of(1024))] = {.total = 10, .peak = 8, .current = 3};
  statistics.malloc_bins[kHugeBin] = {.total = 2, .peak = 1, .current = 0};
  statistics.page_bins[bin_of(size_class_of(16))] = {.total = 4, .peak = 3, .current = 2};
  const auto lines = table_of(statistics, {.bins = true});
  EXPECT_EQ(line_of(lines, "malloc_bins 1.0 KiB"),
            "malloc_bins 1.0 KiB 8.0 KiB 10.0 KiB 7.0 KiB 3.0 KiB 1.0 KiB 10 not all freed");
  EXPECT_EQ(line_of(lines, "malloc_bins huge"), "malloc_bins huge 1 2 2 0 - - ok");
  EXPECT_EQ(line_of(lines, "page_bins 16 B"), "page_bins 16 B 3 4 2 2 - - not all freed");
  EXPECT_EQ(lines.size(), table_of(statistics).size() + 3) << "only bins that were used";
}

TEST(StatisticsTable, StartsWithItsSubjectAndEndsWithTheProcess) {
  const auto lines = table_of({}, {.process = true});
  EXPECT_EQ(lines.front(), "ashlar: statistics of a test\n");
  ASSERT_EQ(lines.size(), table_of({}).size() + 6);
  EXPECT_THAT(lines[lines.size() - 6], testing::HasSubstr("elapsed"));
  EXPECT_THAT(lines[lines.size() - 5], testing::HasSubstr("resident"));
  EXPECT_THAT(lines[lines.size() - 4], testing::HasSubstr("committed"));
  EXPECT_THAT(lines[lines.size() - 3], testing::HasSubstr("touched"));
  EXPECT_THAT(lines[lines.size() - 2], testing::HasSubstr("huge OS pages"));
  EXPECT_THAT(lines[lines.size() - 1], testing::HasSubstr("faults"));
}

TEST(StatisticsTable, ColumnsAlignWhateverStandsInThem) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  Statistics extreme = numbered_statistics();
  extreme.reserved = {.total = kMost, .peak = kMost, .current = 1};
  extreme.committed = {
      .total = -(std::int64_t{kMiB} * 1024 - 1), .peak = -1023, .current = 1'048'575};
  extreme.pages = {.total = kMost, .peak = 9'999'999'999, .current = 0};
  extreme.heaps = {.total = -9'999'999'999, .peak = -kMost, .current = -1};
  extreme.purged.total = kMost;
  extreme.malloc_normal_count.total = kMost;
  extreme.malloc_bins[0] = {.total = kMost / 8, .peak = -kMost / 8, .current = 0};
  for (const Statistics& statistics : {Statistics{}, numbered_statistics(), extreme}) {
    const auto lines = table_of(statistics, {.bins = true});
    ASSERT_GT(lines.size(), 30U);
    for (std::size_t i = 2; i < lines.size(); ++i) {
      expect_aligned(lines[1], lines[i]);
    }
  }
}

}  // namespace
}  // namespace ashlar
