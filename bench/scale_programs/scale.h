// What the programs of bench/scale share, beside probe.h: the processor time of this process, the
// end of a line that would need too much, and calls that not every allocator has.
#pragma once

#include <dlfcn.h>
#include <malloc.h>

#include "probe.h"

namespace scale {

// Processor time of all threads, an allocator's own ones too: other programs on the machine hardly
// change it.
inline std::int64_t cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1000000000 + time.tv_nsec;
}

// Sums are told in picoseconds, so that a few nanoseconds keep their digits.
inline std::int64_t picoseconds_each(std::int64_t ns, std::uint64_t times) {
  return times == 0 ? 0
                    : static_cast<std::int64_t>(1000.0 * static_cast<double>(ns) /
                                                static_cast<double>(times));
}

// Why a program ended without figures; bench/benchlib/scale_rows.py has the words.
enum class Ended : std::int64_t { kNoMemory = 1, kLimit = 2, kTime = 3, kLacksCalls = 4 };

[[noreturn]] inline void end(Ended why) {
  probe::tell("ended", static_cast<std::int64_t>(why));
  std::fflush(stdout);
  _exit(0);
}

// Looked at while memory fills: ends the program where that needs more memory than the machine can
// spare, or more time than a measurement may take.
class Guard {
 public:
  static constexpr std::int64_t kSeconds = 45;

  explicit Guard(std::uint64_t limit_mib)
      : limit_pages_(static_cast<std::int64_t>(limit_mib << 20) / sysconf(_SC_PAGESIZE)),
        file_(open("/proc/self/statm", O_RDONLY | O_CLOEXEC)),
        deadline_(probe::microseconds() + kSeconds * 1000000) {
    if (file_ < 0) workload::fail("no /proc/self/statm");
  }

  void look() const {
    char text[128];
    const ssize_t count = pread(file_, text, sizeof text - 1, 0);
    if (count <= 0) workload::fail("/proc/self/statm can't be read");
    text[count] = '\0';
    const char* second = std::strchr(text, ' ');
    if (second != nullptr && std::strtoll(second, nullptr, 10) > limit_pages_) end(Ended::kLimit);
    if (probe::microseconds() > deadline_) end(Ended::kTime);
  }

 private:
  std::int64_t limit_pages_;
  int file_;
  std::int64_t deadline_;
};

// What a program along a line begins with: how much of it, how often, the memory before, and the
// MiB that may be resident.
struct Begin {
  Begin(int argc, char** argv)
      : count(probe::argument(argc, argv, 1)),
        times(probe::argument(argc, argv, 2)),
        start(probe::start()),
        guard(probe::argument(argc, argv, 3)) {}

  const std::uint64_t count;
  const std::uint64_t times;
  const probe::Memory start;
  const Guard guard;
};

inline void* allocate_or_end(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) end(Ended::kNoMemory);
  workload::keep(block);
  return block;
}

template <typename Function>
Function* find(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

// Processor time of malloc and free of the same block, one pair after another.
inline std::int64_t pairs_ns(std::size_t size, std::uint64_t times) {
  const std::int64_t before = cpu_ns();
  for (std::uint64_t i = 0; i < times; i++) std::free(workload::allocate(size));
  return cpu_ns() - before;
}

}  // namespace scale
