// Row 9: no spinning on memory that threads left behind when they ended. Work is shown by counting:
// every worker has a fixed number of steps to do, must do them all, and a run in which no counter
// moves for a long time is given up with the counts printed. Speed is not judged.
#include "regress_support.h"

#include <gtest/gtest.h>

#include <array>
#include <barrier>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace {

constexpr int kGivenUpAfterSeconds = 60;

struct Counts {
  std::array<std::atomic<int>, 8> steps = {};
  int total() const {
    int sum = 0;
    for (const auto& step : steps) sum += step.load(std::memory_order_relaxed);  // relaxed: a view.
    return sum;
  }
};

// Waits for the workers' counts to reach `wanted`; ends the program when they stop moving.
void wait_for(const Counts& counts, int wanted) {
  int last = -1;
  int idle = 0;
  while (counts.total() < wanted) {
    const int now = counts.total();
    idle = now == last ? idle + 1 : 0;
    last = now;
    if (idle > kGivenUpAfterSeconds * 50) {
      std::fprintf(stderr, "no worker moves: %d of %d steps done\n", now, wanted);
      std::abort();
    }
    const timespec moment{0, 20'000'000};
    nanosleep(&moment, nullptr);
  }
}

struct Left {
  void* block;
  std::size_t size;
  unsigned seed;
};

class Pool {
 public:
  void put(std::vector<Left>& left) {
    const std::lock_guard<std::mutex> guard(mutex_);
    left_.insert(left_.end(), left.begin(), left.end());
  }
  bool take(Left& left, std::size_t from) {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (left_.empty()) return false;
    left = left_[from % left_.size()];
    left_[from % left_.size()] = left_.back();
    left_.pop_back();
    return true;
  }

 private:
  std::mutex mutex_;
  std::vector<Left> left_;
};

void drop(const Left& left) {
  ASSERT_EQ(regress::intact(left.block, left.size, left.seed), left.size);
  mi_free(left.block);
}

TEST(regress_09_orphans, threads_end_with_live_blocks_while_others_adopt) {
  constexpr int kThreadsToEnd = 400;
  constexpr int kAdopters = 3;
  constexpr int kAdopterSteps = 20000;
  static constexpr std::size_t kSizes[] = {8, 16, 48, 112, 320, 1000, 3000, 9000, 40000, 200000};
  Counts counts;
  Pool pool;

  std::thread ender([&] {
    for (int i = 0; i < kThreadsToEnd; i++) {
      std::thread([&pool, i] {
        std::vector<Left> left;
        for (unsigned j = 0; j < 60; j++) {
          const std::size_t size = kSizes[(static_cast<unsigned>(i) + j / 20) % std::size(kSizes)];
          if (size > 50000 && j % 5 != 0) continue;
          void* const block = mi_malloc(size);
          ASSERT_NE(block, nullptr);
          regress::fill(block, size, j);
          if (j % 3 == 0) {
            mi_free(block);  // makes room in the page that is left behind
          } else {
            left.push_back({block, size, j});
          }
        }
        pool.put(left);
      }).join();
      counts.steps[0].fetch_add(1, std::memory_order_relaxed);  // relaxed: a counter.
    }
  });
  std::vector<std::thread> adopters;
  for (unsigned a = 0; a < kAdopters; a++) {
    adopters.emplace_back([&, a] {
      std::vector<Left> mine;
      for (unsigned step = 0; step < kAdopterSteps; step++) {
        Left left{};
        if (pool.take(left, step * 7919u + a)) drop(left);
        const std::size_t size = kSizes[(step / 50 + a) % std::size(kSizes)];
        void* const block = mi_malloc(size);
        ASSERT_NE(block, nullptr);
        regress::fill(block, size < 64 ? size : 64, step);
        mine.push_back({block, size < 64 ? size : 64, step});
        while (mine.size() > (step % 2 == 0 ? 40 : 80)) {
          drop(mine.back());
          mine.pop_back();
        }
        if (step % 4000 == 0) mi_collect(true);
        counts.steps[a + 1].fetch_add(1, std::memory_order_relaxed);  // relaxed: a counter.
      }
      for (const auto& left : mine) drop(left);
    });
  }
  wait_for(counts, kThreadsToEnd + kAdopters * kAdopterSteps);
  ender.join();
  for (auto& adopter : adopters) adopter.join();
  Left left{};
  while (pool.take(left, 0)) drop(left);
}

// Pages with one live block each, of one class, left by as many threads: a long list of candidates
// that all have room. What one thread then allocates must come out of them, not beside them.
TEST(regress_09_orphans, room_that_dead_threads_left_is_used_again) {
  constexpr std::size_t kThreads = 100;
  constexpr std::size_t kSize = 320;
  constexpr std::size_t kPerThread = 150;
  std::vector<std::vector<void*>> blocks(kThreads);
  std::vector<void*> kept(kThreads, nullptr);
  // All live at the same time, or the next would take over what the one before left.
  std::barrier all_have_allocated(static_cast<std::ptrdiff_t>(kThreads));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; i++) {
    threads.emplace_back([&, i] {
      for (std::size_t j = 0; j < kPerThread; j++) {
        void* const block = mi_malloc(kSize);
        EXPECT_NE(block, nullptr);
        regress::fill(block, kSize, 5);
        blocks[i].push_back(block);
      }
      all_have_allocated.arrive_and_wait();
      kept[i] = blocks[i][kPerThread / 2];
      for (void* const block : blocks[i])
        if (block != kept[i]) mi_free(block);
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<void*> freed;
  for (const auto& of_one : blocks) freed.insert(of_one.begin(), of_one.end());
  for (void* const block : kept) freed.erase(block);
  ASSERT_EQ(freed.size(), kThreads * (kPerThread - 1));
  std::vector<void*> again;
  std::size_t from_the_dead = 0;
  for (std::size_t i = 0; i < freed.size(); i++) {
    again.push_back(mi_malloc(kSize));
    ASSERT_NE(again.back(), nullptr);
    regress::fill(again.back(), kSize, 6);
    from_the_dead += freed.count(again.back());
  }
  EXPECT_GT(from_the_dead, freed.size() / 2) << freed.size() << " addresses were free";
  for (void* const block : kept) {
    EXPECT_EQ(regress::intact(block, kSize, 5), kSize);
    mi_free(block);
  }
  for (void* const block : again) {
    ASSERT_EQ(regress::intact(block, kSize, 6), kSize);
    mi_free(block);
  }
}

// Two threads that free into the same left page: one takes it over, the other must not wait for it.
TEST(regress_09_orphans, two_threads_free_into_the_same_orphans) {
  constexpr int kRounds = 300;
  Counts counts;
  for (int round = 0; round < kRounds; round++) {
    std::vector<void*> blocks(400, nullptr);
    const std::size_t size = 16u << (round % 9);
    std::thread([&] {
      for (auto& block : blocks) {
        block = mi_malloc(size);
        ASSERT_NE(block, nullptr);
        std::memset(block, round, size);
      }
    }).join();
    std::array<std::thread, 2> threads;
    for (std::size_t half = 0; half < 2; half++) {
      threads[half] = std::thread([&, half] {
        for (std::size_t i = half; i < blocks.size(); i += 2) {
          ASSERT_EQ(static_cast<unsigned char*>(blocks[i])[size - 1],
                    static_cast<unsigned char>(round));
          mi_free(blocks[i]);
        }
        counts.steps[half].fetch_add(1, std::memory_order_relaxed);  // relaxed: a counter.
      });
    }
    wait_for(counts, 2 * (round + 1));
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(counts.total(), 2 * kRounds);
}

}  // namespace
