// A pool of threads that sleep after much was freed, and how much of it another thread can use
// then. Measured in resident bytes, and under sanitizers in addresses. It holds no test.
#pragma once

#include "regress_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <functional>
#include <thread>
#include <vector>

namespace regress::pool {

inline constexpr std::size_t kThreads = kExact ? 64 : 8;
inline constexpr std::size_t kBytesEach = std::size_t{10} << 20;
inline constexpr std::size_t kBytes = kThreads * kBytesEach;

using Sizes = std::vector<std::size_t>;

inline std::size_t count_for(const Sizes& sizes, std::size_t bytes) {
  std::size_t of_each = 0;
  for (const std::size_t size : sizes) of_each += size;
  return bytes / of_each * sizes.size();
}

// Addresses are noted where they are judged, once for blocks that follow each other.
inline void allocate(std::vector<void*>& blocks, const Sizes& sizes, Footprint& footprint) {
  std::uintptr_t noted = 0;
  for (std::size_t i = 0; i < blocks.size(); i++) {
    const std::size_t size = sizes[i % sizes.size()];
    blocks[i] = mi_malloc(size);
    ASSERT_NE(blocks[i], nullptr);
    fill(blocks[i], size, static_cast<unsigned>(size));
    const std::uintptr_t last = (reinterpret_cast<std::uintptr_t>(blocks[i]) + size - 1) >> 16;
    if (!kExact && last != noted) footprint.note(blocks[i], size);
    noted = last;
  }
}

inline void release(const std::vector<void*>& blocks, const Sizes& sizes) {
  for (std::size_t i = 0; i < blocks.size(); i++) {
    const std::size_t size = sizes[i % sizes.size()];
    const std::size_t looked_at = std::min<std::size_t>(size, 32);
    ASSERT_EQ(intact(blocks[i], looked_at, static_cast<unsigned>(size)), looked_at);
    mi_free(blocks[i]);
  }
}

enum class FreedBy { kItself, kMain };

// The bytes beyond the pool's that it takes to have as much as the pool had, once it sleeps.
inline std::size_t bytes_not_reused(const Sizes& sizes, FreedBy freed_by,
                                    const std::function<void()>& before_sleep) {
  Watchdog watchdog;
  Footprint footprint;
  std::vector<std::vector<void*>> blocks(kThreads);
  std::vector<void*> again(count_for(sizes, kBytes), nullptr);  // now, so that it does not count
  std::barrier step(static_cast<std::ptrdiff_t>(kThreads) + 1);
  std::vector<std::thread> pool;
  for (std::size_t i = 0; i < kThreads; i++) {
    blocks[i].resize(count_for(sizes, kBytesEach), nullptr);
    pool.emplace_back([&, i] {
      allocate(blocks[i], sizes, footprint);
      step.arrive_and_wait();  // everything is live
      step.arrive_and_wait();  // and measured
      if (freed_by == FreedBy::kItself) release(blocks[i], sizes);
      before_sleep();
      step.arrive_and_wait();
      step.arrive_and_wait();  // sleeps until the end
    });
  }
  step.arrive_and_wait();
  const std::size_t before = kExact ? resident_bytes() : footprint.bytes();
  step.arrive_and_wait();
  step.arrive_and_wait();
  if (freed_by == FreedBy::kMain)
    for (const auto& of_one : blocks) release(of_one, sizes);
  allocate(again, sizes, footprint);
  const std::size_t after = kExact ? resident_bytes() : footprint.bytes();
  step.arrive_and_wait();
  for (auto& thread : pool) thread.join();
  release(again, sizes);
  mi_collect(true);
  const std::size_t more = after > before ? after - before : 0;
  std::printf("%zu of %zu KiB were not used again\n", more >> 10, kBytes >> 10);
  return more;
}

inline void do_nothing() {}

// 256 sizes, of all small size classes.
inline Sizes many_sizes() {
  Sizes sizes;
  for (std::size_t size = 16; size <= 4096; size += 16) sizes.push_back(size);
  return sizes;
}

}  // namespace regress::pool
