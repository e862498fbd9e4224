// Hollow pages: OS pages of a page in use in which no block is. They go back to the system, and the
// blocks that lie in them stand in no list until they are wanted. When that is worth it is decided
// in heap/hollowing.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "os/system.h"
#include "page/page.h"
#include "policy/layout.h"
#include "support/touched.h"

namespace ashlar {

// A bit an OS page of a page.
using OsPages = std::uint64_t;
static_assert(kMediumPageSlices.value * kTouchedUnitsOfSlice == 64,
              "the OS pages of a page can be named in a word");

// The blocks that lie in hollow OS pages, wholly or in part: what `withdrawn` counts. Linear in
// these OS pages.
std::uint32_t withdrawn_blocks(const Page* page);

// Whether a block of the page is one of them: it is free then, though in no list.
bool is_withdrawn(const Page* page, const void* block);

// Withdraws the free blocks of all OS pages without a block in use, and gives these OS pages back.
// Owner only; not of a huge block's page. Returns the bytes given back; where the system refuses,
// the blocks stay in the lists. Linear in these.
std::size_t hollow_page(Page* page);

// Puts the first withdrawn block back, and all others that lie in its OS pages alone, into free,
// which is empty. False, and all as before, where the hard limit of memory forbids that. Owner
// only; the page is hollow. Linear in the blocks of two OS pages, or of one block's.
bool fill_hollow(Page* page);

// The page goes back as a whole: what is hollow counts as touched again until that is purged, since
// only how far a slice is touched is kept of it. Returns nothing to the system.
void forget_hollow(Page* page);

}  // namespace ashlar
