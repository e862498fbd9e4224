// A table of blocks whose sizes (16 bytes to 32 KiB, small ones as likely per doubling as large
// ones) and lifetimes are random; each is written in full and checked when it dies. Fragmentation
// over time: the hardest case for keeping memory close to what is live. In one thread, or in
// several with a table each.
#include <vector>

#include "in_threads.h"

namespace {

struct Slot {
  void* block = nullptr;
  std::size_t size = 0;
};

std::uint64_t run(std::uint64_t steps, std::uint64_t seed) {
  workload::Random random(seed);
  std::vector<Slot> slots(32768);
  std::uint64_t checksum = 0;
  for (std::uint64_t step = 0; step < steps; step++) {
    // One slot in eight is chosen four times as often: short-lived blocks among long-lived ones.
    const std::uint64_t range = random.below(2) == 0 ? slots.size() / 8 : slots.size();
    Slot& slot = slots[random.below(range)];
    if (slot.block != nullptr) {
      checksum += workload::stamp_of(slot.block, slot.size);
      std::free(slot.block);
    }
    slot.size = random.log_size(4, random.below(32) == 0 ? 15 : 10);
    slot.block = workload::allocate(slot.size);
    std::memset(slot.block, static_cast<int>(step & 0xff), slot.size);
    workload::stamp(slot.block, slot.size, random.next());
  }
  for (Slot& slot : slots) {
    if (slot.block == nullptr) continue;
    checksum += workload::stamp_of(slot.block, slot.size);
    std::free(slot.block);
  }
  return checksum;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {3000000, 1, 1});
  if (arguments.threads <= 1) return workload::finish(run(arguments.size, arguments.seed));
  return workload::finish(workload::sum_of_threads(
      arguments.threads, [&](unsigned i) { return run(arguments.size, arguments.seed + i); }));
}
