// The JSON form: a member for each field of the structure but the spare ones, under its name there.
#include "observe/statistics_json.h"

#include "observe/statistics_rows.h"
#include "support/measured_text.h"

namespace ashlar {
namespace {

constexpr const char* kCountFormat = "\"total\": %lld, \"peak\": %lld, \"current\": %lld}";

void append_process(MeasuredText& text, const ProcessInfo& process) {
  const auto member = [&text](const char* name, std::uint64_t value, const char* end) {
    text.append_format("    \"%s\": %llu%s\n", name, static_cast<unsigned long long>(value), end);
  };
  text.append_format("  \"process\": {\n");
  member("elapsed_msecs", process.elapsed_ms, ",");
  member("user_msecs", process.usage.user_ms, ",");
  member("system_msecs", process.usage.system_ms, ",");
  member("current_rss", process.usage.resident, ",");
  member("peak_rss", process.usage.peak_resident, ",");
  member("current_commit", process.committed, ",");
  member("peak_commit", process.peak_committed, ",");
  member("current_touched", process.touched, ",");
  member("peak_touched", process.peak_touched, ",");
  member("huge_rss", process.huge, ",");
  member("huge_kept_whole", process.kept_whole, ",");
  member("page_faults", process.usage.blocking_faults, "");
  text.append_format("  }");
}

void append_count(MeasuredText& text, const StatisticsCount& count) {
  text.append_format(kCountFormat, static_cast<long long>(count.total),
                     static_cast<long long>(count.peak), static_cast<long long>(count.current));
}

void append_row(MeasuredText& text, const StatisticsRow& row, const Statistics& statistics) {
  text.append_format(",\n  \"%s\": ", row.name);
  if (row.field.count != nullptr) {
    text.append_format("{");
    append_count(text, statistics.*row.field.count);
  } else {
    text.append_format("%lld", static_cast<long long>((statistics.*row.field.counter).total));
  }
}

void append_bins(MeasuredText& text, const StatisticsBinsRow& row, const Statistics& statistics) {
  text.append_format(",\n  \"%s\": [", row.name);
  std::size_t bin = 0;
  for (const StatisticsCount& count : row.bins(statistics)) {
    text.append_format("%s\n    {", bin == 0 ? "" : ",");
    if (row.has_sizes) {
      text.append_format("\"size\": %zu, ", bin_size(bin));
    }
    append_count(text, count);
    ++bin;
  }
  text.append_format("\n  ]");
}

auto json_maker(const Statistics& statistics, const ProcessInfo& process) {
  return [&](MeasuredText& text) {
    text.append_format("{\n  \"version\": %zu,\n", statistics.version);
    append_process(text, process);
    for (const StatisticsRow& row : kStatisticsRows) {
      append_row(text, row, statistics);
    }
    for (const StatisticsBinsRow& row : kStatisticsBinsRows) {
      append_bins(text, row, statistics);
    }
    text.append_format("\n}\n");
  };
}

}  // namespace

std::size_t statistics_json_length(const Statistics& statistics, const ProcessInfo& process) {
  return measure_text(json_maker(statistics, process));
}

bool write_statistics_json(const Statistics& statistics, const ProcessInfo& process, char* out,
                           std::size_t size) {
  return write_whole_text(out, size, json_maker(statistics, process));
}

}  // namespace ashlar
