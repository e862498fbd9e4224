// Arenas as text: a character for each slice.
#pragma once

#include "support/messages.h"

namespace ashlar {

// Draws all arenas, a line in each call of `out`; nullptr: where messages go. The caller holds no
// lock. Allocates nothing.
void print_arenas(OutputFunction* out, void* arg);

}  // namespace ashlar
