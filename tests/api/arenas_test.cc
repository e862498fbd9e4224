// Arenas by hand through the public header: reserved ones, the program's own memory, exclusive
// ones with a hard wall, and memory that a purge does not zero.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <vector>

#include "api_test_support.h"

namespace {

using namespace api_test;

constexpr std::size_t kSize = 32 * kMiB;

std::size_t fill_heap(mi_heap_t* heap, std::size_t size, mi_arena_id_t arena) {
  std::size_t bytes = 0;
  while (void* const block = opaque(mi_heap_malloc(heap, size))) {
    EXPECT_TRUE(mi_arena_contains(arena, block));
    std::memset(block, 0x5A, size);
    bytes += size;
  }
  return bytes;
}

TEST(Arenas, AreReservedAndFoundByName) {
  mi_arena_id_t id = 0;
  ASSERT_EQ(mi_reserve_os_memory_ex(kSize, true, false, false, &id), 0);
  ASSERT_GT(id, 0);
  std::size_t size = 0;
  void* const start = mi_arena_area(id, &size);
  ASSERT_NE(start, nullptr);
  EXPECT_GE(size, kSize);
  EXPECT_TRUE(is_aligned(start, 4 * kMiB));
  EXPECT_TRUE(mi_arena_contains(id, start));
  EXPECT_FALSE(mi_arena_contains(id, static_cast<char*>(start) + size));
  EXPECT_EQ(mi_arena_area(id, nullptr), start);
  EXPECT_EQ(mi_reserve_os_memory(kSize, false, false), 0);
}

TEST(Arenas, UnknownNamesNameNothing) {
  std::size_t size = 1;
  for (const mi_arena_id_t id : {0, -1, 10000}) {
    EXPECT_EQ(mi_arena_area(id, &size), nullptr);
    EXPECT_EQ(size, 0u);
    EXPECT_FALSE(mi_arena_contains(id, &size));
  }
  EXPECT_EQ(mi_heap_new_in_arena(10000), nullptr);
}

TEST(Arenas, MoreThanThereIsFails) {
  mi_arena_id_t id = 77;
  EXPECT_EQ(mi_reserve_os_memory_ex(kMoreThanThereIs, false, false, false, &id), ENOMEM);
  EXPECT_EQ(mi_reserve_os_memory(kMaxSize, false, false), ENOMEM);
  EXPECT_EQ(id, 77) << "a failure leaves it alone";
}

TEST(ExclusiveArena, IsAWall) {
  for (const bool commit : {true, false}) {
    mi_arena_id_t id = 0;
    ASSERT_EQ(mi_reserve_os_memory_ex(kSize, commit, false, true, &id), 0);
    // Nobody else gets memory from it.
    for (int i = 0; i < 2000; ++i) {
      const Block block(mi_malloc(50 * kKiB));
      ASSERT_FALSE(mi_arena_contains(id, block.get()));
    }
    mi_heap_t* const heap = mi_heap_new_in_arena(id);
    ASSERT_NE(heap, nullptr);
    ErrorRecorder errors;
    errno = 0;
    EXPECT_GT(fill_heap(heap, 20 * kKiB, id), kSize / 2) << "most of the arena can be used";
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_EQ(errors.take(), std::vector<int>{ENOMEM});
    mi_heap_t* const other = mi_heap_new_in_arena(id);
    EXPECT_EQ(mi_heap_malloc(other, 5 * kMiB), nullptr) << "full for all its heaps";
    mi_heap_destroy(other);
    mi_heap_destroy(heap);
    mi_heap_t* const again = mi_heap_new_in_arena(id);
    EXPECT_GT(fill_heap(again, 300 * kKiB, id), kSize / 2) << "destroying gave all of it back";
    EXPECT_EQ(mi_heap_malloc_aligned(again, 100, 64 * kMiB), nullptr) << "nor by alignment";
    mi_heap_destroy(again);
  }
}

// How many of `count` blocks from malloc lie in an arena.
std::size_t blocks_from_malloc_in(mi_arena_id_t id, std::size_t size, std::size_t count) {
  std::vector<Block> blocks;
  std::size_t inside = 0;
  for (std::size_t i = 0; i < count; ++i) {
    blocks.emplace_back(mi_malloc(size));
    inside += mi_arena_contains(id, blocks.back().get()) ? 1 : 0;
  }
  return inside;
}

TEST(ExclusiveArena, StaysClosedWhenItsHeapIsDeleted) {
  constexpr std::size_t kBlock = 208;
  constexpr std::size_t kBlocks = 2000;
  mi_arena_id_t id = 0;
  ASSERT_EQ(mi_reserve_os_memory_ex(kSize, true, false, true, &id), 0);
  mi_heap_t* const heap = mi_heap_new_in_arena(id);
  std::vector<void*> survivors;
  for (std::size_t i = 0; i < kBlocks; ++i) survivors.push_back(mi_heap_malloc(heap, kBlock));
  const auto free_half = [&] {
    std::vector<void*> rest;
    for (std::size_t i = 0; i < survivors.size(); ++i) {
      if (i % 2 == 0) {
        mi_free(survivors[i]);
      } else {
        rest.push_back(survivors[i]);
      }
    }
    survivors = rest;
  };
  free_half();
  mi_heap_delete(heap);
  EXPECT_TRUE(mi_heap_contains(mi_heap_main(), survivors[0]));
  EXPECT_EQ(blocks_from_malloc_in(id, kBlock, kBlocks), 0u) << "pages with room are left alone";
  free_half();
  EXPECT_EQ(blocks_from_malloc_in(id, kBlock, kBlocks), 0u) << "also by who frees into them";
  mi_heap_t* const again = mi_heap_new_in_arena(id);
  EXPECT_GT(fill_heap(again, 300 * kKiB, id), kSize / 2);
  mi_heap_destroy(again);
  for (void* const block : survivors) mi_free(block);
}

TEST(ExclusiveArena, LargeBlockThatOutlivesItsHeapDoesNotGrowInIt) {
  mi_arena_id_t id = 0;
  ASSERT_EQ(mi_reserve_os_memory_ex(kSize, true, false, true, &id), 0);
  mi_heap_t* const heap = mi_heap_new_in_arena(id);
  void* const first = mi_heap_malloc(heap, 2 * kMiB);
  std::memset(first, 0x21, 2 * kMiB);
  void* const grown = opaque(mi_realloc(first, 4 * kMiB));
  EXPECT_TRUE(mi_arena_contains(id, grown)) << "the heap may use what follows";
  mi_heap_delete(heap);
  void* const moved = opaque(mi_realloc(grown, 8 * kMiB));
  ASSERT_NE(moved, nullptr);
  EXPECT_FALSE(mi_arena_contains(id, moved)) << "the main heap may not";
  for (std::size_t i = 0; i < 2 * kMiB; ++i) {
    ASSERT_EQ(static_cast<unsigned char*>(moved)[i], 0x21);
  }
  mi_free(moved);
}

TEST(ManagedMemory, ServesFromAStaticArray) {
  alignas(4096) static unsigned char memory[kSize];
  mi_arena_id_t id = 0;
  ASSERT_TRUE(mi_manage_os_memory_ex(memory, sizeof memory, true, false, true, -1, true, &id));
  std::size_t size = 0;
  void* const start = mi_arena_area(id, &size);
  EXPECT_GE(address_of(start), address_of(memory));
  EXPECT_LE(address_of(start) + size, address_of(memory) + sizeof memory);
  mi_heap_t* const heap = mi_heap_new_in_arena(id);
  for (int round = 0; round < 3; ++round) {
    void* const block = opaque(mi_heap_zalloc(heap, 3 * kMiB));
    ASSERT_TRUE(mi_arena_contains(id, block));
    ASSERT_EQ(first_nonzero(block, 0, 3 * kMiB), 3 * kMiB);
    std::memset(block, 0xEE, 3 * kMiB);
    mi_free(block);
    mi_heap_collect(heap, true);
  }
  mi_heap_destroy(heap);
}

TEST(ManagedMemory, ThatIsTooSmallIsRefused) {
  alignas(4096) static unsigned char memory[64 * kKiB];
  mi_arena_id_t id = 77;
  EXPECT_FALSE(mi_manage_os_memory_ex(memory, sizeof memory, true, false, true, -1, true, &id));
  EXPECT_FALSE(mi_manage_os_memory(nullptr, kSize, true, false, true, -1));
  EXPECT_FALSE(mi_manage_os_memory(memory, 0, true, false, true, -1));
  EXPECT_EQ(id, 77);
}

TEST(ManagedMemory, ThatIsSharedIsNotTakenForZeroAfterAPurge) {
  void* const memory =
      mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  mi_arena_id_t id = 0;
  ASSERT_TRUE(mi_manage_os_memory_ex(memory, kSize, true, false, true, -1, true, &id));
  mi_heap_t* const heap = mi_heap_new_in_arena(id);
  for (int round = 0; round < 3; ++round) {
    void* const block = opaque(mi_heap_malloc(heap, 2 * kMiB));
    ASSERT_NE(block, nullptr);
    std::memset(block, 0xEE, 2 * kMiB);
    mi_free(block);
    mi_heap_collect(heap, true);
    const Block zero(mi_heap_zalloc(heap, 2 * kMiB));
    ASSERT_EQ(first_nonzero(zero.get(), 0, 2 * kMiB), 2 * kMiB);
  }
  mi_heap_destroy(heap);
}

TEST(ManagedMemory, MayBePinned) {
  void* const memory =
      mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memset(memory, 0x77, kSize);
  mi_arena_id_t id = 0;
  ASSERT_TRUE(mi_manage_os_memory_ex(memory, kSize, true, true, false, -1, true, &id));
  mi_heap_t* const heap = mi_heap_new_in_arena(id);
  EXPECT_EQ(first_nonzero(mi_heap_zalloc(heap, 2 * kMiB), 0, 2 * kMiB), 2 * kMiB);
  void* const dirty = opaque(mi_heap_malloc(heap, 2 * kMiB));
  std::memset(dirty, 0x66, 2 * kMiB);
  mi_free(dirty);
  mi_heap_collect(heap, true);
  EXPECT_EQ(static_cast<unsigned char*>(dirty)[kMiB], 0x66) << "what is pinned is not purged";
  mi_heap_destroy(heap);
}

}  // namespace
