// Two threads write small blocks of their own at full speed: slow when an allocator puts blocks of
// different threads on one cache line. Active (seed even): each thread allocates its block; passive
// (seed odd): one thread allocates for all, they free those and allocate again (Berger et al.
// 2000).
#include <vector>

#include "in_threads.h"

namespace {

constexpr std::size_t kSize = 8;
constexpr unsigned kWrites = 400;

std::uint64_t run(void* given, std::uint64_t rounds, std::uint64_t seed) {
  std::free(given);
  std::uint64_t sum = 0;
  for (std::uint64_t round = 0; round < rounds; round++) {
    auto* word = static_cast<volatile std::uint64_t*>(workload::allocate(kSize));
    *word = seed;
    for (unsigned i = 0; i < kWrites; i++) *word = *word + i;
    sum += *word;
    std::free(const_cast<std::uint64_t*>(word));
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {1500000, 0, 2});
  const bool passive = (arguments.seed & 1) != 0;
  std::vector<void*> given(arguments.threads);
  if (passive) {
    for (void*& block : given) block = workload::allocate(kSize);
  }
  return workload::finish(workload::sum_of_threads(arguments.threads, [&](unsigned i) {
    return run(given[i], arguments.size, arguments.seed + i);
  }));
}
