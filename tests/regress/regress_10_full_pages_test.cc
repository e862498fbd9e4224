// Row 10: pages that became full, and then empty or half empty through remote frees only, are found
// again: by the owner, by other size classes, and by other threads. Measured in addresses that were
// ever used, which stay within a small multiple of what one round needs.
#include "regress_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <thread>
#include <vector>

namespace {

using regress::Chance;
using regress::Footprint;
using regress::Watchdog;

constexpr std::size_t kRoundBytes = (std::size_t{8} << 20) / regress::kSlower;
constexpr std::size_t kFullSizes[] = {16, 48, 160, 512, 2000, 8000, 20000, 60000};

std::vector<void*> allocate_round(std::size_t size, Footprint& footprint) {
  std::vector<void*> blocks(kRoundBytes / size);
  for (auto& block : blocks) {
    block = mi_malloc(size);
    EXPECT_NE(block, nullptr);
    std::memset(block, 1, std::min<std::size_t>(size, 16));
    static_cast<unsigned char*>(block)[size - 1] = 2;
    footprint.note(block, size);
  }
  return blocks;
}

void free_each(const std::vector<void*>& blocks, std::size_t size, std::size_t from = 0,
               std::size_t step = 1) {
  for (std::size_t i = from; i < blocks.size(); i += step) {
    ASSERT_EQ(static_cast<unsigned char*>(blocks[i])[size - 1], 2);
    mi_free(blocks[i]);
  }
}

enum class Order { kForwards, kBackwards, kRandom, kTwoThreads };

void free_remotely(std::vector<void*> blocks, std::size_t size, Order order, Chance& chance) {
  if (order == Order::kBackwards) std::reverse(blocks.begin(), blocks.end());
  if (order == Order::kRandom) {
    for (std::size_t i = blocks.size(); i > 1; i--)
      std::swap(blocks[i - 1], blocks[chance.below(i)]);
  }
  if (order == Order::kTwoThreads) {
    std::thread one([&] { free_each(blocks, size, 0, 2); });
    std::thread other([&] { free_each(blocks, size, 1, 2); });
    one.join();
    other.join();
  } else {
    std::thread([&] { free_each(blocks, size); }).join();
  }
}

TEST(regress_10_full_pages, the_owner_finds_them_again) {
  Watchdog watchdog;
  Chance chance(Chance::seed());
  for (const std::size_t size : kFullSizes) {
    Footprint footprint;
    for (int round = 0; round < 12; round++) {
      free_remotely(allocate_round(size, footprint), size, static_cast<Order>(round % 4), chance);
    }
    EXPECT_LE(footprint.bytes(), 2 * kRoundBytes + (1u << 20)) << "blocks of " << size;
  }
}

// Each round has another size: no thread ever comes back to the class that the pages had.
TEST(regress_10_full_pages, other_size_classes_use_their_memory) {
  Watchdog watchdog;
  Chance chance(Chance::seed());
  Footprint footprint;
  for (std::size_t round = 0; round < 24; round++) {
    const std::size_t size = kFullSizes[round % std::size(kFullSizes)];
    free_remotely(allocate_round(size, footprint), size, static_cast<Order>(round % 4), chance);
  }
  EXPECT_LE(footprint.bytes(), 3 * kRoundBytes + (4u << 20));
}

// The owner sleeps from then on; another thread needs the memory.
TEST(regress_10_full_pages, other_threads_use_their_memory_while_the_owner_sleeps) {
  Watchdog watchdog;
  Chance chance(Chance::seed());
  for (const std::size_t size : kFullSizes) {
    Footprint footprint;
    std::vector<void*> blocks;
    std::barrier step(2);
    std::thread owner([&] {
      blocks = allocate_round(size, footprint);
      step.arrive_and_wait();
      step.arrive_and_wait();  // asleep, as far as the allocator can tell
    });
    step.arrive_and_wait();
    for (int round = 0; round < 6; round++) {
      free_remotely(std::move(blocks), size, static_cast<Order>(round % 4), chance);
      blocks = allocate_round(size, footprint);
    }
    free_remotely(std::move(blocks), size, Order::kForwards, chance);
    step.arrive_and_wait();
    owner.join();
    EXPECT_LE(footprint.bytes(), 2 * kRoundBytes + (1u << 20)) << "blocks of " << size;
  }
}

// Half of every page is freed remotely, the rest lives: as many blocks as were freed fit again.
TEST(regress_10_full_pages, half_empty_ones_are_filled_again) {
  Watchdog watchdog;
  Chance chance(Chance::seed());
  for (const std::size_t size : {std::size_t{48}, std::size_t{512}, std::size_t{8000}}) {
    Footprint footprint;
    std::vector<void*> live = allocate_round(size, footprint);
    const std::size_t half = live.size() / 2;
    for (int round = 0; round < 12; round++) {
      for (std::size_t i = live.size(); i > 1; i--) std::swap(live[i - 1], live[chance.below(i)]);
      std::vector<void*> freed(live.begin(), live.begin() + static_cast<std::ptrdiff_t>(half));
      std::thread([&] { free_each(freed, size); }).join();
      for (std::size_t i = 0; i < half; i++) {
        live[i] = mi_malloc(size);
        ASSERT_NE(live[i], nullptr);
        static_cast<unsigned char*>(live[i])[size - 1] = 2;
        footprint.note(live[i], size);
      }
    }
    EXPECT_LE(footprint.bytes(), 2 * kRoundBytes + (1u << 20)) << "blocks of " << size;
    free_each(live, size);
  }
}

// One block of each page is freed last, by yet another thread.
TEST(regress_10_full_pages, the_last_block_of_each_is_freed_by_a_third_thread) {
  Watchdog watchdog;
  for (const std::size_t size : {std::size_t{160}, std::size_t{2000}, std::size_t{20000}}) {
    Footprint footprint;
    for (int round = 0; round < 12; round++) {
      const std::vector<void*> blocks = allocate_round(size, footprint);
      const std::size_t stride = std::max<std::size_t>(65536 / size, 2);
      std::thread([&] {
        for (std::size_t i = 0; i < blocks.size(); i++)
          if (i % stride != 0) mi_free(blocks[i]);
      }).join();
      std::thread([&] { free_each(blocks, size, 0, stride); }).join();
    }
    EXPECT_LE(footprint.bytes(), 2 * kRoundBytes + (1u << 20)) << "blocks of " << size;
  }
}

}  // namespace
