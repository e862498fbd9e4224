// Statistics in the text format that Prometheus scrapes (version 0.0.4 of it).
#pragma once

#include <cstddef>

#include "observe/process_report.h"
#include "observe/statistics.h"

namespace ashlar {

// The bytes of the text, its final NUL not counted.
std::size_t statistics_prometheus_length(const Statistics& statistics, const ProcessInfo& process);

// Writes it with a NUL; false, and nothing written, if that is more than `size` bytes.
bool write_statistics_prometheus(const Statistics& statistics, const ProcessInfo& process,
                                 char* out, std::size_t size);

}  // namespace ashlar
