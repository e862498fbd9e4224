// Row 11: a pool of threads that sleep after much was freed. What they had must be of use to
// others, or given back: another thread that then allocates as much as the pool ever held needs
// hardly any memory beside that. Measured in resident bytes, and under sanitizers in addresses.
#include "regress_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <functional>
#include <thread>
#include <vector>

namespace {

using regress::Footprint;
using regress::Watchdog;

constexpr std::size_t kThreads = 64 / regress::kSlower;
constexpr std::size_t kBytesEach = std::size_t{10} << 20;
constexpr std::size_t kBytes = kThreads * kBytesEach;

using Sizes = std::vector<std::size_t>;

std::size_t count_for(const Sizes& sizes, std::size_t bytes) {
  std::size_t of_each = 0;
  for (const std::size_t size : sizes) of_each += size;
  return bytes / of_each * sizes.size();
}

// Addresses are noted where they are judged, once for blocks that follow each other.
void allocate(std::vector<void*>& blocks, const Sizes& sizes, Footprint& footprint) {
  std::uintptr_t noted = 0;
  for (std::size_t i = 0; i < blocks.size(); i++) {
    const std::size_t size = sizes[i % sizes.size()];
    blocks[i] = mi_malloc(size);
    ASSERT_NE(blocks[i], nullptr);
    regress::fill(blocks[i], size, static_cast<unsigned>(size));
    const std::uintptr_t last = (reinterpret_cast<std::uintptr_t>(blocks[i]) + size - 1) >> 16;
    if (!regress::kExact && last != noted) footprint.note(blocks[i], size);
    noted = last;
  }
}

void release(const std::vector<void*>& blocks, const Sizes& sizes) {
  for (std::size_t i = 0; i < blocks.size(); i++) {
    const std::size_t size = sizes[i % sizes.size()];
    const std::size_t looked_at = std::min<std::size_t>(size, 32);
    ASSERT_EQ(regress::intact(blocks[i], looked_at, static_cast<unsigned>(size)), looked_at);
    mi_free(blocks[i]);
  }
}

enum class FreedBy { kItself, kMain };

// The bytes beyond the pool's that it takes to have as much as the pool had, once it sleeps.
std::size_t bytes_not_reused(const Sizes& sizes, FreedBy freed_by,
                             const std::function<void()>& before_sleep) {
  Watchdog watchdog(120);
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
  const std::size_t before = regress::kExact ? regress::resident_bytes() : footprint.bytes();
  step.arrive_and_wait();
  step.arrive_and_wait();
  if (freed_by == FreedBy::kMain)
    for (const auto& of_one : blocks) release(of_one, sizes);
  allocate(again, sizes, footprint);
  const std::size_t after = regress::kExact ? regress::resident_bytes() : footprint.bytes();
  step.arrive_and_wait();
  for (auto& thread : pool) thread.join();
  release(again, sizes);
  mi_collect(true);
  const std::size_t more = after > before ? after - before : 0;
  std::printf("%zu of %zu KiB were not used again\n", more >> 10, kBytes >> 10);
  return more;
}

void do_nothing() {}

Sizes classes(std::size_t from, std::size_t to, std::size_t step) {
  Sizes sizes;
  for (std::size_t size = from; size <= to; size += step) sizes.push_back(size);
  return sizes;
}

const Sizes kOne = {64};
const Sizes kFew = {48, 128, 320, 1000};
const Sizes kMedium = {12000, 30000};
const Sizes kLarge = {100000, 300000};

TEST(regress_11_sleeping_pool, one_size_freed_by_the_pool) {
  EXPECT_LE(bytes_not_reused(kOne, FreedBy::kItself, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, few_sizes_freed_by_the_pool) {
  EXPECT_LE(bytes_not_reused(kFew, FreedBy::kItself, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, medium_sizes_freed_by_the_pool) {
  EXPECT_LE(bytes_not_reused(kMedium, FreedBy::kItself, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, large_sizes_freed_by_the_pool) {
  EXPECT_LE(bytes_not_reused(kLarge, FreedBy::kItself, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, many_sizes_freed_by_the_pool) {
  EXPECT_LE(bytes_not_reused(classes(16, 4096, 16), FreedBy::kItself, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, one_size_freed_by_main) {
  EXPECT_LE(bytes_not_reused(kOne, FreedBy::kMain, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, few_sizes_freed_by_main) {
  EXPECT_LE(bytes_not_reused(kFew, FreedBy::kMain, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, medium_sizes_freed_by_main) {
  EXPECT_LE(bytes_not_reused(kMedium, FreedBy::kMain, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, large_sizes_freed_by_main) {
  EXPECT_LE(bytes_not_reused(kLarge, FreedBy::kMain, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, many_sizes_freed_by_main) {
  EXPECT_LE(bytes_not_reused(classes(16, 4096, 16), FreedBy::kMain, do_nothing), kBytes / 10);
}

// mi_collect and mi_thread_done are what a pool can do by itself before it sleeps.
TEST(regress_11_sleeping_pool, many_sizes_collected_before_sleep) {
  EXPECT_LE(bytes_not_reused(classes(16, 4096, 16), FreedBy::kItself, [] { mi_collect(false); }),
            kBytes / 10);
}

TEST(regress_11_sleeping_pool, many_sizes_and_a_heap_that_ended_before_sleep) {
  EXPECT_LE(bytes_not_reused(classes(16, 4096, 16), FreedBy::kMain, mi_thread_done), kBytes / 10);
}

}  // namespace
