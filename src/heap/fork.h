// What becomes of the allocator in a forked child, where all threads but one are gone.
#pragma once

namespace ashlar {

// Has the functions below called round every fork; once.
void watch_forks();

}  // namespace ashlar
