// The parts that one thread keeps for heaps, by these: a list while they are few, and a hash table
// besides once they are many.
#pragma once

#include <cstddef>
#include <cstdint>

#include "heap/thread_heap.h"

namespace ashlar {

// Chains of parts, by the addresses of their heaps' records, linked by next_in_bucket.
//
// Owner:       the thread of the backing part that refers to it (the late heap: who holds its lock)
// Invariants:  holds every part of the thread, the backing one too
// Life:        made when the thread has more than kUnindexed parts -> kept -> given back with the
//              backing part; without it, since memory was short, parts are found in the list
struct PartIndex {
  static constexpr std::size_t kBuckets = 512;
  static constexpr std::size_t kUnindexed = 8;

  ThreadHeap* buckets[kBuckets];
};

// The thread's part for the heap, or nullptr. The heap is compared, not read: no other one has its
// record as long as a part refers to it. Complexity: linear in the thread's parts divided by the
// buckets.
ThreadHeap* find_part(ThreadHeap* backing, const Heap* heap);

// Enters a part behind the backing one, which stays the list's first; and takes `*link` out, a
// part that is not the backing one.
void add_part(ThreadHeap* backing, ThreadHeap* part);
void remove_part(ThreadHeap* backing, ThreadHeap** link);

// Gives the index back, for a backing part that is going.
void drop_part_index(ThreadHeap* backing);

}  // namespace ashlar
