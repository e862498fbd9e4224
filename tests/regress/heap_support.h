// What the tests of first-class heaps share: live blocks of known content with the heap that they
// were asked from, and the slices that each heap's blocks lie in. It holds no test.
#pragma once

#include "regress_support.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace regress {

struct Live {
  void* block = nullptr;
  std::size_t size = 0;
  unsigned seed = 0;
};

// Without a block after a failure, which is told once and not for each of the many that follow.
inline Live from_heap(mi_heap_t* heap, std::size_t size, unsigned seed) {
  const Live live{mi_heap_malloc(heap, size), size, seed};
  if (live.block == nullptr && !::testing::Test::HasFailure())
    ADD_FAILURE() << "no block of " << size;
  if (live.block != nullptr) fill(live.block, size, seed);
  return live;
}

inline bool is_intact(const Live& live) {
  return live.block != nullptr && intact(live.block, live.size, live.seed) == live.size;
}

inline void drop(const Live& live) {
  if (live.block == nullptr) return;
  ASSERT_TRUE(is_intact(live)) << live.size;
  mi_free(live.block);
}

inline std::vector<Live> many_from_heap(mi_heap_t* heap, std::size_t size, std::size_t count,
                                        unsigned seed) {
  std::vector<Live> blocks;
  for (std::size_t i = 0; i < count; i++)
    blocks.push_back(from_heap(heap, size, seed + static_cast<unsigned>(i)));
  return blocks;
}

inline std::set<std::uintptr_t> slices_of(const std::vector<Live>& blocks) {
  std::set<std::uintptr_t> slices;
  for (const Live& live : blocks) {
    const auto start = reinterpret_cast<std::uintptr_t>(live.block);
    for (std::uintptr_t at = start >> 16; at <= (start + live.size - 1) >> 16; at++)
      slices.insert(at);
  }
  return slices;
}

// Blocks of different heaps never share a page, so never a slice.
inline bool share_a_slice(const std::vector<Live>& some, const std::vector<Live>& others) {
  const std::set<std::uintptr_t> theirs = slices_of(others);
  for (const std::uintptr_t slice : slices_of(some))
    if (theirs.count(slice) != 0) return true;
  return false;
}

template <class Work>
void on_a_thread(Work work) {
  std::thread(work).join();
}

// Writes over much memory that is free: a live block in it would not stay intact.
inline void write_over_free_memory() {
  std::vector<std::pair<void*, std::size_t>> blocks;
  for (std::size_t size = 16; size <= 70000; size += size / 4 + 1) {
    for (std::size_t total = 0; total < (256u << 10); total += size) {
      void* const block = mi_malloc(size);
      ASSERT_NE(block, nullptr);
      std::memset(block, 0xEE, size);
      blocks.emplace_back(block, size);
    }
  }
  for (const auto& [block, size] : blocks) mi_free(block);
}

}  // namespace regress
