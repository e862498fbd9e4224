// Statistics as a table for people.
#pragma once

#include <cstdint>

#include "observe/statistics.h"
#include "policy/config.h"
#include "support/messages.h"

namespace ashlar {

// Tables of this profile show the bins.
inline constexpr bool kShowBins = kActive.profile == Profile::kDebug;

struct StatisticsParts {
  bool bins = false;     // a line for each bin that was ever used
  bool process = false;  // the figures of the process behind the table
};

// Prints a line "ashlar: statistics of <subject>", the names of the columns, and a line for each
// number, each in a call of `out`; nullptr: where messages go. The caller holds no lock. Allocates
// nothing.
void print_statistics(const char* subject, const Statistics& statistics, StatisticsParts parts,
                      OutputFunction* out, void* arg);

}  // namespace ashlar
