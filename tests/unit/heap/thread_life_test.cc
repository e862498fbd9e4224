// Threads come and go: what a thread needs is given back when it ends, and used by the next.
#include "heap/thread_life.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "heap_test_support.h"

namespace ashlar {
namespace {

using namespace heap_test;

std::uint32_t slices_in_use() {
  std::uint32_t slices = 0;
  main_realm.arenas.for_each_arena(
      [&](const SystemArena& arena) { slices += arena.count_in_use(); });
  return slices;
}

TEST(ThreadLife, AThreadGetsAHeapWithItsFirstAllocation) {
  const std::int64_t before = main_realm.stats.threads.current();
  in_thread([&] {
    free_block(take(100));
    EXPECT_NE(thread_heap, &empty_heap);
    EXPECT_TRUE(is_thread_id(thread_heap->id));
    EXPECT_EQ(main_realm.stats.threads.current(), before + 1);
  });
  EXPECT_EQ(main_realm.stats.threads.current(), before);
}

TEST(ThreadLife, AThousandThreadsUseTheRecordsOfOne) {
  in_thread([] { free_block(take(100)); });
  const std::uint32_t slices = slices_in_use();
  const std::uint32_t arenas_before = main_realm.arenas.count_arenas();
  const std::int64_t pages = pages_in_use();
  for (int i = 0; i < 1000; ++i) {
    in_thread([] {
      void* const small = take(40);
      void* const large = take(100 * kKiB);
      free_block(small);
      free_block(large);
    });
  }
  EXPECT_EQ(main_realm.arenas.count_arenas(), arenas_before);
  EXPECT_LE(pages_in_use(), pages + 4);
  // A page of 100 KiB blocks is 64 slices; a leak of one record a thread would be 45 slices more.
  EXPECT_LE(slices_in_use(), slices + 8);
}

TEST(ThreadLife, AHeapEndedByHandIsMadeAgain) {
  in_thread([] {
    void* const block = take(7 * kKiB);
    Page* const page = page_of(block);
    end_thread();
    EXPECT_EQ(thread_heap, &empty_heap);
    EXPECT_FALSE(thread_has_ended());
    EXPECT_EQ(owner_of(page) & ~kOwnerFlags, kNoOwner);
    free_block(block);
    void* const again = take(100);
    EXPECT_NE(thread_heap, &empty_heap);
    free_block(again);
  });
}

// Thread-local destructors may allocate and free after the heap is gone.
struct LateUser {
  std::atomic<int>* good = nullptr;
  void* early = nullptr;
  ~LateUser() {
    void* const block = take(200);
    if (block != nullptr) {
      free_block(block);
    }
    free_block(early);
    good->fetch_add(block != nullptr ? 1 : 0, std::memory_order_relaxed);
  }
};
thread_local LateUser late_user;

TEST(ThreadLife, DestructorsOfThreadLocalsMayAllocateAndFree) {
  std::atomic<int> good{0};
  for (int i = 0; i < 20; ++i) {
    in_thread([&] {
      late_user.good = &good;
      late_user.early = take(500);
    });
  }
  EXPECT_EQ(good.load(std::memory_order_relaxed), 20);
}

}  // namespace
}  // namespace ashlar
