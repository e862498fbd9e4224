// Where pages come from and go to: slices of an arena, or a mapping of their own where no arena
// has room. No queues here, and no ownership but that of the caller.
#pragma once

#include <cstddef>

#include "base/units.h"
#include "page/ownership.h"
#include "page/page.h"

namespace ashlar {

// Memory for one page: slices and their entry. Where it is a mapping, `arena` is nullptr, and the
// entry a record of the metadata pool: a lone page.
struct PageMemory {
  Page* page = nullptr;
  SystemArena* arena = nullptr;
  void* start = nullptr;
  SliceCount slices;
  std::size_t bytes = 0;  // usable from start on
  Contents contents = Contents::kUnknown;
};

// Slices of an arena, the first at a multiple of `alignment` slices, with `headroom` free slices
// behind them; false when there are none.
bool acquire_slices(SliceCount slices, SliceCount alignment, SliceCount headroom,
                    PageMemory* memory);

// A mapping of its own of at least `bytes`, aligned to `alignment` bytes (kSliceSize or more);
// false when the system has none.
bool acquire_mapping(std::size_t bytes, std::size_t alignment, PageMemory* memory);

// Gives either back. Its first `touched` bytes may hold physical memory; what lies behind them
// is as it was when it was acquired, which `contents` says.
void release_memory(const PageMemory& memory, std::size_t touched);

// Gives back memory that nothing was done with since it was acquired.
void release_unused(const PageMemory& memory);

// A page of the class, empty and without capacity, entered in the page map and owned by `id`;
// nullptr when memory is short.
Page* acquire_page(SizeClass size_class, std::uintptr_t id);

// Takes back the hint that an orphan page was published with, if there is one: its owner needs no
// finding any more.
void forget_hint(const Page* page);

// Gives the memory of a page without live blocks back; it stands in no list and is the caller's.
void release_page(Page* page);

}  // namespace ashlar
