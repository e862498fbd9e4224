// The blocks that a program still holds, by size and by who allocated them: a report for its end.
#pragma once

#include "support/messages.h"

namespace ashlar {

// Lists the live blocks of all heaps, the sizes that hold most bytes first, a line in each call of
// `out`; nullptr: where messages go. Sizes are those asked for in profiles that pad, else those of
// the blocks. Where sites are noted (support/noted_stacks.h), the sites that hold most bytes
// follow, with their stacks. Other threads may go on, but what they allocate and free meanwhile may
// be missing or counted twice. The caller holds no lock. Allocates nothing.
void print_live_blocks(OutputFunction* out, void* arg);

}  // namespace ashlar
