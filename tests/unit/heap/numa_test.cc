// NUMA nodes as heaps see them, in a process that is told of four: which numbers mean which node,
// and whose arenas a heap takes memory from.
#include "heap/numa.h"

#include <gtest/gtest.h>

#include "heap/arenas.h"
#include "heap_test_support.h"
#include "support/options.h"

namespace ashlar {
namespace {

using namespace heap_test;

constexpr std::size_t kSize = 32 * kMiB;

class NumaTest : public testing::Test {
 protected:
  NumaTest() { known_numa_nodes.set(4); }
  ~NumaTest() override { known_numa_nodes.set(0); }

  static const SystemArena* add(int node) {
    void* const start = System::reserve(nullptr, kSize, kArenaAlignment, Access::kReadWrite);
    return arena_of_id(manage_arena({.start = start,
                                     .size = kSize,
                                     .committed = true,
                                     .zero = true,
                                     .purging = Purging::kLeavesZero,
                                     .numa_node = node}));
  }
  static int node_of(const void* block) { return page_of(block)->arena->numa_node(); }
};

TEST_F(NumaTest, NodesWrapRoundAndNoneIsAny) {
  EXPECT_EQ(wrap_numa_node(3), 3);
  EXPECT_EQ(wrap_numa_node(4), 0);
  EXPECT_EQ(wrap_numa_node(4001), 1);
  EXPECT_EQ(wrap_numa_node(-1), -1);
  EXPECT_EQ(wrap_numa_node(-100), -1);
  EXPECT_EQ(add(6)->numa_node(), 2);
}

TEST_F(NumaTest, AHeapTakesItsPagesFromArenasOfItsNode) {
  add(2);
  add(3);
  Heap* const heap = make_heap(nullptr, 0, true);
  for (const int node : {2, 3}) {
    heap->numa_node.set(static_cast<std::int16_t>(node));
    EXPECT_EQ(preferred_numa_node(heap), node);
    EXPECT_EQ(node_of(allocate_huge(heap, kMiB, kSliceSize, Contents::kUnknown)), node);
    // The size classes differ, so that a new page is needed.
    EXPECT_EQ(
        node_of(allocate_in_slow(heap, static_cast<std::size_t>(node) * 1000, Contents::kUnknown)),
        node);
  }
  void* const large = allocate_huge(heap, kSize - 8 * kMiB, kSliceSize, Contents::kUnknown);
  void* const more = allocate_huge(heap, kSize - 8 * kMiB, kSliceSize, Contents::kUnknown);
  EXPECT_EQ(node_of(large), 3);
  ASSERT_NE(more, nullptr) << "a full node is no wall";
  EXPECT_NE(node_of(more), 3);
  destroy_heap(heap);
}

TEST_F(NumaTest, AThreadPrefersItsOwnNode) {
  add(1);
  const int own = static_cast<int>(System::numa_node()) % 4;
  EXPECT_EQ(preferred_numa_node(&main_heap), own);
  known_numa_nodes.set(1);
  EXPECT_EQ(preferred_numa_node(&main_heap), -1) << "with one node nothing is asked for";
}

TEST_F(NumaTest, TheCountIsTheSystemsAtMostWhatTheOptionSays) {
  const auto there_are = static_cast<int>(System::numa_node_count());
  known_numa_nodes.set(0);
  EXPECT_EQ(numa_node_count(), there_are);
  for (const long limit : {1L, 1000L}) {
    option_set(Option::kUseNumaNodes, limit);
    apply_option(Option::kUseNumaNodes);
    EXPECT_EQ(numa_node_count(), limit < there_are ? limit : there_are);
  }
  option_set(Option::kUseNumaNodes, 0);
  apply_option(Option::kUseNumaNodes);
}

}  // namespace
}  // namespace ashlar
