// Keeping and searching the parts of a thread.
#include "heap/part_index.h"

#include <bit>
#include <cstdint>

#include "base/integer.h"
#include "base/units.h"
#include "heap/heap.h"
#include "heap/process.h"

namespace ashlar {
namespace {

// Fibonacci hashing (D. Knuth, "The Art of Computer Programming", volume 3, section 6.4): records
// that lie at equal distances, whatever these are, are spread evenly.
ThreadHeap*& bucket_of(PartIndex* index, const Heap* heap) {
  constexpr int kBits = std::countr_zero(PartIndex::kBuckets);
  static_assert(std::has_single_bit(PartIndex::kBuckets));
  const std::uint64_t product =
      address_of(heap) / kCacheLine * std::uint64_t{0x9E37'79B9'7F4A'7C15};
  return index->buckets[product >> (64 - kBits)];
}

void enter(PartIndex* index, ThreadHeap* part) {
  ThreadHeap*& bucket = bucket_of(index, part->home);
  part->next_in_bucket = bucket;
  bucket = part;
}

bool are_many(const ThreadHeap* part) {
  std::size_t count = 0;
  for (; part != nullptr && count <= PartIndex::kUnindexed; part = part->next_of_thread) {
    ++count;
  }
  return count > PartIndex::kUnindexed;
}

}  // namespace

ThreadHeap* find_part(ThreadHeap* backing, const Heap* heap) {
  if (PartIndex* const index = backing->part_index) {
    ThreadHeap* part = bucket_of(index, heap);
    while (part != nullptr && part->home != heap) {
      part = part->next_in_bucket;
    }
    return part;
  }
  ThreadHeap* part = backing;
  while (part != nullptr && part->home != heap) {
    part = part->next_of_thread;
  }
  return part;
}

void add_part(ThreadHeap* backing, ThreadHeap* part) {
  part->next_of_thread = backing->next_of_thread;
  backing->next_of_thread = part;
  if (backing->part_index != nullptr) {
    enter(backing->part_index, part);
  } else if (are_many(backing)) {
    auto* const index = static_cast<PartIndex*>(metadata_pool.allocate(sizeof(PartIndex)));
    for (ThreadHeap* each = backing; index != nullptr && each != nullptr;
         each = each->next_of_thread) {
      enter(index, each);
    }
    backing->part_index = index;
  }
}

void remove_part(ThreadHeap* backing, ThreadHeap** link) {
  ThreadHeap* const part = *link;
  *link = part->next_of_thread;
  if (backing->part_index != nullptr) {
    ThreadHeap** bucket = &bucket_of(backing->part_index, part->home);
    while (*bucket != part) {
      bucket = &(*bucket)->next_in_bucket;
    }
    *bucket = part->next_in_bucket;
  }
}

void drop_part_index(ThreadHeap* backing) {
  if (backing->part_index != nullptr) {
    metadata_pool.release(backing->part_index, sizeof(PartIndex));
    backing->part_index = nullptr;
  }
}

}  // namespace ashlar
