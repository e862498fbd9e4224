// Row 29: memory that the program brings may be a file, or shared, or locked. Giving its pages back
// to the system does not make it zero then, so what is freed there must be cleared for calloc.
#include "regress_support.h"

#include <gtest/gtest.h>

#include <sys/mman.h>

#include <initializer_list>
#include <vector>

namespace {

using regress::kMiB;

constexpr std::size_t kSize = 64 * kMiB;

// Memory of 0xC7 throughout, which an arena is made of. It stays the allocator's for good.
struct Brought {
  void* start = MAP_FAILED;
  int file = -1;

  static Brought anonymous(int flags) {
    Brought brought;
    brought.start = map(flags | MAP_ANONYMOUS, -1);
    brought.fill();
    return brought;
  }
  // What a private mapping of it loses comes back from the file.
  static Brought of_file(int flags) {
    Brought brought;
    brought.file = memfd_create("brought", 0);
    if (brought.file < 0 || ftruncate(brought.file, kSize) != 0) return brought;
    brought.start = map(MAP_SHARED, brought.file);
    brought.fill();
    if (flags != MAP_SHARED) {
      munmap(brought.start, kSize);
      brought.start = map(flags, brought.file);
    }
    return brought;
  }

 private:
  // Aligned as arenas have to be.
  static void* map(int flags, int file) {
    const std::size_t alignment = mi_arena_min_alignment();
    void* const all =
        mmap(nullptr, kSize + alignment, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) return MAP_FAILED;
    const auto start =
        (reinterpret_cast<std::uintptr_t>(all) + alignment - 1) / alignment * alignment;
    return mmap(reinterpret_cast<void*>(start), kSize, PROT_READ | PROT_WRITE, flags | MAP_FIXED,
                file, 0);
  }
  void fill() const {
    if (start != MAP_FAILED) std::memset(start, 0xC7, kSize);
  }
};

void expect_zero_again_and_again(mi_heap_t* heap, mi_arena_id_t arena) {
  for (int round = 0; round < 4; round++) {
    for (const std::size_t size :
         std::initializer_list<std::size_t>{16, 700, 5000, 30'000, 100'000, 1'000'000, 9 * kMiB}) {
      std::vector<void*> blocks;
      for (std::size_t i = 0; i < 1 + 2 * kMiB / size && i < 300; i++) {
        blocks.push_back(mi_heap_zalloc(heap, size));
        ASSERT_NE(blocks.back(), nullptr) << size;
        ASSERT_TRUE(mi_arena_contains(arena, blocks.back()));
        ASSERT_EQ(regress::first_non_zero(blocks.back(), 0, size), size)
            << "block of " << size << ", round " << round;
        std::memset(blocks.back(), 0x5A, size);
      }
      for (void* const block : blocks) mi_free(block);
      // Purges by force, and in time.
      if (round % 2 == 0) mi_collect(true);
    }
  }
}

void expect_zero_in(const Brought& brought, bool pinned) {
  ASSERT_NE(brought.start, MAP_FAILED);
  mi_arena_id_t arena = 0;
  ASSERT_TRUE(mi_manage_os_memory_ex(brought.start, kSize, true, pinned, false, -1, true, &arena));
  mi_heap_t* const heap = mi_heap_new_in_arena(arena);
  ASSERT_NE(heap, nullptr);
  expect_zero_again_and_again(heap, arena);
  mi_heap_destroy(heap);
}

TEST(regress_29_brought_memory, a_shared_file) {
  expect_zero_in(Brought::of_file(MAP_SHARED), false);
}
TEST(regress_29_brought_memory, a_private_file_whose_bytes_come_back) {
  expect_zero_in(Brought::of_file(MAP_PRIVATE), false);
}
TEST(regress_29_brought_memory, shared_memory) {
  expect_zero_in(Brought::anonymous(MAP_SHARED), false);
}
TEST(regress_29_brought_memory, private_memory) {
  expect_zero_in(Brought::anonymous(MAP_PRIVATE), false);
}
TEST(regress_29_brought_memory, memory_that_is_not_to_be_purged) {
  expect_zero_in(Brought::anonymous(MAP_PRIVATE), true);
}

// A few of its pages are locked: all purges of runs with these fail.
TEST(regress_29_brought_memory, memory_that_is_locked_in_part) {
  const Brought brought = Brought::anonymous(MAP_PRIVATE);
  ASSERT_NE(brought.start, MAP_FAILED);
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  for (std::size_t at = kSize / 8; at < kSize; at += kSize / 8)
    ASSERT_EQ(mlock(static_cast<char*>(brought.start) + at, page), 0) << "the test needs 7 pages";
  expect_zero_in(brought, false);
  munlock(brought.start, kSize);
}

// A block that grew in such an arena and is copied out of it keeps its bytes, also where the copy
// gives its source back as it goes.
TEST(regress_29_brought_memory, what_outgrows_it_keeps_its_bytes) {
  for (const bool is_file : {false, true}) {
    const Brought brought =
        is_file ? Brought::of_file(MAP_PRIVATE) : Brought::anonymous(MAP_SHARED);
    ASSERT_NE(brought.start, MAP_FAILED);
    mi_arena_id_t arena = 0;
    ASSERT_TRUE(mi_manage_os_memory_ex(brought.start, kSize, true, false, false, -1, true, &arena));
    mi_heap_t* const heap = mi_heap_new_in_arena(arena);
    void* block = mi_heap_malloc(heap, 40 * kMiB);
    ASSERT_TRUE(mi_arena_contains(arena, block));
    regress::fill(block, 40 * kMiB, 8);
    block = mi_realloc(block, 90 * kMiB);  // of the default heap
    ASSERT_NE(block, nullptr);
    EXPECT_FALSE(mi_arena_contains(arena, block));
    EXPECT_EQ(regress::intact(block, 40 * kMiB, 8), 40 * kMiB);
    mi_free(block);
    mi_heap_destroy(heap);
  }
}

}  // namespace
