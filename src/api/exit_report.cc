// What a process prints at its end, where options ask for it.
#include "api/exit_report.h"

#include "heap/process_end.h"
#include "heap/realm.h"
#include "observe/leak_report.h"
#include "observe/process_report.h"
#include "observe/statistics_gather.h"
#include "observe/statistics_print.h"
#include "support/options.h"
#include "support/text.h"

namespace ashlar {

namespace {

void print_statistics() {
  for_each_realm([](const Realm& realm) {
    Statistics statistics;
    gather_realm(&realm, StatisticsScope::kAll, &statistics);
    FixedText<60> subject;
    if (&realm == &main_realm) {
      subject->append("the main realm");
    } else {
      subject->append_format("realm %u", realm.slot);
    }
    print_statistics(subject->text(), statistics, {.bins = kShowBins}, nullptr, nullptr);
  });
  print_process_info(nullptr, nullptr);
}

}  // namespace

void print_at_exit() {
  if (option_is_enabled(Option::kShowStats) || option_is_enabled(Option::kVerbose)) {
    print_statistics();
  }
  if (option_is_enabled(Option::kShowLeaks)) {
    print_live_blocks(nullptr, nullptr);
  }
}

void register_reports_at_exit() { register_exit_report(print_at_exit); }

}  // namespace ashlar
