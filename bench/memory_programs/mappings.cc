// Huge blocks come and go at random: how many mappings does the process have at most? The system
// has a bound (65530). Arguments: how many blocks, how many at once.
#include "probe.h"

int main(int argc, char** argv) {
  const std::uint64_t blocks = probe::argument(argc, argv, 1);
  const std::size_t at_once = probe::argument(argc, argv, 2);
  void** slots = probe::table<void*>(at_once);
  workload::Random random(1);
  probe::start();
  const std::int64_t begin = probe::microseconds();
  std::int64_t most = probe::mappings();
  for (std::uint64_t i = 0; i < blocks; i++) {
    void*& slot = slots[random.below(at_once)];
    std::free(slot);
    const std::size_t size = random.log_size(20, 24);
    slot = workload::allocate(size);
    *static_cast<char*>(slot) = 1;
    if (i % 50 != 49) continue;
    const std::int64_t now = probe::mappings();
    if (now > most) most = now;
  }
  for (std::size_t i = 0; i < at_once; i++) std::free(slots[i]);
  probe::tell("us", probe::microseconds() - begin);
  probe::tell("peak_mappings", most);
  probe::tell("mappings", probe::mappings());
  return 0;
}
