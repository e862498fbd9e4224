// The futex lock between threads, across a fork, and its order check in debug builds.
#include "os/lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

namespace ashlar {
namespace {

TEST(Lock, OneThreadAtATime) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 5000;
  Lock lock(LockRank::kLateHeap);
  long counter = 0;  // plain: lost updates show, and TSan watches
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        LockGuard guard(lock);
        counter = counter + 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(counter, long{kThreads} * kRounds);
}

bool try_and_release(Lock& lock) ASHLAR_NO_THREAD_SAFETY_ANALYSIS {
  const bool taken = lock.try_lock();
  if (taken) {
    lock.unlock();
  }
  return taken;
}

bool try_from_another_thread(Lock& lock) {
  bool taken = false;
  std::thread([&] { taken = try_and_release(lock); }).join();
  return taken;
}

TEST(Lock, TryLockTellsWhetherItIsHeld) {
  Lock lock(LockRank::kLateHeap);
  EXPECT_TRUE(try_and_release(lock));
  {
    LockGuard guard(lock);
    EXPECT_FALSE(try_from_another_thread(lock));
  }
  EXPECT_TRUE(try_from_another_thread(lock));
}

TEST(Lock, SleepersAreWokenOneAfterTheOther) {
  constexpr int kSleepers = 3;
  Lock lock(LockRank::kLateHeap);
  std::latch about_to_wait(kSleepers);
  std::atomic<int> woken{0};
  std::vector<std::thread> threads;
  {
    LockGuard guard(lock);
    for (int i = 0; i < kSleepers; ++i) {
      threads.emplace_back([&] {
        about_to_wait.count_down();
        LockGuard inner(lock);
        woken.fetch_add(1, std::memory_order_relaxed);
      });
    }
    about_to_wait.wait();
    // Long enough for them to sleep in most runs; the outcome does not depend on it.
    usleep(10'000);
    EXPECT_EQ(woken.load(std::memory_order_relaxed), 0);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(woken.load(std::memory_order_relaxed), kSleepers);
  EXPECT_TRUE(try_and_release(lock));
}

// In a function of its own, since the analysis at compile time takes locks for held only once.
void take_and_release(Lock& lock) { const LockGuard guard(lock); }

TEST(Lock, WhoForksHoldsAllLocksAndMayTakeThemAgain) {
  Lock lock(LockRank::kLateHeap);
  lock.lock();
  Lock::hold_for_fork();
  EXPECT_TRUE(try_and_release(lock));
  take_and_release(lock);
  // What was taken and released meanwhile was held all the time.
  bool taken_by_other = true;
  std::thread([&] { taken_by_other = try_and_release(lock); }).join();
  EXPECT_FALSE(taken_by_other);
  Lock::let_go_after_fork();
  lock.unlock();
  EXPECT_TRUE(try_and_release(lock));
}

void take_both(Lock& first, Lock& second) {
  LockGuard outer(first);
  LockGuard inner(second);
}

TEST(Lock, RisingRanksAreAllowed) {
  Lock process(LockRank::kProcess);
  Lock messages(LockRank::kMessages);
  take_both(process, messages);
  take_both(process, messages);  // and nothing of the first time is left behind
  EXPECT_TRUE(try_and_release(process));
  EXPECT_TRUE(try_and_release(messages));
}

TEST(LockDeathTest, DebugStopsWhenRanksFall) {
  Lock arenas(LockRank::kArenas);
  Lock heaps(LockRank::kLateHeap);
  if constexpr (kActive.check_invariants) {
    EXPECT_DEATH(take_both(arenas, heaps), "locks taken out of rank order");
    Lock same(LockRank::kArenas);
    EXPECT_DEATH(take_both(arenas, same), "locks taken out of rank order");
  } else {
    take_both(arenas, heaps);
    EXPECT_TRUE(try_and_release(arenas));
    EXPECT_TRUE(try_and_release(heaps));
  }
}

}  // namespace
}  // namespace ashlar
