// NUMA nodes through the public header, on whatever machine this is: any number is a node, and no
// preference is a wall. What is preferred to what is tested with arenas of known nodes elsewhere.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "api_test_support.h"

namespace {

using namespace api_test;

constexpr std::size_t kNumaSize = 32 * kMiB;

mi_arena_id_t manage(int node, bool exclusive) {
  void* const memory =
      mmap(nullptr, kNumaSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mi_arena_id_t id = 0;
  EXPECT_TRUE(mi_manage_os_memory_ex(memory, kNumaSize, true, false, true, node, exclusive, &id));
  return id;
}

TEST(Numa, MemoryMayBeOfAnyNode) {
  for (const int node : {-1, 0, 1, 5, 1'000'000, -7}) {
    const mi_arena_id_t id = manage(node, true);
    mi_heap_t* const heap = mi_heap_new_in_arena(id);
    mi_heap_set_numa_affinity(heap, node + 1);
    EXPECT_TRUE(mi_arena_contains(id, mi_heap_malloc(heap, kMiB)))
        << "a heap in an arena takes its memory there, whatever node it prefers";
    mi_heap_destroy(heap);
  }
}

TEST(Numa, APreferenceIsNoWall) {
  manage(0, false);
  for (const int node : {0, 1, 2, 77, -1}) {
    mi_heap_t* const heap = mi_heap_new();
    mi_heap_set_numa_affinity(heap, node);
    std::size_t bytes = 0;
    for (const std::size_t size : {100ul, 10000ul, 100000ul, 20000000ul, 70000000ul}) {
      void* const block = opaque(mi_heap_zalloc(heap, size));
      ASSERT_NE(block, nullptr);
      std::memset(block, 1, size);
      bytes += size;
    }
    EXPECT_GT(bytes, kNumaSize);
    mi_heap_destroy(heap);
  }
  mi_heap_set_numa_affinity(nullptr, 0);
  mi_heap_set_numa_affinity(mi_heap_main(), 0);
  EXPECT_TRUE(Block(mi_malloc(3 * kMiB)));
  mi_heap_set_numa_affinity(mi_heap_main(), -1);
}

TEST(Numa, ArenasMayBeLocal) {
  mi_option_enable(mi_option_arena_is_numa_local);
  for (int i = 0; i < 10; ++i) {
    const Block block(mi_zalloc(20 * kMiB));
    ASSERT_TRUE(block);
    std::memset(block.get(), 1, 20 * kMiB);
  }
  mi_option_disable(mi_option_arena_is_numa_local);
}

}  // namespace
