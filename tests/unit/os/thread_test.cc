// Thread identity: the same within a thread, different between threads that live at once.
#include "os/thread.h"

#include <gtest/gtest.h>

#include <barrier>
#include <set>
#include <thread>
#include <vector>

namespace ashlar {
namespace {

ASHLAR_THREAD_LOCAL int local_value = 7;

TEST(ThreadId, DiffersBetweenThreadsAliveAndStaysTheSame) {
  constexpr std::size_t kThreads = 8;
  std::vector<std::uintptr_t> first(kThreads);
  std::vector<std::uintptr_t> second(kThreads);
  std::barrier all_alive(static_cast<std::ptrdiff_t>(kThreads));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      first[i] = thread_id();
      all_alive.arrive_and_wait();
      second[i] = thread_id();
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(first, second);
  std::set<std::uintptr_t> distinct(first.begin(), first.end());
  distinct.insert(thread_id());
  EXPECT_EQ(distinct.size(), kThreads + 1);
  EXPECT_EQ(distinct.count(0), 0u);
}

TEST(ThreadId, LeavesRoomForFlags) {
  EXPECT_EQ(thread_id() % 16, 0u);
  std::thread([] { EXPECT_EQ(thread_id() % 16, 0u); }).join();
}

TEST(ThreadLocal, EveryThreadHasItsOwn) {
  local_value = 8;
  int seen = 0;
  std::thread([&seen] { seen = local_value++; }).join();
  EXPECT_EQ(seen, 7);
  EXPECT_EQ(local_value, 8);
}

}  // namespace
}  // namespace ashlar
