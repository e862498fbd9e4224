// Reading and printing what the process uses.
#include "observe/process_report.h"

#include "heap/process.h"
#include "heap/realm.h"
#include "observe/amount.h"
#include "observe/report_output.h"
#include "support/text.h"
#include "support/touched.h"

namespace ashlar {
namespace {

// A duration as seconds with three digits behind the point.
struct Seconds {
  unsigned long whole;
  unsigned long thousandths;
};
Seconds seconds_of(std::uint64_t ms) { return {ms / 1000, ms % 1000}; }

void print_amounts(const ReportOutput& output, const char* name, std::size_t now,
                   std::size_t peak) {
  FixedText<120> line;
  line->append_format("ashlar: %s: ", name);
  append_amount(*line, static_cast<std::int64_t>(now));
  line->append(", peak ");
  append_amount(*line, static_cast<std::int64_t>(peak));
  line->append('\n');
  output.write(line->text());
}

}  // namespace

ProcessInfo process_info() {
  ProcessInfo info;
  info.elapsed_ms = process_age_ms();
  info.usage = System::process_usage();
  info.touched = touched_bytes.now();
  info.peak_touched = touched_bytes.peak();
  for_each_realm([&info](const Realm& realm) {
    const Level committed = realm.arenas.committed();
    info.committed += static_cast<std::size_t>(committed.current);
    info.peak_committed += static_cast<std::size_t>(committed.peak);
  });
  return info;
}

ProcessInfo full_process_info() {
  ProcessInfo info = process_info();
  info.huge = System::huge_resident();
  for_each_realm([&info](const Realm& realm) {
    realm.arenas.for_each_arena(
        [&info](const SystemArena& arena) { info.kept_whole += arena.kept_whole(); });
  });
  return info;
}

void print_process_info(OutputFunction* out, void* arg) {
  const ReportOutput output(out, arg);
  const ProcessInfo info = full_process_info();
  const Seconds elapsed = seconds_of(info.elapsed_ms);
  const Seconds user = seconds_of(info.usage.user_ms);
  const Seconds system = seconds_of(info.usage.system_ms);
  FixedText<200> line;
  line->append_format("ashlar: time: %lu.%03lu s elapsed, %lu.%03lu s user, %lu.%03lu s system\n",
                      elapsed.whole, elapsed.thousandths, user.whole, user.thousandths,
                      system.whole, system.thousandths);
  output.write(line->text());
  print_amounts(output, "resident", info.usage.resident, info.usage.peak_resident);
  print_amounts(output, "committed", info.committed, info.peak_committed);
  print_amounts(output, "touched", info.touched, info.peak_touched);
  line->clear();
  line->append("ashlar: in huge OS pages: ");
  append_amount(*line, static_cast<std::int64_t>(info.huge));
  line->append(", free but kept to leave them whole: ");
  append_amount(*line, static_cast<std::int64_t>(info.kept_whole));
  line->append('\n');
  output.write(line->text());
  line->clear();
  line->append_format("ashlar: page faults that waited for a device: %lu\n",
                      static_cast<unsigned long>(info.usage.blocking_faults));
  output.write(line->text());
}

}  // namespace ashlar
