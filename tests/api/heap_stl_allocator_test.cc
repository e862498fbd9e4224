// mi_heap_stl_allocator and mi_heap_destroy_stl_allocator in standard containers: whose heap the
// memory comes from, how long the heap lives, and failure.
#include <gtest/gtest.h>

#include <cstdint>
#include <list>
#include <map>
#include <new>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "api_test_support.h"

namespace {

using namespace api_test;

static_assert(MI_HAS_HEAP_STL_ALLOCATOR == 1);

template <class T>
using Vector = std::vector<T, mi_heap_stl_allocator<T>>;
template <class T>
using DroppedVector = std::vector<T, mi_heap_destroy_stl_allocator<T>>;

template <template <class> class Allocator>
void check_fresh_heaps() {
  const Allocator<int> one;
  const Allocator<int> other;
  EXPECT_NE(one.heap(), nullptr);
  EXPECT_NE(one.heap(), mi_heap_main());
  EXPECT_NE(one.heap(), other.heap());
  EXPECT_TRUE(one != other);
  const Allocator<long> copy(one);
  EXPECT_EQ(copy.heap(), one.heap());
  EXPECT_TRUE(copy == one);
}

TEST(HeapStlAllocator, EachFreshOneHasAHeapOfItsOwn) {
  check_fresh_heaps<mi_heap_stl_allocator>();
  check_fresh_heaps<mi_heap_destroy_stl_allocator>();
}

template <template <class> class Allocator>
void check_containers() {
  using Pair = std::pair<const int, std::string>;
  const Allocator<Pair> allocator;
  std::map<int, std::string, std::less<>, Allocator<Pair>> tree(allocator);
  std::unordered_map<int, std::string, std::hash<int>, std::equal_to<>, Allocator<Pair>> table(
      allocator);
  std::list<int, Allocator<int>> list{Allocator<int>(allocator)};
  for (int i = 0; i < 2000; ++i) {
    tree[i] = table[i] = std::to_string(i);
    list.push_back(i);
  }
  for (int i = 0; i < 2000; i += 3) tree.erase(i), table.erase(i), list.remove(i);
  EXPECT_EQ(tree.size(), table.size());
  EXPECT_EQ(tree.size(), list.size());
  EXPECT_EQ(tree.at(1999), "1999");
  EXPECT_EQ(mi_heap_of(&tree.at(1)), allocator.heap());
  EXPECT_EQ(mi_heap_of(&table.at(1)), allocator.heap());
  EXPECT_EQ(mi_heap_of(&list.front()), allocator.heap());
}

TEST(HeapStlAllocator, NodeContainersRebindAndShareTheHeap) {
  check_containers<mi_heap_stl_allocator>();
  check_containers<mi_heap_destroy_stl_allocator>();
}

TEST(HeapStlAllocator, AGivenHeapIsTheProgramsToEnd) {
  mi_heap_t* const heap = mi_heap_new();
  {
    Vector<int> numbers{mi_heap_stl_allocator<int>(heap)};
    DroppedVector<int> others{mi_heap_destroy_stl_allocator<int>(heap)};
    numbers.assign(1000, 7);
    others.assign(1000, 8);
    EXPECT_EQ(mi_heap_of(numbers.data()), heap);
    EXPECT_EQ(mi_heap_of(others.data()), heap);
  }
  const Block after(mi_heap_malloc(heap, 100));
  EXPECT_EQ(mi_heap_of(after.get()), heap) << "the heap lives";
  mi_heap_delete(heap);
}

TEST(HeapStlAllocator, BlocksOutliveADeletedHeap) {
  int* kept = nullptr;
  {
    mi_heap_stl_allocator<int> allocator;
    kept = allocator.allocate(100);
    kept[99] = 5;
    EXPECT_EQ(mi_heap_of(kept), allocator.heap());
  }
  EXPECT_EQ(kept[99], 5);
  EXPECT_EQ(mi_heap_of(kept), mi_heap_main());
  mi_free(kept);
}

TEST(HeapStlAllocator, DestroyingFreesWhatWasNotFreed) {
  void* leaked = nullptr;
  {
    mi_heap_destroy_stl_allocator<char> allocator;
    char* const small = allocator.allocate(100);
    allocator.deallocate(small, 100);
    EXPECT_EQ(mi_heap_of(small), allocator.heap()) << "not freed one by one";
    const long most = mi_option_get(mi_option_arena_max_object_size);
    mi_option_set(mi_option_arena_max_object_size, 1024);  // KiB
    leaked = allocator.allocate(std::size_t{2} << 20);
    mi_option_set(mi_option_arena_max_object_size, most);
    EXPECT_TRUE(mi_is_in_heap_region(leaked));
  }
  EXPECT_FALSE(mi_is_in_heap_region(leaked)) << "a mapping of its own went with the heap";
}

TEST(HeapStlAllocator, MovedAndSwappedContainersTakeTheirHeapsAlong) {
  Vector<int> one(1000, 1);
  Vector<int> other(1000, 2);
  mi_heap_t* const first = one.get_allocator().heap();
  mi_heap_t* const second = other.get_allocator().heap();
  std::swap(one, other);
  EXPECT_EQ(one.get_allocator().heap(), second);
  one = std::move(other);
  EXPECT_EQ(one.get_allocator().heap(), first);
  EXPECT_EQ(one[999], 1);
  Vector<int> copy;
  copy = one;
  EXPECT_EQ(copy.get_allocator().heap(), first);
  EXPECT_EQ(mi_heap_of(copy.data()), first);
}

TEST(HeapStlAllocator, OneHeapServesSeveralThreads) {
  const mi_heap_stl_allocator<long> allocator;
  std::vector<std::thread> threads;
  for (long t = 0; t < 4; ++t) {
    threads.emplace_back([t, &allocator] {
      Vector<long> numbers(allocator);
      for (long i = 0; i < 20000; ++i) numbers.push_back(i * t);
      EXPECT_EQ(numbers[19999], 19999 * t);
      EXPECT_EQ(mi_heap_of(numbers.data()), allocator.heap());
    });
  }
  for (std::thread& thread : threads) thread.join();
}

struct alignas(4096) Aligned {
  unsigned char bytes[4096];
};

TEST(HeapStlAllocator, OverAlignedTypesAreAligned) {
  Vector<Aligned> vector;
  for (int i = 0; i < 20; ++i) {
    vector.emplace_back();
    ASSERT_TRUE(is_aligned(vector.data(), 4096));
  }
  EXPECT_EQ(mi_heap_of(vector.data()), vector.get_allocator().heap());
}

TEST(HeapStlAllocator, CollectingKeepsBlocks) {
  Vector<int> numbers(1000, 3);
  numbers.get_allocator().collect(true);
  EXPECT_EQ(numbers[999], 3);
}

TEST(HeapStlAllocator, WhatCannotBeHadThrows) {
  mi_heap_stl_allocator<long> longs;
  EXPECT_THROW((void)longs.allocate(opaque(kMaxSize)), std::bad_alloc);
  EXPECT_THROW((void)longs.allocate(opaque(longs.max_size())), std::bad_alloc);
  mi_heap_stl_allocator<Aligned> aligned;
  EXPECT_THROW((void)aligned.allocate(opaque(kMaxSize / 64 + 2)), std::bad_alloc);
  EXPECT_THROW((void)aligned.allocate(opaque(aligned.max_size())), std::bad_alloc);
}

}  // namespace
