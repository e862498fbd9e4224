// The options as a table of text: number, name, value, and whether somebody set it.
#pragma once

#include "support/messages.h"

namespace ashlar {

// Prints a line that explains the table, and a line for each option, each in a call of `out`.
// nullptr: where messages go. The caller holds no lock. Allocates nothing.
void print_options(OutputFunction* out, void* arg);

}  // namespace ashlar
