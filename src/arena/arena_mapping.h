// Reserving the memory of an arena from the system, of large OS pages where that is allowed.
// When and how much is decided by ArenaSet.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arena/arena.h"
#include "base/relaxed.h"
#include "os/memory.h"
#include "policy/layout.h"

namespace ashlar {

// Which OS pages the memory may be made of.
struct HugePageUse {
  bool allow_large = false;       // large ones are tried
  bool allow_transparent = true;  // the system may put ordinary ones together by itself
};

// What an arena is reserved for.
struct ArenaRequest {
  bool committed = false;    // all of it may be touched
  bool exclusive = false;    // serves only who names it
  bool allow_large = false;  // large OS pages are tried, also where they are not for all arenas
  int numa_node = -1;        // whose memory is preferred; -1: any
};

// Set where the system had no large pages for an arena.
inline constinit RelaxedNumber<bool> large_pages_refused;

// Says so to whoever runs the program, once for the process. The caller may be under a lock: then
// the next call does it.
void report_refused_large_pages();

// Memory for an arena near `hint`; its start is nullptr where the system has none.
template <OsMemory Os>
ArenaMemory map_arena(void* hint, std::size_t size, const ArenaRequest& request, HugePageUse use) {
  ArenaMemory memory{.size = size,
                     .committed = request.committed,
                     .zero = true,
                     .purging = Purging::kLeavesZero,
                     .exclusive = request.exclusive,
                     .owned = true,
                     .numa_node = request.numa_node};
  const bool large = use.allow_large || request.allow_large;
  // Large pages are there at once, so they are no answer to who wants to commit piece by piece.
  if (large && request.committed) {
    memory.start = Os::reserve_large(hint, size, kArenaAlignment);
    if (memory.start != nullptr) {
      memory.purging = Purging::kNever;
    } else {
      large_pages_refused.set(true);
    }
  }
  if (memory.start == nullptr) {
    memory.huge_pages = large                   ? PutTogether::kWanted
                        : use.allow_transparent ? PutTogether::kAsUsual
                                                : PutTogether::kNone;
    memory.start = Os::reserve(hint, size, kArenaAlignment,
                               request.committed ? Access::kReadWrite : Access::kNone);
    if (memory.start == nullptr) {
      return memory;
    }
    // A system that does not listen serves ordinary pages all the same.
    if (large || !use.allow_transparent) {
      Os::advise_huge_pages(memory.start, size,
                            large ? HugeAdvice::kWanted : HugeAdvice::kUnwanted);
    }
  }
  if (request.numa_node >= 0) {
    Os::bind_to_node(memory.start, size, request.numa_node);
  }
  return memory;
}

}  // namespace ashlar
