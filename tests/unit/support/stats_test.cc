// Counters: exact with one thread, and nothing lost between threads.
#include "support/stats.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace ashlar {
namespace {

TEST(EventCounter, Counts) {
  EventCounter counter;
  counter.add();
  counter.add(41);
  EXPECT_EQ(counter.total(), 42);
}

TEST(LevelCounter, KeepsCurrentPeakAndTotalApart) {
  LevelCounter level;
  level.add(10);
  level.sub(4);
  level.add(3);
  EXPECT_EQ(level.current(), 9);
  EXPECT_EQ(level.peak(), 10);
  EXPECT_EQ(level.total(), 13);
  level.add(5);
  EXPECT_EQ(level.peak(), 14);
  level.sub(14);
  EXPECT_EQ(level.current(), 0);
  EXPECT_EQ(level.peak(), 14);
}

TEST(LevelCounter, ThreadsLoseNothing) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 5000;
  LevelCounter level;
  EventCounter events;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        level.add(3);
        events.add();
        level.sub(3);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(level.current(), 0);
  EXPECT_EQ(level.total(), 3 * kThreads * kRounds);
  EXPECT_GE(level.peak(), 3);
  EXPECT_LE(level.peak(), 3 * kThreads);
  EXPECT_EQ(events.total(), kThreads * kRounds);
}

}  // namespace
}  // namespace ashlar
