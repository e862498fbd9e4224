// Keeping and searching the parts of a thread.
#include "heap/part_index.h"

#include "heap/process.h"

namespace ashlar {
namespace {

ThreadHeap*& bucket_of(PartIndex* index, std::uint64_t number) {
  return index->buckets[number % PartIndex::kBuckets];
}

void enter(PartIndex* index, ThreadHeap* part) {
  ThreadHeap*& bucket = bucket_of(index, part->number);
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

ThreadHeap* find_part(ThreadHeap* backing, std::uint64_t number) {
  if (PartIndex* const index = backing->part_index) {
    ThreadHeap* part = bucket_of(index, number);
    while (part != nullptr && part->number != number) {
      part = part->next_in_bucket;
    }
    return part;
  }
  ThreadHeap* part = backing;
  while (part != nullptr && part->number != number) {
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
    ThreadHeap** bucket = &bucket_of(backing->part_index, part->number);
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
