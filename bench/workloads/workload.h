// What every workload shares: arguments, a seeded random number generator, and the checksum line
// that proves that a run computed the same under every allocator. It allocates nothing itself and
// is no part of the library.
#pragma once

#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace workload {

struct Arguments {
  std::uint64_t size;  // how much work to do; the meaning is the workload's
  std::uint64_t seed;  // same size and seed: same allocations, same checksum
  unsigned threads;    // only for workloads that take a number of threads
};

[[noreturn]] inline void fail(const char* what) {
  std::fprintf(stderr, "workload failed: %s\n", what);
  std::exit(1);
}

inline std::uint64_t parse_number(const char* text) {
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(text, &end, 10);
  if (end == text || *end != '\0') fail("an argument is not a number");
  return value;
}

inline Arguments parse(int argc, char** argv, Arguments defaults) {
  Arguments arguments = defaults;
  if (argc > 1 && std::strcmp(argv[1], "--help") == 0) {
    std::printf("usage: %s [SIZE [SEED [THREADS]]]\n", argv[0]);
    std::exit(0);
  }
  if (argc > 1) arguments.size = parse_number(argv[1]);
  if (argc > 2) arguments.seed = parse_number(argv[2]);
  if (argc > 3) arguments.threads = static_cast<unsigned>(parse_number(argv[3]));
  return arguments;
}

// SplitMix64 (Steele, Lea, Flood 2014): short, good enough for sizes and indexes, and cheap, so
// that the allocator and not the generator is what gets measured.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15U + 1) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    return mix(state_);
  }

  // A number in [0, bound); the small bias does not matter here.
  std::uint64_t below(std::uint64_t bound) {
    if (bound <= (std::uint64_t{1} << 32)) return ((next() >> 32) * bound) >> 32;
    return next() % bound;
  }

  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + below(high - low + 1);
  }

  // Sizes as programs ask for them: each doubling is as likely as any other one.
  std::size_t log_size(unsigned low_bit, unsigned high_bit) {
    const std::uint64_t base = std::uint64_t{1} << between(low_bit, high_bit - 1);
    return static_cast<std::size_t>(base + below(base));
  }

  static std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31);
  }

 private:
  std::uint64_t state_;
};

// Hides a block from the optimiser, which may otherwise remove the allocation altogether.
inline void keep(void* block) { __asm__ volatile("" : : "r"(block) : "memory"); }

inline void* allocate(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) fail("out of memory");
  keep(block);
  return block;
}

// Writes a stamp into the first and last word (or all of a short block) and returns it by stamp_of.
inline void stamp(void* block, std::size_t size, std::uint64_t value) {
  auto* bytes = static_cast<unsigned char*>(block);
  std::memcpy(bytes, &value, size < 8 ? size : 8);
  if (size >= 16) std::memcpy(bytes + size - 8, &value, 8);
}

inline std::uint64_t stamp_of(const void* block, std::size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(block);
  std::uint64_t first = 0;
  std::memcpy(&first, bytes, size < 8 ? size : 8);
  if (size >= 16) {
    std::uint64_t last = 0;
    std::memcpy(&last, bytes + size - 8, 8);
    if (first != last) fail("a block lost its contents");
  }
  return first;
}

inline int finish(std::uint64_t checksum) {
  std::printf("checksum %016" PRIx64 "\n", checksum);
  return 0;
}

}  // namespace workload
