// mi_stl_allocator in standard containers: that it satisfies them, that the memory comes from the
// library, over-aligned types, and failure.
#include <gtest/gtest.h>

#include <deque>
#include <list>
#include <map>
#include <new>
#include <string>
#include <type_traits>
#include <unordered_map>

#include "api_test_support.h"

namespace {

using namespace api_test;

template <class T>
using StlVector = std::vector<T, mi_stl_allocator<T>>;

TEST(StlAllocator, ContainersHoldTheirElementsInLibraryMemory) {
  StlVector<long> numbers;
  for (long i = 0; i < 100000; ++i) numbers.push_back(i);
  for (long i = 0; i < 100000; ++i) ASSERT_EQ(numbers[static_cast<std::size_t>(i)], i);
  EXPECT_TRUE(mi_is_in_heap_region(numbers.data()));
  EXPECT_GE(mi_usable_size(numbers.data()), numbers.size() * sizeof(long));
}

TEST(StlAllocator, NodeContainersRebind) {
  using Pair = std::pair<const int, std::string>;
  std::map<int, std::string, std::less<>, mi_stl_allocator<Pair>> tree;
  std::unordered_map<int, std::string, std::hash<int>, std::equal_to<>, mi_stl_allocator<Pair>>
      table;
  std::list<int, mi_stl_allocator<int>> list;
  std::deque<int, mi_stl_allocator<int>> deque;
  for (int i = 0; i < 2000; ++i) {
    tree[i] = table[i] = std::to_string(i);
    list.push_back(i);
    deque.push_front(i);
  }
  for (int i = 0; i < 2000; i += 3) tree.erase(i), table.erase(i), list.remove(i);
  EXPECT_EQ(tree.size(), table.size());
  EXPECT_EQ(tree.size(), list.size());
  EXPECT_EQ(tree.at(1999), "1999");
  EXPECT_EQ(deque.back(), 0);
  EXPECT_TRUE(mi_is_in_heap_region(&tree.at(1)));
  EXPECT_TRUE(mi_is_in_heap_region(&list.front()));
}

TEST(StlAllocator, SharedObjectsCanLiveInIt) {
  const auto shared = std::allocate_shared<std::string>(mi_stl_allocator<std::string>(), "ashlar");
  EXPECT_EQ(*shared, "ashlar");
  EXPECT_TRUE(mi_is_in_heap_region(shared.get()));
}

TEST(StlAllocator, AllObjectsAreEqual) {
  const mi_stl_allocator<int> ints;
  const mi_stl_allocator<long> longs(ints);
  EXPECT_TRUE(ints == longs);
  EXPECT_FALSE(ints != longs);
  static_assert(std::allocator_traits<mi_stl_allocator<int>>::is_always_equal::value);
  static_assert(std::is_same_v<std::allocator_traits<mi_stl_allocator<int>>::rebind_alloc<long>,
                               mi_stl_allocator<long>>);
  mi_stl_allocator<int> one;
  mi_stl_allocator<int> other;
  int* p = opaque(one.allocate(3));
  p[2] = 5;
  EXPECT_EQ(p[2], 5);
  other.deallocate(p, 3);
}

template <std::size_t alignment>
struct alignas(alignment) AlignedTo {
  unsigned char bytes[alignment];
};

template <std::size_t alignment>
void check_over_aligned() {
  StlVector<AlignedTo<alignment>> vector(3);
  for (int i = 0; i < 20; ++i) {
    vector.emplace_back();
    ASSERT_TRUE(is_aligned(vector.data(), alignment)) << alignment;
  }
}

TEST(StlAllocator, OverAlignedTypesAreAligned) {
  check_over_aligned<16>();
  check_over_aligned<32>();
  check_over_aligned<64>();
  check_over_aligned<4096>();
}

TEST(StlAllocator, TooManyElementsThrow) {
  mi_stl_allocator<long> longs;
  EXPECT_THROW((void)longs.allocate(opaque(kMaxSize)), std::bad_alloc);
  EXPECT_THROW((void)longs.allocate(opaque(kMaxSize / sizeof(long) + 2)), std::bad_alloc);
  EXPECT_THROW((void)longs.allocate(opaque(longs.max_size())), std::bad_alloc);
  mi_stl_allocator<AlignedTo<64>> aligned;
  EXPECT_THROW((void)aligned.allocate(opaque(kMaxSize / 64 + 2)), std::bad_alloc);
  EXPECT_THROW((void)aligned.allocate(opaque(aligned.max_size())), std::bad_alloc);
}

}  // namespace
