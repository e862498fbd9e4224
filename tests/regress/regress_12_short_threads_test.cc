// Row 12: very many short threads, one after the other and in waves: what they used is used by the
// next, their records included.
#include "regress_support.h"

#include <gtest/gtest.h>

#include <barrier>
#include <thread>
#include <vector>

#include <pthread.h>

namespace {

using regress::Footprint;
using regress::Watchdog;

constexpr std::size_t kShortThreads = 20000 / regress::kSlower;

void start_and_join(void* (*live)(void*), void* argument) {
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, nullptr, live, argument), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
}

struct Visit {
  Footprint footprint;
  void* left[4] = {};  // by the thread before, for the next
  unsigned number = 0;
};

void* live_and_leave(void* argument) {
  auto& visit = *static_cast<Visit*>(argument);
  for (unsigned i = 0; i < 4; i++) {
    const std::size_t size = std::size_t{24} << (3 * i);
    if (visit.left[i] != nullptr) {
      EXPECT_EQ(regress::intact(visit.left[i], size, visit.number + i - 1), size);
      mi_free(visit.left[i]);
    }
    visit.left[i] = mi_malloc(size);
    EXPECT_NE(visit.left[i], nullptr);
    visit.footprint.note(visit.left[i], size);
    regress::fill(visit.left[i], size, visit.number + i);
  }
  return nullptr;
}

TEST(regress_12_short_threads, one_after_the_other) {
  Watchdog watchdog;
  Visit visit;
  std::size_t early = 0;
  std::size_t resident = 0;
  for (std::size_t i = 0; i < kShortThreads; i++) {
    visit.number = static_cast<unsigned>(i);
    start_and_join(live_and_leave, &visit);
    if (i == kShortThreads / 10) {
      early = visit.footprint.bytes();
      resident = regress::resident_bytes();
    }
  }
  EXPECT_LE(visit.footprint.bytes(), early + (1u << 20));
  if (regress::kExact) {
    EXPECT_LE(regress::resident_bytes(), resident + (1u << 20));
  }
  for (void* block : visit.left) mi_free(block);
}

void* only_free(void* argument) {
  mi_free(argument);
  return nullptr;
}

TEST(regress_12_short_threads, that_only_free) {
  Watchdog watchdog;
  Footprint footprint;
  std::size_t resident = 0;
  for (std::size_t i = 0; i < kShortThreads / 2; i++) {
    const std::size_t size = i % 3000 + 1;
    void* const block = mi_malloc(size);
    ASSERT_NE(block, nullptr);
    footprint.note(block, size);
    start_and_join(only_free, block);
    if (i == kShortThreads / 20) resident = regress::resident_bytes();
  }
  EXPECT_LE(footprint.bytes(), std::size_t{8} << 20);
  if (regress::kExact) {
    EXPECT_LE(regress::resident_bytes(), resident + (1u << 20));
  }
}

// All threads of a wave are alive together, and all of one wave's blocks are freed in the next.
TEST(regress_12_short_threads, in_waves) {
  Watchdog watchdog;
  constexpr std::size_t kWave = 100;
  constexpr std::size_t kWaves = 40 / (regress::kSlower > 1 ? 4 : 1);
  Footprint footprint;
  std::vector<void*> blocks(kWave * 20, nullptr);
  std::size_t early = 0;
  std::size_t resident = 0;
  for (std::size_t wave = 0; wave < kWaves; wave++) {
    std::barrier all_alive(static_cast<std::ptrdiff_t>(kWave));
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kWave; t++) {
      threads.emplace_back([&, t] {
        all_alive.arrive_and_wait();
        for (std::size_t i = 0; i < 20; i++) {
          const std::size_t mine = t * 20 + i;
          const std::size_t theirs = ((t + 1) % kWave) * 20 + i;
          const std::size_t size = i * i * 20 + 8;
          void* const before = blocks[theirs];
          all_alive.arrive_and_wait();
          if (before != nullptr) {
            ASSERT_EQ(regress::intact(before, size, static_cast<unsigned>(theirs)), size);
            mi_free(before);
          }
          blocks[mine] = mi_malloc(size);
          ASSERT_NE(blocks[mine], nullptr);
          footprint.note(blocks[mine], size);
          regress::fill(blocks[mine], size, static_cast<unsigned>(mine));
        }
      });
    }
    for (auto& thread : threads) thread.join();
    if (wave == 4) {
      early = footprint.bytes();
      resident = regress::resident_bytes();
    }
  }
  EXPECT_LE(footprint.bytes(), early + early / 2);
  if (regress::kExact) {
    EXPECT_LE(regress::resident_bytes(), resident + (8u << 20));
  }
  for (void* block : blocks) mi_free(block);
}

}  // namespace
