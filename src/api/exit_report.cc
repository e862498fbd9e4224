// The statistics that a process prints at its end.
#include "api/exit_report.h"

#include "heap/process_end.h"
#include "heap/realm.h"
#include "observe/process_report.h"
#include "observe/statistics_gather.h"
#include "observe/statistics_print.h"
#include "support/text.h"

namespace ashlar {

void print_statistics_at_exit() {
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

void register_statistics_at_exit() { register_exit_report(print_statistics_at_exit); }

}  // namespace ashlar
