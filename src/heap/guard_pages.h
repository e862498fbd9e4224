// Inaccessible OS pages behind pages and huge blocks, in profiles that guard: what runs on past
// the end of one ends in a fault, before it reaches the next. How many is the option guard_pages'.
#pragma once

#include <cstddef>

#include "page/page.h"

namespace ashlar {

// A guard is one OS page, and makes at most two mappings more of the process. So there are never
// more than these: half of what Linux allows a process by default (vm.max_map_count).
inline constexpr std::uint32_t kGuardMax = 16384;

// Bytes that a huge block's slices need more for its guard.
std::size_t guard_bytes();

// Takes the last OS page of a page that was made just now, which is fewer blocks then; behind a
// huge block the one that follows it, where its slices have one more. Of an arena's only: what the
// system maps for one block has whatever neighbours the system chooses. No harm where it fails.
void add_guard(Page* page);

// Makes it accessible again. False where the system refuses: the slices can't be used any more.
[[nodiscard]] bool remove_guard(Page* page);

}  // namespace ashlar
