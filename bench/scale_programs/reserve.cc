// Blocks of 64 MiB that are never touched: what a call costs when so many are live, and what is
// resident, which is the allocator's metadata alone. Arguments: BLOCKS, how often, MiB that may be
// resident.
#include "scale.h"

namespace {

constexpr std::size_t kBlock = std::size_t{64} << 20;

}  // namespace

int main(int argc, char** argv) {
  const auto [count, times, start, guard] = scale::Begin(argc, argv);
  void** blocks = probe::table<void*>(count);
  std::int64_t make = 0;
  for (std::uint64_t i = 0; i < count; i++) {
    guard.look();
    const std::int64_t before = scale::cpu_ns();
    blocks[i] = scale::allocate_or_end(kBlock);
    make += scale::cpu_ns() - before;
  }
  const probe::Memory full = probe::memory();
  const std::int64_t same = scale::pairs_ns(kBlock, times);
  const std::int64_t before = scale::cpu_ns();
  for (std::uint64_t i = 0; i < count; i++) std::free(blocks[i]);
  const std::int64_t drop = scale::cpu_ns() - before;

  probe::tell("make_ps", scale::picoseconds_each(make, count));
  probe::tell("same_ps", scale::picoseconds_each(same, times));
  probe::tell("free_ps", scale::picoseconds_each(drop, count));
  // The table of the program itself is taken off.
  const auto own_kib = static_cast<std::int64_t>((count * sizeof(void*) + 4095) / 4096 * 4);
  probe::tell("resident_kib", full.resident_kib - start.resident_kib - own_kib);
  return 0;
}
