// Memory that a function of the program commits and decommits. It counts, it fails, it allocates.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <deque>
#include <thread>

#include "api_test_support.h"

namespace {

using namespace api_test;

constexpr std::size_t kManagedSize = 32 * kMiB;

struct Program {
  std::atomic<int> commits{0};
  std::atomic<int> decommits{0};
  std::atomic<std::size_t> committed{0};  // bytes now
  std::atomic<int> fail_from{-1};         // commits from this one on fail; below 0: none
  bool allocates = false;
  std::atomic<int> inside{0};

  static bool run(bool commit, void* start, std::size_t size, bool* is_zero, void* arg) {
    auto& self = *static_cast<Program*>(arg);
    EXPECT_TRUE(is_aligned(start, 64 * kKiB));
    EXPECT_EQ(size % (64 * kKiB), 0u);
    if (self.allocates) {
      self.inside.fetch_add(1, std::memory_order_relaxed);
      for (const std::size_t each : {24ul, 3000ul, 30000ul, 300000ul}) {
        const Block block(mi_malloc(each));
        EXPECT_TRUE(block);
        std::memset(block.get(), 0xAB, each);
      }
      mi_collect(true);
    }
    if (!commit) {
      self.decommits.fetch_add(1, std::memory_order_relaxed);
      self.committed.fetch_sub(size, std::memory_order_relaxed);
      return madvise(start, size, MADV_DONTNEED) == 0 && mprotect(start, size, PROT_NONE) == 0;
    }
    const int number = self.commits.fetch_add(1, std::memory_order_relaxed);
    const int fail_from = self.fail_from.load(std::memory_order_relaxed);
    if (fail_from >= 0 && number >= fail_from) {
      return false;
    }
    self.committed.fetch_add(size, std::memory_order_relaxed);
    *is_zero = true;
    return mprotect(start, size, PROT_READ | PROT_WRITE) == 0;
  }

