// First-class heaps from inside: whose a page is, what refers to a heap, and when its record is
// used again.
#include "heap/heap.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "heap/rest.h"
#include "heap_test_support.h"

namespace ashlar {
namespace {

using namespace heap_test;

void* take_from(Heap* heap, std::size_t size) {
  return allocate_plain(heap, size, Contents::kUnknown);
}

// What must be zero and is large has a mapping.
void* take_mapping_from(Heap* heap) {
  return allocate_plain(heap, kArenaPlainMax + kMiB, Contents::kZero);
}

std::int64_t references(const Heap* heap) {
  return heap->references.load(std::memory_order_relaxed);
}

TEST(Heap, IsReferredToByItsHandleItsPartsAndItsPages) {
  Heap* const heap = make_heap(nullptr, 3, true);
  ASSERT_NE(heap, nullptr);
  EXPECT_EQ(heap->tag, 3);
  EXPECT_EQ(references(heap), 1);
  void* const small = take_from(heap, 100);
  EXPECT_EQ(references(heap), 3) << "handle, part, page";
  void* const huge = take_from(heap, 100 * kKiB);
  EXPECT_EQ(references(heap), 4);
  EXPECT_EQ(heap->unowned.load(std::memory_order_relaxed), 1) << "nobody owns a huge page";
  EXPECT_EQ(home_of(page_of(small)), heap);
  EXPECT_EQ(home_of(page_of(huge)), heap);
  free_block(huge);
  EXPECT_EQ(references(heap), 3);
  EXPECT_EQ(heap->unowned.load(std::memory_order_relaxed), 0);
  destroy_heap(heap);
}

TEST(Heap, ARecordIsUsedAgainUnderANewNumber) {
  Heap* const first = make_heap(nullptr, 0, true);
  const std::uint64_t number = first->number;
  destroy_heap(first);
  Heap* const second = make_heap(nullptr, 0, true);
  EXPECT_EQ(second, first);
  EXPECT_NE(second->number, number);
  destroy_heap(second);
}

TEST(Heap, DeletingMovesPagesOfEveryKindAndFreesTheRecord) {
  Heap* const heap = make_heap(nullptr, 0, true);
  void* const small = take_from(heap, 100);
  void* const huge = take_from(heap, 100 * kKiB);
  void* const mapped = take_mapping_from(heap);
  void* orphan = nullptr;
  in_thread([&] { orphan = take_from(heap, 300); });
  EXPECT_EQ(heap->unowned.load(std::memory_order_relaxed), 3);
  delete_heap(heap);
  for (void* const block : {small, huge, mapped, orphan}) {
    EXPECT_EQ(home_of(page_of(block)), &main_heap);
    free_block(block);
  }
  Heap* const next = make_heap(nullptr, 0, true);
  EXPECT_EQ(next, heap) << "nothing refers to the deleted heap any more";
  destroy_heap(next);
}

TEST(Heap, ARecordStaysWhileAThreadHasAPartOfIt) {
  Heap* const heap = make_heap(nullptr, 0, true);
  std::latch made(1);
  std::latch deleted(1);
  void* block = nullptr;
  std::thread other([&] {
    block = take_from(heap, 100);
    made.count_down();
    deleted.wait();
    EXPECT_TRUE(thread_heap->backing->attention.load(std::memory_order_relaxed));
    EXPECT_EQ(home_of(page_of(block)), heap) << "its owner has not come by yet";
    collect(false);
    EXPECT_EQ(home_of(page_of(block)), &main_heap);
    EXPECT_EQ(thread_heap->next_of_thread, nullptr) << "the part is gone";
    free_block(block);
  });
  made.wait();
  delete_heap(heap);
  Heap* const next = make_heap(nullptr, 0, true);
  EXPECT_NE(next, heap);
  deleted.count_down();
  other.join();
  Heap* const last = make_heap(nullptr, 0, true);
  EXPECT_EQ(last, heap) << "now it is free";
  destroy_heap(next);
  destroy_heap(last);
}

TEST(Heap, AFreeIntoAnOrphanOfADeletedHeapSettlesIt) {
  Heap* const heap = make_heap(nullptr, 0, true);
  std::vector<void*> blocks;
  in_thread([&] {
    for (int i = 0; i < 50; ++i) {
      blocks.push_back(take_from(heap, 1000));
    }
  });
  Page* const page = page_of(blocks[0]);
  delete_heap(heap);
  free_block(blocks.back());
  EXPECT_EQ(home_of(page), &main_heap);
  blocks.pop_back();
  free_all(blocks);
}

TEST(Heap, OrphansAreAdoptedByTheirOwnHeapOnly) {
  Heap* const heap = make_heap(nullptr, 0, true);
  void* left = nullptr;
  in_thread([&] { left = take_from(heap, 5 * kKiB); });
  Page* const page = page_of(left);
  in_thread([&] {
    void* const mine = take(5 * kKiB);
    EXPECT_NE(page_of(mine), page);
    free_block(mine);
    void* const of_heap = take_from(heap, 5 * kKiB);
    EXPECT_EQ(page_of(of_heap), page);
    free_block(of_heap);
  });
  destroy_heap(heap);
}

TEST(Heap, DestroyingReleasesAllItsPages) {
  const std::int64_t before = pages_in_use();
  Heap* const heap = make_heap(nullptr, 0, true);
  for (const std::size_t size : {8u, 100u, 5000u, 20000u, 100000u, 50000000u}) {
    for (int i = 0; i < 30 && take_from(heap, size) != nullptr; ++i) {
    }
    in_thread([&] { EXPECT_NE(take_from(heap, size), nullptr); });
  }
  EXPECT_GT(pages_in_use(), before + 60) << "30 huge blocks, 30 mappings, and some more";
  destroy_heap(heap);
  EXPECT_LE(pages_in_use(), before + 4) << "what is left is of the main heap, for the threads";
}

TEST(Parts, OfOneThreadAreFoundByNumber) {
  in_thread([] {
    Heap* const first = make_heap(nullptr, 0, true);
    Heap* const second = make_heap(nullptr, 0, true);
    EXPECT_EQ(find_thread_heap(first), nullptr);
    ThreadHeap* const part = thread_heap_in(first);
    EXPECT_EQ(find_thread_heap(first), part);
    EXPECT_EQ(thread_heap_in(first), part);
    EXPECT_NE(thread_heap_in(second), part);
    EXPECT_EQ(thread_heap_in(&main_heap), thread_heap);
    EXPECT_EQ(part->backing, thread_heap);
    destroy_heap(first);
    destroy_heap(second);
    EXPECT_EQ(thread_heap->next_of_thread, nullptr);
  });
}

// One block of each of a dozen size classes: a page with room for each, which the thread keeps.
std::vector<void*> take_a_dozen() {
  std::vector<void*> blocks;
  for (SizeClass c = 8; c < 20; ++c) {
    blocks.push_back(take(block_size_of(c) - kPadding));
  }
  return blocks;
}

std::size_t count_owned(const std::vector<void*>& blocks) {
  std::size_t owned = 0;
  for (void* const block : blocks) {
    owned += (owner_of(page_of(block)) & ~kOwnerFlags) == thread_id() ? 1u : 0u;
  }
  return owned;
}

TEST(Parking, LetsGoOfAllPagesAndTheThreadGoesOn) {
  in_thread([] {
    const std::vector<void*> blocks = take_a_dozen();
    EXPECT_EQ(count_owned(blocks), blocks.size());
    park_thread();
    EXPECT_EQ(count_owned(blocks), 0u);
    void* const again = take(600);
    EXPECT_NE(again, nullptr);
    free_block(again);
    free_all(blocks);
  });
}

TEST(Parking, ReducingStopsWhereItIsEnough) {
  in_thread([] {
    const std::vector<void*> blocks = take_a_dozen();
    reduce(5 * kSliceSize);
    EXPECT_LE(count_owned(blocks), 5u);
    EXPECT_GE(count_owned(blocks), 4u) << "and not much less is kept than was allowed";
    free_all(blocks);
  });
}

// What debug builds ask before they destroy a heap. Whether the other thread gets a processor
// between two looks is not in the test's hands, so it asks often.
TEST(HeapTest, SeemsAtRestUnlessAnotherThreadUsesIt) {
  Heap* const heap = make_heap(nullptr, 0, true);
  void* const kept = allocate_plain(heap, 16, Contents::kUnknown);
  EXPECT_TRUE(seems_at_rest(heap));
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) {
      free_block(allocate_plain(heap, 16, Contents::kUnknown));
    }
  });
  bool noticed = false;
  for (int i = 0; i < 100'000 && !noticed; ++i) {
    noticed = !seems_at_rest(heap);
  }
  stop = true;
  other.join();
  EXPECT_TRUE(noticed);
  EXPECT_TRUE(seems_at_rest(heap));
  free_block(kept);
  EXPECT_TRUE(seems_at_rest(&main_heap));
  destroy_heap(heap);
}

}  // namespace
}  // namespace ashlar
