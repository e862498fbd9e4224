// The Prometheus form, read by Prometheus's own parser.
#include "observe/statistics_prometheus.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>

#include "observe/statistics_rows.h"
#include "statistics_samples.h"

namespace ashlar {
namespace {

std::string prometheus_of(const Statistics& statistics) {
  const ProcessInfo process = sample_process();
  std::string text(statistics_prometheus_length(statistics, process) + 1, '\0');
  EXPECT_TRUE(write_statistics_prometheus(statistics, process, text.data(), text.size()));
  text.pop_back();
  return text;
}

// Name and labels to value, as the parser understands the text.
std::map<std::string, std::string> samples_of(const Statistics& statistics) {
  std::istringstream lines(
      output_of("tests/unit/observe/check_prometheus.py", "", prometheus_of(statistics)));
  std::map<std::string, std::string> samples;
  std::string name;
  std::string labels;
  std::string value;
  while (lines >> name >> labels >> value) {
    samples[labels == "-" ? name : name + " " + labels] = value;
  }
  return samples;
}

TEST(StatisticsPrometheus, AnAmountIsTwoGaugesAndACounter) {
  Statistics statistics;
  statistics.reserved = {.total = 300, .peak = 200, .current = 100};
  statistics.pages_abandoned = {.total = 30, .peak = 20, .current = 10};
  auto samples = samples_of(statistics);
  EXPECT_EQ(samples["ashlar_reserved_current_bytes"], "100");
  EXPECT_EQ(samples["ashlar_reserved_peak_bytes"], "200");
  EXPECT_EQ(samples["ashlar_reserved_bytes_total"], "300");
  EXPECT_EQ(samples["ashlar_orphan_pages_current"], "10");
  EXPECT_EQ(samples["ashlar_orphan_pages_peak"], "20");
  EXPECT_EQ(samples["ashlar_orphan_pages_total"], "30");
}

TEST(StatisticsPrometheus, ACounterIsOne) {
  Statistics statistics;
  statistics.purged.total = 4096;
  statistics.mmap_calls.total = 3;
  auto samples = samples_of(statistics);
  EXPECT_EQ(samples["ashlar_purged_bytes_total"], "4096");
  EXPECT_EQ(samples["ashlar_mmap_calls_total"], "3");
}

TEST(StatisticsPrometheus, BinsAreLabelledWithTheirSize) {
  Statistics statistics;
  statistics.malloc_bins[bin_of(size_class_of(100))] = {.total = 9, .peak = 6, .current = 3};
  statistics.page_bins[kHugeBin] = {.total = 8, .peak = 5, .current = 2};
  auto samples = samples_of(statistics);
  EXPECT_EQ(samples["ashlar_bin_blocks_current size=112"], "3");
  EXPECT_EQ(samples["ashlar_bin_blocks_peak size=112"], "6");
  EXPECT_EQ(samples["ashlar_bin_blocks_total size=112"], "9");
  EXPECT_EQ(samples["ashlar_bin_blocks_total size=128"], "0");
  EXPECT_EQ(samples["ashlar_bin_pages_current size=huge"], "2");
  EXPECT_EQ(samples["ashlar_bin_pages_total size=huge"], "8");
}

TEST(StatisticsPrometheus, TellsOfTheProcess) {
  auto samples = samples_of({});
  EXPECT_EQ(samples["ashlar_process_elapsed_seconds"], "12.034");
  EXPECT_EQ(samples["ashlar_process_cpu_seconds_total mode=user"], "5.006");
  EXPECT_EQ(samples["ashlar_process_cpu_seconds_total mode=system"], "0.07");
  EXPECT_EQ(samples["ashlar_process_resident_current_bytes"], "3145728");
  EXPECT_EQ(samples["ashlar_process_committed_peak_bytes"], "6291456");
  EXPECT_EQ(samples["ashlar_process_touched_current_bytes"], "7340032");
  EXPECT_EQ(samples["ashlar_process_touched_peak_bytes"], "8388608");
  EXPECT_EQ(samples["ashlar_process_page_faults_total"], "9");
}

TEST(StatisticsPrometheus, HoldsEveryNumberThatMaySay) {
  std::map<std::string, int> values;
  for (const auto& [name, value] : samples_of(numbered_statistics())) {
    ++values[value];
  }
  const Statistics statistics = numbered_statistics();
  const auto expect_count = [&](const char* name, const StatisticsCount& count) {
    for (const std::int64_t value : {count.total, count.peak, count.current}) {
      EXPECT_EQ(values[std::to_string(value)], 1) << name << ' ' << value;
    }
  };
  for (const StatisticsRow& row : kStatisticsRows) {
    if (row.metric != nullptr && row.field.count != nullptr) {
      expect_count(row.name, statistics.*row.field.count);
    } else if (row.metric != nullptr) {
      EXPECT_EQ(values[std::to_string((statistics.*row.field.counter).total)], 1) << row.name;
    }
  }
  for (std::size_t bin = 0; bin < kUsedBins; ++bin) {
    expect_count("malloc_bins", statistics.malloc_bins[bin]);
    expect_count("page_bins", statistics.page_bins[bin]);
  }
}

TEST(StatisticsPrometheus, IsWholeOrNotThereAtAnySize) {
  const Statistics statistics = numbered_statistics();
  const ProcessInfo process = sample_process();
  check_sizes(statistics_prometheus_length(statistics, process), [&](char* out, std::size_t size) {
    return write_statistics_prometheus(statistics, process, out, size);
  });
}

}  // namespace
}  // namespace ashlar
