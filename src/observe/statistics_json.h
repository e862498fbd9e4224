// Statistics as a JSON object, which docs/stats.schema.json describes.
#pragma once

#include <cstddef>

#include "observe/process_report.h"
#include "observe/statistics.h"

namespace ashlar {

// The bytes of the text, its final NUL not counted.
std::size_t statistics_json_length(const Statistics& statistics, const ProcessInfo& process);

// Writes it with a NUL; false, and nothing written, if that is more than `size` bytes.
bool write_statistics_json(const Statistics& statistics, const ProcessInfo& process, char* out,
                           std::size_t size);

}  // namespace ashlar
