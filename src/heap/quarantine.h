// Freed blocks that wait before they are free, first come first gone, so that what still uses one
// does no harm to its next holder, and a second free of it is noticed. In profiles that check
// blocks, by the option quarantine.
#pragma once

#include <cstddef>
#include <cstdint>

#include "os/lock.h"
#include "page/page.h"

namespace ashlar {

// Blocks that wait at most, whatever the option says. Blocks larger than a page of ours takes have
// slices of their own and do not wait: nothing is at their addresses once they are freed.
inline constexpr std::uint32_t kQuarantineMax = 16384;

// Takes a block in that is marked as freed, and frees those that it replaces: four at most, so that
// one free has a bound. Any thread; a lock is held while the entries change.
ASHLAR_NOINLINE void quarantine_slow(Page* page, Block* block);

// Frees all that waits: memory is short, is asked for, or a heap goes with all its blocks.
void flush_quarantine();

// For fork.
Lock& quarantine_lock();

}  // namespace ashlar
