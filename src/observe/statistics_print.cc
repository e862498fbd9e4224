// The table: a column for each thing that may be said of a number, "-" where there is nothing.
#include "observe/statistics_print.h"

#include "observe/amount.h"
#include "observe/process_report.h"
#include "observe/report_output.h"
#include "observe/statistics_rows.h"
#include "support/text.h"

namespace ashlar {
namespace {

constexpr const char* kLineFormat = "%-26s %12s %12s %12s %12s %11s %12s%s%s\n";

// What stands in a column. Longer than any number.
using Cell = FixedText<24>;

// The columns of one line but its name.
struct Cells {
  Cell peak, total, freed, current, unit, count;
  const char* status = "";
};

void fill_empty(Cell& cell) {
  if (cell->length() == 0) {
    cell->append('-');
  }
}

void print_line(const ReportOutput& output, const char* name, Cells& cells) {
  for (Cell* cell :
       {&cells.peak, &cells.total, &cells.freed, &cells.current, &cells.unit, &cells.count}) {
    fill_empty(*cell);
  }
  FixedText<200> line;
  line->append_format(kLineFormat, name, cells.peak->text(), cells.total->text(),
                      cells.freed->text(), cells.current->text(), cells.unit->text(),
                      cells.count->text(), *cells.status == '\0' ? "" : "  ", cells.status);
  output.write(line->text());
}

void print_columns(const ReportOutput& output) {
  FixedText<200> line;
  line->append_format(kLineFormat, "name", "peak", "total", "freed", "current", "unit", "count", "",
                      "");
  output.write(line->text());
}

void set(Cell& cell, std::int64_t value, StatisticsUnit unit) {
  if (unit == StatisticsUnit::kBytes) {
    append_amount(*cell, value);
  } else {
    append_number(*cell, value);
  }
}

// `each`: how many bytes one is, where the amounts are to be bytes; else 1.
void set_count(Cells& cells, const StatisticsCount& count, std::int64_t each, StatisticsUnit unit) {
  set(cells.peak, count.peak * each, unit);
  set(cells.total, count.total * each, unit);
  set(cells.freed, (count.total - count.current) * each, unit);
  set(cells.current, count.current * each, unit);
  cells.status = count.current == 0 ? "ok" : "not all freed";
}

// Whether a counter is shown in the line of what it counts.
bool is_shown_elsewhere(const StatisticsRow& row) {
  for (const StatisticsRow& other : kStatisticsRows) {
    if (other.items != nullptr && other.items == row.field.counter) {
      return true;
    }
  }
  return false;
}

void print_row(const ReportOutput& output, const StatisticsRow& row, const Statistics& statistics) {
  Cells cells;
  if (row.field.count != nullptr) {
    set_count(cells, statistics.*row.field.count, 1, row.unit);
  } else {
    set(cells.total, (statistics.*row.field.counter).total, row.unit);
  }
  if (row.items != nullptr) {
    set(cells.count, (statistics.*row.items).total, StatisticsUnit::kPlain);
  }
  print_line(output, row.name, cells);
}

void print_bin(const ReportOutput& output, const StatisticsBinsRow& row, std::size_t bin,
               const StatisticsCount& count) {
  const auto size = static_cast<std::int64_t>(bin_size(bin));
  FixedText<40> name;
  name->append_format("%s ", row.name);
  if (size == 0) {
    name->append("huge");
  } else {
    append_amount(*name, size);
  }
  Cells cells;
  if (row.unit == StatisticsUnit::kBlocks && size != 0) {
    set_count(cells, count, size, StatisticsUnit::kBytes);
    append_amount(*cells.unit, size);
    append_number(*cells.count, count.total);
  } else {
    set_count(cells, count, 1, StatisticsUnit::kPlain);
  }
  print_line(output, name->text(), cells);
}

void print_bins(const ReportOutput& output, const StatisticsBinsRow& row,
                const Statistics& statistics) {
  std::size_t bin = 0;
  for (const StatisticsCount& count : row.bins(statistics)) {
    if (count.total != 0) {
      print_bin(output, row, bin, count);
    }
    ++bin;
  }
}

}  // namespace

void print_statistics(const char* subject, const Statistics& statistics, StatisticsParts parts,
                      OutputFunction* out, void* arg) {
  const ReportOutput output(out, arg);
  FixedText<100> title;
  title->append_format("ashlar: statistics of %s\n", subject);
  output.write(title->text());
  print_columns(output);
  for (const StatisticsRow& row : kStatisticsRows) {
    if (row.metric != nullptr && !is_shown_elsewhere(row)) {
      print_row(output, row, statistics);
    }
  }
  if (parts.bins) {
    for (const StatisticsBinsRow& row : kStatisticsBinsRows) {
      if (row.metric != nullptr) {
        print_bins(output, row, statistics);
      }
    }
  }
  if (parts.process) {
    print_process_info(out, arg);
  }
}

}  // namespace ashlar
