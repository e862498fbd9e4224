// Time, memory and faults of the whole process, from the system, and what the library holds of it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "os/system.h"
#include "support/messages.h"

namespace ashlar {

struct ProcessInfo {
  std::uint64_t elapsed_ms = 0;  // since the library started
  ProcessUsage usage;
  std::size_t committed = 0;       // bytes held from the system that may be resident
  std::size_t peak_committed = 0;  // of several realms the sum of their peaks
  std::size_t touched = 0;         // bytes of it that may be resident, to the OS page
  std::size_t peak_touched = 0;
  std::size_t huge = 0;        // resident in huge OS pages that the system put together
  std::size_t kept_whole = 0;  // free, and resident for as long as such pages are kept whole
};

// full: with what takes longer to find out, which are the last two.
ProcessInfo process_info();
ProcessInfo full_process_info();

// A line for each kind of figure, each in a call of `out`; nullptr: where messages go. The caller
// holds no lock. Allocates nothing.
void print_process_info(OutputFunction* out, void* arg);

}  // namespace ashlar
