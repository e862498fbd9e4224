// A program that runs for long in phases: it allocates much, frees most of it at random, and in the
// next round its sizes are others. How much is resident at a round's end over what is live then?
// Arguments: most live MIB, ROUNDS, 1 to call malloc_trim before the end of each. A quarter of the
// most stays live.
#include <malloc.h>

#include "probe.h"

namespace {

struct Slot {
  void* block;
  std::size_t size;
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t most = probe::argument(argc, argv, 1) << 20;
  const std::uint64_t rounds = probe::argument(argc, argv, 2);
  const bool trim = probe::argument(argc, argv, 3) != 0;
  const std::size_t capacity = most / 16 + 1;
  Slot* slots = probe::table<Slot>(capacity);
  auto* figures = probe::table<probe::Memory>(rounds + 1);
  auto* live_bytes = probe::table<std::size_t>(rounds + 1);
  std::memset(slots, 1, capacity * sizeof(Slot));  // resident before the start, not on the way
  workload::Random random(1);
  const probe::Memory start = probe::start();
  const std::int64_t begin = probe::microseconds();
  std::size_t count = 0;
  std::size_t live = 0;
  for (std::uint64_t round = 0; round < rounds; round++) {
    // Sizes of one to four doublings, from 16 bytes to 32 KiB.
    const auto low = static_cast<unsigned>(random.between(4, 11));
    const auto high = low + static_cast<unsigned>(random.between(1, 4));
    while (live < most && count < capacity) {
      const std::size_t size = random.log_size(low, high);
      slots[count++] = {probe::filled(size), size};
      live += size;
    }
    while (live > most / 4) {
      Slot& slot = slots[random.below(count)];
      std::free(slot.block);
      live -= slot.size;
      slot = slots[--count];
    }
    if (trim) {
      malloc_trim(0);
    }
    figures[round] = probe::memory();
    live_bytes[round] = live;
  }
  probe::tell("us", probe::microseconds() - begin);
  probe::tell("mappings", probe::mappings());
  for (std::uint64_t round = 0; round < rounds; round++) {
    const std::int64_t resident = figures[round].resident_kib - start.resident_kib;
    std::printf("round %" PRId64 " %" PRId64 "\n", resident,
                static_cast<std::int64_t>(live_bytes[round] >> 10));
  }
  return 0;
}
