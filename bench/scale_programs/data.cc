// Much live data: blocks of 16 to 4096 bytes until so much is live, then blocks are replaced at
// random, and one is made and freed again and again.
// Arguments: KIB, how often, MiB that may be resident.
#include "scale.h"

namespace {

constexpr std::uint64_t kLookEvery = 16384;
constexpr std::size_t kLeastBlock = 16;
constexpr std::size_t kPairBlock = 64;

}  // namespace

int main(int argc, char** argv) {
  const auto [kib, times, start, guard] = scale::Begin(argc, argv);
  const std::size_t bytes = kib << 10;
  void** blocks = probe::table<void*>(bytes / kLeastBlock + 1);
  workload::Random random(1);

  std::uint64_t count = 0;
  std::int64_t before = scale::cpu_ns();
  for (std::size_t asked = 0; asked < bytes; count++) {
    if (count % kLookEvery == 0) guard.look();
    const std::size_t size = random.log_size(4, 12);
    blocks[count] = scale::allocate_or_end(size);
    workload::stamp(blocks[count], size, count);
    asked += size;
  }
  const std::int64_t fill = scale::cpu_ns() - before;
  const probe::Memory full = probe::memory();

  const std::int64_t same = scale::pairs_ns(kPairBlock, times);

  before = scale::cpu_ns();
  for (std::uint64_t i = 0; i < times; i++) {
    void*& block = blocks[random.below(count)];
    std::free(block);
    const std::size_t size = random.log_size(4, 12);
    block = workload::allocate(size);
    workload::stamp(block, size, i);
  }
  const std::int64_t replace = scale::cpu_ns() - before;

  probe::tell("fill_ps", scale::picoseconds_each(fill, count));
  probe::tell("same_ps", scale::picoseconds_each(same, times));
  probe::tell("replace_ps", scale::picoseconds_each(replace, times));
  probe::tell("resident_kib", full.resident_kib - start.resident_kib);
  return 0;
}
