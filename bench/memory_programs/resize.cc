// One block is resized, growing in steps that are all written, or shrinking: how long, and how much
// more than the block is resident on the way? Arguments: FINAL KIB, STEP KIB (0: by half each
// time), seconds after which to give up; or 0, FROM KIB, TO KIB.
#include "probe.h"

namespace {

unsigned char* resized(unsigned char* block, std::size_t size) {
  auto* moved = static_cast<unsigned char*>(std::realloc(block, size));
  if (moved == nullptr) workload::fail("out of memory");
  workload::keep(moved);
  return moved;
}

void shrink(std::size_t from, std::size_t to, const probe::Memory& start) {
  auto* block = static_cast<unsigned char*>(probe::filled(from));
  block = resized(block, to);
  probe::tell("held_kib", probe::memory().resident_kib - start.resident_kib);
  std::free(block);
}

void grow(std::size_t final_size, std::size_t step, std::int64_t limit,
          const probe::Memory& start) {
  std::size_t size = step == 0 ? 65536 : step;
  const std::int64_t begin = probe::microseconds();
  auto* block = static_cast<unsigned char*>(probe::filled(size));
  while (size < final_size && probe::microseconds() - begin < limit) {
    std::size_t next = step == 0 ? size + size / 2 : size + step;
    if (next > final_size) next = final_size;
    block = resized(block, next);
    std::memset(block + size, 1, next - size);
    size = next;
  }
  probe::tell("us", probe::microseconds() - begin);
  probe::tell("peak_kib", probe::peak_kib() - start.resident_kib);
  probe::tell("size_kib", static_cast<std::int64_t>(size >> 10));
  probe::tell("finished", size == final_size);
  std::free(block);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t final_size = probe::argument(argc, argv, 1) << 10;
  const std::size_t second = probe::argument(argc, argv, 2) << 10;
  const std::uint64_t third = probe::argument(argc, argv, 3);
  const probe::Memory start = probe::start();
  if (final_size == 0) {
    shrink(second, third << 10, start);
  } else {
    grow(final_size, second, static_cast<std::int64_t>(third) * 1000000, start);
  }
  return 0;
}