  mi_arena_id_t manage(bool exclusive) {
    void* const memory =
        mmap(nullptr, kManagedSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    mi_arena_id_t id = 0;
    EXPECT_TRUE(mi_manage_memory(memory, kManagedSize, false, false, true, -1, exclusive,
                                 &Program::run, this, &id));
    return id;
  }
};

// Arenas stay, so what their functions are given stays as well.
Program& fresh_program() {
  static std::deque<Program> programs;
  return programs.emplace_back();
}

TEST(ManageMemory, IsCommittedAndDecommittedByTheProgram) {
  Program& program = fresh_program();
  const mi_arena_id_t id = program.manage(true);
  EXPECT_EQ(program.commits, 1) << "the metadata";
  const std::size_t metadata = program.committed;
  EXPECT_GT(metadata, 0u);
  EXPECT_LT(metadata, kMiB);
  mi_heap_t* const heap = mi_heap_new_in_arena(id);
  const std::size_t request = 4 * kMiB - kPadding - guard();
  for (int round = 0; round < 3; ++round) {
    void* const block = opaque(mi_heap_zalloc(heap, request));
    ASSERT_TRUE(mi_arena_contains(id, block));
    EXPECT_EQ(first_nonzero(block, 0, request), request);
    EXPECT_EQ(program.committed, metadata + 4 * kMiB);
    std::memset(block, 0xEE, request);
    mi_free(block);
    mi_heap_collect(heap, true);
    EXPECT_EQ(program.committed, metadata);
  }
  EXPECT_EQ(program.decommits, 3);
  mi_heap_destroy(heap);
}

TEST(ManageMemory, FailuresOfTheFunctionAreThoseOfAllocations) {
  for (int fail_from = 1; fail_from < 8; ++fail_from) {
    Program& program = fresh_program();
    const mi_arena_id_t id = program.manage(true);
    program.fail_from = fail_from;
    mi_heap_t* const heap = mi_heap_new_in_arena(id);
    std::vector<void*> blocks;
    ErrorRecorder errors;
    errno = 0;
    while (void* const block = opaque(mi_heap_malloc(heap, kMiB))) {
      std::memset(block, 0x11, kMiB);
      blocks.push_back(block);
      ASSERT_LT(blocks.size(), 40u);
    }
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_EQ(errors.take(), std::vector<int>{ENOMEM});
    EXPECT_EQ(blocks.size(), static_cast<std::size_t>(fail_from - 1));
    program.fail_from = -1;
    void* const after = opaque(mi_heap_malloc(heap, kMiB));
    EXPECT_TRUE(mi_arena_contains(id, after)) << "it was no more than a moment";
    for (void* const block : blocks) {
      EXPECT_EQ(static_cast<unsigned char*>(block)[kMiB - 1], 0x11);
    }
    mi_heap_destroy(heap);
  }
}

TEST(ManageMemory, IsRefusedWhereItsMetadataCannotBeCommitted) {
  Program& program = fresh_program();
  program.fail_from = 0;
  void* const memory =
      mmap(nullptr, kManagedSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  mi_arena_id_t id = 77;
  EXPECT_FALSE(mi_manage_memory(memory, kManagedSize, false, false, true, -1, true, &Program::run,
                                &program, &id));
  EXPECT_EQ(id, 77);
  EXPECT_EQ(program.commits, 1);
  EXPECT_EQ(program.decommits, 0);
  EXPECT_FALSE(mi_manage_memory(memory, 64 * kKiB, false, false, true, -1, true, &Program::run,
                                &program, &id));
  EXPECT_EQ(program.commits, 1) << "what is too small is not touched";
  munmap(memory, kManagedSize);
}

TEST(ManageMemory, WithoutAFunctionIsTheLibrarysToCommit) {
  void* const memory =
      mmap(nullptr, kManagedSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  mi_arena_id_t id = 0;
  ASSERT_TRUE(
      mi_manage_memory(memory, kManagedSize, false, false, true, -1, true, nullptr, nullptr, &id));
  mi_heap_t* const heap = mi_heap_new_in_arena(id);
  void* const block = opaque(mi_heap_malloc(heap, kMiB));
  ASSERT_TRUE(mi_arena_contains(id, block));
  std::memset(block, 1, kMiB);
  mi_heap_destroy(heap);
}

TEST(ManageMemory, TheFunctionMayAllocate) {
  Program& program = fresh_program();
  program.allocates = true;
  const mi_arena_id_t id = program.manage(true);
  mi_heap_t* const heap = mi_heap_new_in_arena(id);
  for (int round = 0; round < 20; ++round) {
    std::vector<void*> blocks;
    for (const std::size_t size : {100ul, 2000ul, 20000ul, 200000ul, 2000000ul}) {
      void* const block = opaque(mi_heap_malloc(heap, size));
      ASSERT_TRUE(mi_arena_contains(id, block));
      std::memset(block, 1, size);
      blocks.push_back(block);
    }
    for (void* const block : blocks) mi_free(block);
    mi_heap_collect(heap, true);
  }
  EXPECT_GT(program.inside, 20);
  EXPECT_GT(program.decommits, 0);
  mi_heap_destroy(heap);
}

// Memory for all heaps: what the function allocates is looked for there too, and must not be
// committed by another call of it. Threads call it at once, and late ones under a lock.
TEST(ManageMemory, ThatServesAllServesTheFunctionTooWithoutRecursion) {
  Program& program = fresh_program();
  program.allocates = true;
  const mi_arena_id_t id = program.manage(false);
  std::atomic<int> inside_arena{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 30; ++round) {
        std::vector<Block> blocks;
        for (std::size_t size = 50 * kKiB; size < kMiB; size += 90 * kKiB) {
          blocks.emplace_back(mi_zalloc(size));
          ASSERT_TRUE(blocks.back());
          ASSERT_EQ(first_nonzero(blocks.back().get(), 0, size), size);
          std::memset(blocks.back().get(), 0xCD, size);
          if (mi_arena_contains(id, blocks.back().get())) {
            inside_arena.fetch_add(1, std::memory_order_relaxed);
          }
        }
        blocks.clear();
        if (round % 8 == 0) mi_collect(true);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  mi_collect(true);
  program.allocates = false;
}

}  // namespace
