// Buffers of 64 KiB to 32 MiB, a handful alive at a time, each touched once per 4 KiB. Image, video
// and matrix programs: what matters is how memory of past buffers is used again, how many page
// faults that costs, and how much stays resident.
#include "workload.h"

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {1200, 1, 1});
  constexpr std::size_t kSlots = 12;
  struct {
    unsigned char* bytes;
    std::size_t size;
  } slots[kSlots] = {};
  workload::Random random(arguments.seed);
  std::uint64_t checksum = 0;
  for (std::uint64_t step = 0; step < arguments.size; step++) {
    auto& slot = slots[random.below(kSlots)];
    if (slot.bytes != nullptr) {
      checksum += workload::stamp_of(slot.bytes, slot.size);
      std::free(slot.bytes);
    }
    slot.size = random.log_size(16, 25);
    slot.bytes = static_cast<unsigned char*>(workload::allocate(slot.size));
    for (std::size_t i = 0; i < slot.size; i += 4096) {
      slot.bytes[i] = static_cast<unsigned char>(i >> 12);
    }
    workload::stamp(slot.bytes, slot.size, random.next());
  }
  for (auto& slot : slots) std::free(slot.bytes);
  return workload::finish(checksum);
}
