// Starts and joins many short threads, each of which takes some blocks of a few sizes and leaves
// one behind for the main thread to free. What a thread costs to set up, and whether what it held
// is used again by the next one.
#include <thread>

#include "workload.h"

namespace {

struct Job {
  std::uint64_t seed;
  std::uint64_t sum;
  void* left_behind;
};

void work(Job* job) {
  workload::Random random(job->seed);
  void* blocks[64];
  std::size_t sizes[64];
  for (std::size_t i = 0; i < 64; i++) {
    sizes[i] = random.log_size(4, 11);
    blocks[i] = workload::allocate(sizes[i]);
    workload::stamp(blocks[i], sizes[i], random.next());
  }
  job->sum = 0;
  for (std::size_t i = 0; i < 64; i++) {
    job->sum += workload::stamp_of(blocks[i], sizes[i]);
    std::free(blocks[i]);
  }
  job->left_behind = workload::allocate(100);
  workload::stamp(job->left_behind, 100, job->sum);
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {10000, 1, 2});
  if (arguments.threads > 64) workload::fail("at most 64 threads at a time");
  std::uint64_t checksum = 0;
  for (std::uint64_t round = 0; round < arguments.size; round++) {
    Job jobs[64];
    std::thread threads[64];
    for (unsigned i = 0; i < arguments.threads; i++) {
      jobs[i] = {arguments.seed + round * arguments.threads + i, 0, nullptr};
      threads[i] = std::thread(work, &jobs[i]);
    }
    for (unsigned i = 0; i < arguments.threads; i++) {
      threads[i].join();
      checksum += workload::stamp_of(jobs[i].left_behind, 100);
      std::free(jobs[i].left_behind);
    }
  }
  return workload::finish(checksum);
}
