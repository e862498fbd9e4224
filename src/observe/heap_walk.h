// Looking through a heap: its pages, and the live blocks of each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "heap/heap.h"

namespace ashlar {

struct Realm;

// A page as a walk shows it.
struct PageView {
  void* start;             // of block 0
  std::size_t reserved;    // bytes of the page
  std::size_t committed;   // bytes that blocks have been made of so far
  std::size_t live;        // blocks that the program holds
  std::size_t block_size;  // bytes from block to block
  std::size_t usable;      // bytes of each that a program may have
};

// Sees a page (block is nullptr) or a live block of it; false ends the walk.
using PageVisitor = bool(const PageView& page, void* block, void* arg);

// Shows the pages of a heap, each followed by its live blocks if `blocks` is set; whether the
// visitor let it come to the end. The pages of deleted heaps are the main heap's. No other thread
// uses the heap meanwhile (debug builds report what they notice of it); the visitor may free the
// block that it is shown, and use other heaps.
enum class Rest : std::uint8_t {
  kPromised,  // by the caller
  kUnknown,   // what is shown of pages that change meanwhile is of no one moment
};
bool walk_heap(const Heap* heap, bool blocks, PageVisitor* visitor, void* arg,
               Rest rest = Rest::kPromised);

// The same for the pages that a part of a heap owns, whose thread does not use it meanwhile.
bool walk_thread_heap(const ThreadHeap* part, bool blocks, PageVisitor* visitor, void* arg);

// The same for orphan pages of a realm's heaps: of `heap`, or (nullptr) of those with this tag, or
// of all (kAnyTag). Each is the caller's while it is shown, so other threads may go on. The visitor
// gets the heap.
inline constexpr int kAnyTag = -1;
using OrphanVisitor = bool(const Heap* heap, const PageView& page, void* block, void* arg);
bool walk_orphans(Realm* realm, const Heap* heap, int tag, bool blocks, OrphanVisitor* visitor,
                  void* arg);

}  // namespace ashlar
