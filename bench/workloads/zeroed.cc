// Asks for zeroed blocks of 16 bytes to 256 KiB, checks that they are zero, dirties them and gives
// them back. Clearing costs: memory known to be zero need not be cleared again, and a large block
// of which little is used should not be touched in full.
#include <vector>

#include "workload.h"

namespace {

struct Block {
  unsigned char* bytes = nullptr;
  std::size_t size = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {600000, 1, 1});
  workload::Random random(arguments.seed);
  std::vector<Block> blocks(512);
  std::uint64_t checksum = 0;
  for (std::uint64_t step = 0; step < arguments.size; step++) {
    Block& block = blocks[random.below(blocks.size())];
    std::free(block.bytes);
    block.size = random.log_size(4, random.below(8) == 0 ? 18 : 11);
    block.bytes = static_cast<unsigned char*>(std::calloc(1, block.size));
    if (block.bytes == nullptr) workload::fail("out of memory");
    workload::keep(block.bytes);
    // Small blocks are read and dirtied in full, large ones here and there.
    const std::size_t stride = block.size <= 2048 ? 1 : 509;
    unsigned any = 0;
    for (std::size_t i = 0; i < block.size; i += stride) any |= block.bytes[i];
    if (any != 0) workload::fail("a zeroed block was not zero");
    const auto mark = static_cast<unsigned char>(step | 1);
    for (std::size_t i = 0; i < block.size; i += stride) block.bytes[i] = mark;
    checksum += block.size * mark;
  }
  for (const Block& block : blocks) std::free(block.bytes);
  return workload::finish(checksum);
}
