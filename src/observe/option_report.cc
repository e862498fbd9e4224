// Printing the table of options.
#include "observe/option_report.h"

#include "observe/report_output.h"
#include "support/options.h"
#include "support/text.h"

namespace ashlar {
namespace {

constexpr const char* unit_of(OptionKind kind) {
  return kind == OptionKind::kSize ? " KiB" : kind == OptionKind::kMilliseconds ? " ms" : "";
}

}  // namespace

void print_options(OutputFunction* out, void* arg) {
  const ReportOutput output(out, arg);
  output.write(
      "ashlar: options (* set by the environment, as ASHLAR_NAME or MIMALLOC_NAME, or by a "
      "call)\n");
  for (const OptionRow& row : kOptionTable) {
    FixedText<32> value;
    value->append_format("%ld%s", option_get(row.option), unit_of(row.kind));
    FixedText<200> line;
    line->append_format("%c %2d %-30s %-14s %s%s\n", option_was_set(row.option) ? '*' : ' ',
                        static_cast<int>(row.option), row.name, value->text(), row.help,
                        row.effect == OptionEffect::kNone ? " (no effect)" : "");
    output.write(line->text());
  }
}

}  // namespace ashlar
