// Row 13: threads that are moved from processor to processor while they allocate, by themselves and
// by others, whatever numbers the processors have.
#include "regress_support.h"

#include <gtest/gtest.h>

#include <barrier>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sched.h>

namespace {

using regress::Chance;
using regress::Footprint;
using regress::Watchdog;

constexpr std::size_t kSteps = 60000 / regress::kSlower;

std::vector<int> allowed_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  std::vector<int> numbers;
  for (int i = 0; i < CPU_SETSIZE; i++)
    if (CPU_ISSET(i, &set)) numbers.push_back(i);
  return numbers;
}

void move_to(pthread_t thread, const std::vector<int>& processors) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int processor : processors) CPU_SET(processor, &set);
  ASSERT_EQ(pthread_setaffinity_np(thread, sizeof set, &set), 0);
}

void work(std::uint64_t seed, const std::vector<int>* processors, Footprint& footprint) {
  Chance chance(seed);
  struct Held {
    void* block = nullptr;
    std::size_t size = 0;
  };
  std::vector<Held> held(300);
  for (std::size_t step = 0; step < kSteps; step++) {
    if (processors != nullptr && step % 20 == 0)
      move_to(pthread_self(), {(*processors)[chance.below(processors->size())]});
    Held& slot = held[chance.below(held.size())];
    if (slot.block != nullptr) {
      ASSERT_EQ(regress::intact(slot.block, slot.size, 1), slot.size) << "seed " << seed;
      mi_free(slot.block);
    }
    slot.size = chance.below(1500) + 1;
    slot.block = mi_malloc(slot.size);
    ASSERT_NE(slot.block, nullptr);
    footprint.note(slot.block, slot.size);
    regress::fill(slot.block, slot.size, 1);
  }
  for (const Held& slot : held) mi_free(slot.block);
}

// 300 blocks of up to 1500 bytes for each of three threads; a page of its own for each class.
constexpr std::size_t kBound = std::size_t{16} << 20;

TEST(regress_13_affinity, threads_move_themselves) {
  Watchdog watchdog;
  const std::uint64_t seed = Chance::seed();
  const std::vector<int> processors = allowed_processors();
  ASSERT_FALSE(processors.empty());
  Footprint footprint;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 3; i++)
    threads.emplace_back([&, i] { work(seed + i, &processors, footprint); });
  for (auto& thread : threads) thread.join();
  EXPECT_LE(footprint.bytes(), kBound) << "seed " << seed;
}

TEST(regress_13_affinity, threads_are_moved_by_another) {
  Watchdog watchdog;
  const std::uint64_t seed = Chance::seed();
  const std::vector<int> processors = allowed_processors();
  Footprint footprint;
  std::atomic<int> running{3};
  std::barrier all_done(4);  // a thread that has ended cannot be moved
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 3; i++) {
    threads.emplace_back([&, i] {
      work(seed + i, nullptr, footprint);
      running.fetch_sub(1, std::memory_order_release);  // release: pairs with the acquire below.
      all_done.arrive_and_wait();
    });
  }
  Chance chance(seed);
  // acquire: pairs with the release above.
  while (running.load(std::memory_order_acquire) > 0) {
    for (auto& thread : threads)
      move_to(thread.native_handle(), {processors[chance.below(processors.size())]});
    std::this_thread::yield();
  }
  all_done.arrive_and_wait();
  for (auto& thread : threads) thread.join();
  EXPECT_LE(footprint.bytes(), kBound) << "seed " << seed;
}

// Only the processor with the highest number, so that a table by number would be indexed at its
// end.
TEST(regress_13_affinity, all_on_the_last_processor) {
  Watchdog watchdog;
  const std::uint64_t seed = Chance::seed();
  const std::vector<int> processors = allowed_processors();
  Footprint footprint;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 3; i++) {
    threads.emplace_back([&, i] {
      move_to(pthread_self(), {processors.back()});
      work(seed + i, nullptr, footprint);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(footprint.bytes(), kBound) << "seed " << seed;
}

}  // namespace
