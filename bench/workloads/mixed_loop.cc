// A long loop over many sizes (small ones far more often) in several threads, where runs of blocks
// are freed in order of allocation, in reverse, or much later. The kind of mix that stress programs
// of allocator vendors use; nothing is shared between the threads.
#include <vector>

#include "in_threads.h"

namespace {

struct Block {
  void* bytes;
  std::size_t size;
};

constexpr std::size_t kRun = 120;
constexpr std::size_t kOld = 40;

std::uint64_t release(const Block& block) {
  const std::uint64_t value = workload::stamp_of(block.bytes, block.size);
  std::free(block.bytes);
  return value;
}

std::uint64_t run(std::uint64_t rounds, std::uint64_t seed) {
  workload::Random random(seed);
  std::vector<Block> recent(kRun);
  std::vector<std::vector<Block>> old(kOld);
  std::uint64_t sum = 0;
  for (std::uint64_t round = 0; round < rounds; round++) {
    for (Block& block : recent) {
      // Size n up to 1000 comes about as often as 1000/n.
      const std::size_t scale = std::size_t{1} << random.below(7);
      block.size = 8 + static_cast<std::size_t>(random.below(1000 / scale));
      block.bytes = workload::allocate(block.size);
      workload::stamp(block.bytes, block.size, round + block.size);
    }
    switch (round % 4) {
      case 0:
        for (const Block& block : recent) sum += release(block);
        break;
      case 1:
      case 2:
        for (std::size_t i = recent.size(); i > 0; i--) sum += release(recent[i - 1]);
        break;
      default: {
        // This run lives on; the one that had its place dies, every third block first.
        std::vector<Block>& place = old[random.below(kOld)];
        for (std::size_t first = 0; first < 3; first++) {
          for (std::size_t i = first; i < place.size(); i += 3) sum += release(place[i]);
        }
        place.swap(recent);
        recent.resize(kRun);
      }
    }
  }
  for (const auto& place : old) {
    for (const Block& block : place) sum += release(block);
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {80000, 1, 2});
  return workload::finish(workload::sum_of_threads(
      arguments.threads, [&](unsigned i) { return run(arguments.size, arguments.seed + i); }));
}
