// Blocks and pages of a heap, a realm or a thread, by size class: counted by looking at the pages,
// so that nothing has to be counted while the program allocates.
#pragma once

#include <array>
#include <cstdint>

#include "heap/heap.h"
#include "heap/realm.h"
#include "page/size_class.h"

namespace ashlar {

struct ClassCount {
  std::int64_t live = 0;        // blocks that the program holds
  std::int64_t handed_out = 0;  // blocks ever
  std::int64_t pages = 0;       // there now
  std::int64_t pages_made = 0;  // ever
};

// Invariants:  bytes of a class are its blocks times its block size; huge_* are of blocks with a
//              page of their own
struct Census {
  std::array<ClassCount, kSizeClassCount> classes{};  // [size class]
  std::int64_t huge_blocks = 0;
  std::int64_t huge_bytes = 0;
  std::int64_t huge_blocks_made = 0;
  std::int64_t huge_bytes_made = 0;
  std::int64_t guarded_blocks_made = 0;  // among the huge ones

  std::int64_t normal_bytes() const;
  std::int64_t normal_bytes_made() const;
};

// For all three: other threads may allocate and free meanwhile. The counts of each page are of one
// moment, those of different pages of different moments of the call. Pages released while the call
// looks make it look again, kCensusTries times at most; then what a page handed out that was
// released during the last look may be missing from the totals.
inline constexpr int kCensusTries = 8;

// Of a heap; for a main heap also the pages of deleted heaps that have not moved yet.
Census take_census(const Heap* heap);

// Of all heaps of a realm, and those that are gone.
Census take_census(const Realm* realm);

// Of its heaps that are gone, and of what was merged into it.
Census census_of_gone(const Realm* realm);

// Of the pages that the calling thread owns; the totals are those of these pages.
Census take_census_of_thread();

}  // namespace ashlar
