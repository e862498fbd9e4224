// The Prometheus form. An amount makes three metrics: gauges of what there is and of the most there
// was, and a counter of all that came. Their names differ in more than the suffix "_total", so that
// they stay apart also where a scraper takes that away.
#include "observe/statistics_prometheus.h"

#include "observe/statistics_rows.h"
#include "support/measured_text.h"

namespace ashlar {
namespace {

constexpr const char* unit_suffix(StatisticsUnit unit) {
  return unit == StatisticsUnit::kBytes ? "_bytes" : "";
}

// One metric that a number makes.
struct Aspect {
  const char* type;
  const char* before_unit;  // parts of the name
  const char* behind_unit;
  const char* help;  // behind the number's own
  std::int64_t StatisticsCount::* value;
};
constexpr Aspect kAspects[] = {
    {"gauge", "_current", "", ", now", &StatisticsCount::current},
    {"gauge", "_peak", "", ", the most at a time", &StatisticsCount::peak},
    {"counter", "", "_total", ", all so far", &StatisticsCount::total},
};

// The name of a metric, without labels.
struct MetricName {
  MetricName(const char* metric, const char* before_unit, StatisticsUnit unit,
             const char* behind_unit) {
    text->append_format("ashlar_%s%s%s%s", metric, before_unit, unit_suffix(unit), behind_unit);
  }
  FixedText<100> text;
};

void append_head(MeasuredText& text, MetricName& name, const char* type, const char* help,
                 const char* more_help) {
  text.append_format("# HELP %s %s%s.\n", name.text->text(), help, more_help);
  text.append_format("# TYPE %s %s\n", name.text->text(), type);
}

void append_value(MeasuredText& text, MetricName& name, const char* labels, std::int64_t value) {
  text.append_format("%s%s %lld\n", name.text->text(), labels, static_cast<long long>(value));
}

void append_row(MeasuredText& text, const StatisticsRow& row, const Statistics& statistics) {
  if (row.field.counter != nullptr) {
    MetricName name(row.metric, "", row.unit, "_total");
    append_head(text, name, "counter", row.help, "");
    append_value(text, name, "", (statistics.*row.field.counter).total);
    return;
  }
  for (const Aspect& aspect : kAspects) {
    MetricName name(row.metric, aspect.before_unit, row.unit, aspect.behind_unit);
    append_head(text, name, aspect.type, row.help, aspect.help);
    append_value(text, name, "", (statistics.*row.field.count).*aspect.value);
  }
}

void append_bins(MeasuredText& text, const StatisticsBinsRow& row, const Statistics& statistics) {
  for (const Aspect& aspect : kAspects) {
    MetricName name(row.metric, aspect.before_unit, row.unit, aspect.behind_unit);
    append_head(text, name, aspect.type, row.help, aspect.help);
    std::size_t bin = 0;
    for (const StatisticsCount& count : row.bins(statistics)) {
      FixedText<40> label;
      if (bin == kHugeBin) {
        label->append("{size=\"huge\"}");
      } else {
        label->append_format("{size=\"%zu\"}", bin_size(bin));
      }
      append_value(text, name, label->text(), count.*aspect.value);
      ++bin;
    }
  }
}

void append_amount(MeasuredText& text, const char* metric, const char* help, std::size_t current,
                   std::size_t peak) {
  const StatisticsCount count{.total = 0,
                              .peak = static_cast<std::int64_t>(peak),
                              .current = static_cast<std::int64_t>(current)};
  for (const Aspect& aspect : kAspects) {
    if (aspect.value != &StatisticsCount::total) {
      MetricName name(metric, aspect.before_unit, StatisticsUnit::kBytes, "");
      append_head(text, name, aspect.type, help, aspect.help);
      append_value(text, name, "", count.*aspect.value);
    }
  }
}

void append_seconds(MeasuredText& text, MetricName& name, const char* labels, std::uint64_t ms) {
  text.append_format("%s%s %llu.%03llu\n", name.text->text(), labels,
                     static_cast<unsigned long long>(ms / 1000),
                     static_cast<unsigned long long>(ms % 1000));
}

void append_process(MeasuredText& text, const ProcessInfo& process) {
  const StatisticsUnit plain = StatisticsUnit::kPlain;
  append_amount(text, "process_resident", "Resident memory of the process", process.usage.resident,
                process.usage.peak_resident);
  append_amount(text, "process_committed", "Memory held from the system for blocks",
                process.committed, process.peak_committed);
  append_amount(text, "process_touched", "Memory of the library that may be resident",
                process.touched, process.peak_touched);
  MetricName huge("process_huge_resident", "", StatisticsUnit::kBytes, "");
  append_head(text, huge, "gauge", "Resident memory in huge OS pages that the system put together",
              "");
  append_value(text, huge, "", static_cast<std::int64_t>(process.huge));
  MetricName kept("process_huge_kept_whole", "", StatisticsUnit::kBytes, "");
  append_head(text, kept, "gauge", "Free memory that is kept to leave huge OS pages whole", "");
  append_value(text, kept, "", static_cast<std::int64_t>(process.kept_whole));
  MetricName elapsed("process_elapsed_seconds", "", plain, "");
  append_head(text, elapsed, "gauge", "Time since the library started", "");
  append_seconds(text, elapsed, "", process.elapsed_ms);
  MetricName processor("process_cpu_seconds", "", plain, "_total");
  append_head(text, processor, "counter", "Processor time of all threads", "");
  append_seconds(text, processor, "{mode=\"user\"}", process.usage.user_ms);
  append_seconds(text, processor, "{mode=\"system\"}", process.usage.system_ms);
  MetricName faults("process_page_faults", "", plain, "_total");
  append_head(text, faults, "counter", "Page faults that waited for a device", "");
  append_value(text, faults, "", static_cast<std::int64_t>(process.usage.blocking_faults));
}

auto prometheus_maker(const Statistics& statistics, const ProcessInfo& process) {
  return [&](MeasuredText& text) {
    for (const StatisticsRow& row : kStatisticsRows) {
      if (row.metric != nullptr) {
        append_row(text, row, statistics);
      }
    }
    for (const StatisticsBinsRow& row : kStatisticsBinsRows) {
      if (row.metric != nullptr) {
        append_bins(text, row, statistics);
      }
    }
    append_process(text, process);
  };
}

}  // namespace

std::size_t statistics_prometheus_length(const Statistics& statistics, const ProcessInfo& process) {
  return measure_text(prometheus_maker(statistics, process));
}

bool write_statistics_prometheus(const Statistics& statistics, const ProcessInfo& process,
                                 char* out, std::size_t size) {
  return write_whole_text(out, size, prometheus_maker(statistics, process));
}

}  // namespace ashlar
