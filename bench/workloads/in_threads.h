// For workloads that do the same in several threads which share nothing.
#pragma once

#include <thread>
#include <vector>

#include "workload.h"

namespace workload {

// Starts the threads, each with run(its index), and adds up the checksums that they come to.
template <class Run>
std::uint64_t sum_of_threads(unsigned count, Run run) {
  constexpr std::size_t kApart = 16;  // numbers: no two threads write to one pair of cache lines
  std::vector<std::uint64_t> sums(count * kApart);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < count; i++) {
    threads.emplace_back([&, i] { sums[i * kApart] = run(i); });
  }
  for (auto& thread : threads) thread.join();
  std::uint64_t checksum = 0;
  for (const std::uint64_t sum : sums) checksum += sum;
  return checksum;
}

}  // namespace workload
