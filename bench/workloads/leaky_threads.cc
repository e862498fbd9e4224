// Threads fill lists with blocks of many sizes and end while all of them live on; many threads
// later another one reads and frees a list, and ends too. Memory of ended threads: it must be found
// again by threads that never knew their makers, or the process grows with every generation.
#include <deque>
#include <thread>
#include <vector>

#include "workload.h"

namespace {

constexpr std::size_t kBlocks = 3000;  // of one thread
constexpr std::size_t kLater = 16;     // lists that stand between making and freeing

struct Entry {
  void* block;
  std::size_t size;
};

using List = std::vector<Entry>;

void fill(List& list, std::uint64_t seed) {
  workload::Random random(seed);
  for (Entry& entry : list) {
    entry.size = random.log_size(4, random.below(64) == 0 ? 14 : 9);
    entry.block = workload::allocate(entry.size);
    workload::stamp(entry.block, entry.size, random.next());
    // A thread also has blocks that die with its work.
    if (random.below(2) == 0) std::free(workload::allocate(entry.size));
  }
}

std::uint64_t release(const List& list) {
  std::uint64_t sum = 0;
  for (const Entry& entry : list) {
    sum += workload::stamp_of(entry.block, entry.size);
    std::free(entry.block);
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {600, 1, 2});
  std::deque<List> waiting;
  std::vector<std::uint64_t> sums(arguments.threads * 16);
  for (std::uint64_t round = 0; round < arguments.size; round++) {
    std::vector<List> oldest;
    while (waiting.size() >= kLater) {
      oldest.push_back(std::move(waiting.front()));
      waiting.pop_front();
    }
    const std::size_t first = waiting.size();
    for (unsigned i = 0; i < arguments.threads; i++) waiting.emplace_back(kBlocks);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < arguments.threads; i++) {
      threads.emplace_back([&, i] {
        for (std::size_t at = i; at < oldest.size(); at += arguments.threads) {
          sums[i * 16] += release(oldest[at]);
        }
        fill(waiting[first + i], arguments.seed + round * arguments.threads + i);
      });
    }
    for (auto& thread : threads) thread.join();
  }
  std::uint64_t checksum = 0;
  for (const List& list : waiting) checksum += release(list);
  for (const std::uint64_t sum : sums) checksum += sum;
  return workload::finish(checksum);
}
