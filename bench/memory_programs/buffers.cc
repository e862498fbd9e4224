// A large buffer is allocated, used and freed again and again. Arguments: 0 malloc and write it
// all, 1 calloc and write one page a MiB; MIB; how often at most; seconds after which to stop.
#include "probe.h"

namespace {

void touch(unsigned char* block, std::size_t size) {
  for (std::size_t at = 0; at < size; at += std::size_t{1} << 20) {
    if (block[at] != 0) workload::fail("calloc gave what is not zero");
    block[at] = 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool zeroed = probe::argument(argc, argv, 1) != 0;
  const std::size_t size = probe::argument(argc, argv, 2) << 20;
  const std::uint64_t times = probe::argument(argc, argv, 3);
  const auto limit = static_cast<std::int64_t>(probe::argument(argc, argv, 4)) * 1000000;
  probe::start();
  const std::int64_t faults = probe::faults();
  const std::int64_t begin = probe::microseconds();
  std::uint64_t done = 0;
  for (; done < times && probe::microseconds() - begin < limit; done++) {
    void* block = zeroed ? std::calloc(size >> 10, 1024) : std::malloc(size);
    if (block == nullptr) workload::fail("out of memory");
    workload::keep(block);
    if (zeroed) {
      touch(static_cast<unsigned char*>(block), size);
    } else {
      std::memset(block, 1, size);
    }
    workload::keep(block);
    std::free(block);
  }
  probe::tell("us", probe::microseconds() - begin);
  probe::tell("faults", probe::faults() - faults);
  probe::tell("times", static_cast<std::int64_t>(done));
  return 0;
}
