// Blocks while a tool watches the process (support/tracker.h): what surrounds them, and what the
// tool is told. Every call is slow then, and comes by here.
//
// What malloc hands out lies within a block of the page, all of which it may be pointed into:
//
//     record | for alignment | block as the program sees it | at least kBehindTracked
//
// So an access before or behind it finds bytes that nobody may touch, and the record stays
// readable, to us alone, when the block is free.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "heap/free.h"
#include "support/tracker.h"

namespace ashlar {

// Stands at the start of a tracked block.
//
// Owner:       who holds the block; `link` the page's lists while it is free
// Shared:      state, by all that free the block: one of them succeeds
// Invariants:  state is one of two values made from the record's address, so that no other memory
//              looks like a record; the others are as when the block was last handed out
// Life:        memory of a page -> in use <-> free
struct BlockRecord {
  std::uint64_t link;
  std::uint64_t size;    // that the program asked for
  std::uint64_t offset;  // from here to what the program sees
  std::atomic<std::uint64_t> state;

  void* start() { return at_offset(this, offset); }
};

inline constexpr std::size_t kBehindTracked = 8;
static_assert(sizeof(BlockRecord) % kBlockAlignment == 0);

// malloc and its family. alignment: a power of two; nullptr with errno on failure.
struct TrackedRequest {
  std::size_t size = 0;
  std::size_t alignment = kBlockAlignment;
  std::size_t offset = 0;  // of the byte that is aligned
  Contents contents = Contents::kUnknown;
};
void* allocate_tracked(Heap* heap, const TrackedRequest& request, CallSite site);

// free. What is no start of a block in use is reported, to the program and to the tool.
void free_tracked(Page* page, void* pointer, CallSite site);

// A block in use keeps the first `size` of the `found.usable` bytes behind a pointer into it.
void shrink_tracked(const Resolved& found, const void* pointer, std::size_t size, CallSite site);

// resolve: the usable size is the requested one. No page where the block is not in use.
Resolved resolve_tracked(Page* page, const void* pointer);

// The block as the program sees it, for visits; nullptr for one that is not in use.
void* seen_by_program(void* block, std::size_t* size);

// A page was made; it is gone, with all blocks that are still in use.
void note_page_tracked(Page* page);
void note_page_untracked(Page* page);

// From now on the tool is told. The library's constructors have run.
void begin_tracking();

}  // namespace ashlar
