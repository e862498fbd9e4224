// Takes a hundred blocks of one size and gives them back, over and over, for a few sizes, in one
// thread or in several that share nothing. Pure cost of the fast paths, and whether it stays the
// same when a second thread does it too.
#include "in_threads.h"

namespace {

std::uint64_t run(std::uint64_t rounds, std::uint64_t seed) {
  constexpr std::size_t kBatch = 100;
  constexpr std::size_t kSizes[] = {16, 48, 64, 112, 256, 400};
  void* blocks[kBatch];
  std::uint64_t checksum = 0;
  for (std::uint64_t round = 0; round < rounds; round++) {
    const std::size_t size = kSizes[(round + seed) % (sizeof kSizes / sizeof kSizes[0])];
    for (std::size_t i = 0; i < kBatch; i++) {
      blocks[i] = workload::allocate(size);
      *static_cast<std::uint64_t*>(blocks[i]) = round + i;
    }
    // Even rounds free in the order of allocation, odd ones in reverse.
    for (std::size_t i = 0; i < kBatch; i++) {
      void* block = blocks[(round & 1) == 0 ? i : kBatch - 1 - i];
      checksum += *static_cast<std::uint64_t*>(block);
      std::free(block);
    }
  }
  return checksum;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {150000, 1, 1});
  if (arguments.threads <= 1) return workload::finish(run(arguments.size, arguments.seed));
  return workload::finish(workload::sum_of_threads(
      arguments.threads, [&](unsigned i) { return run(arguments.size, arguments.seed + i); }));
}
