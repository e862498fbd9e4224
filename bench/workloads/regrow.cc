// Grows blocks with realloc: many small buffers by a half each time (as strings and arrays do),
// some by single steps, and one after another up to tens of megabytes. In-place growth, cheap
// copies, and page moves for the large ones.
#include "workload.h"

namespace {

void* resize(void* block, std::size_t size) {
  void* grown = std::realloc(block, size);
  if (grown == nullptr) workload::fail("out of memory");
  workload::keep(grown);
  return grown;
}

// Grows many buffers in turn, so that none of them can simply stay the last block of the heap.
std::uint64_t grow_many(workload::Random& random) {
  constexpr std::size_t kBuffers = 64;
  struct Buffer {
    char* text;
    std::size_t length;
    std::size_t room;
  } buffers[kBuffers];
  for (auto& buffer : buffers) buffer = {static_cast<char*>(workload::allocate(16)), 0, 16};
  for (unsigned step = 0; step < 20000; step++) {
    Buffer& buffer = buffers[random.below(kBuffers)];
    const std::size_t piece = static_cast<std::size_t>(random.between(1, 60));
    if (buffer.length + piece > buffer.room) {
      buffer.room = (step & 3) == 0 ? buffer.length + piece : (buffer.length + piece) * 3 / 2;
      buffer.text = static_cast<char*>(resize(buffer.text, buffer.room));
    }
    std::memset(buffer.text + buffer.length, static_cast<int>(step & 0x7f), piece);
    buffer.length += piece;
  }
  std::uint64_t sum = 0;
  for (auto& buffer : buffers) {
    for (std::size_t i = 0; i < buffer.length; i += 7) {
      sum = sum * 31 + static_cast<unsigned char>(buffer.text[i]);
    }
    std::free(buffer.text);
  }
  return sum;
}

// One buffer up to 24 MiB, half as large again each time, then cut to a quarter.
std::uint64_t grow_large(std::uint64_t salt) {
  constexpr std::size_t kLimit = std::size_t{24} << 20;
  std::size_t filled = 0;
  auto* bytes = static_cast<unsigned char*>(workload::allocate(4096));
  for (std::size_t room = 4096; room <= kLimit; room += room / 2) {
    bytes = static_cast<unsigned char*>(resize(bytes, room));
    for (; filled + 4096 <= room; filled += 4096) {
      bytes[filled] = static_cast<unsigned char>((filled >> 12) + salt);
    }
  }
  bytes = static_cast<unsigned char*>(resize(bytes, filled / 4));
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < filled / 4; i += 4096) sum = sum * 31 + bytes[i];
  std::free(bytes);
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {120, 1, 1});
  workload::Random random(arguments.seed);
  std::uint64_t checksum = 0;
  for (std::uint64_t round = 0; round < arguments.size; round++) {
    checksum += grow_many(random);
    if (round % 4 == 0) checksum += grow_large(round);
  }
  return workload::finish(checksum);
}
