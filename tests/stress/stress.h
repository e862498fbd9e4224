// What the stress programs share: command line, random numbers, blocks whose content is known, and
// a clean end on corruption or when nothing moves any more. It holds no workload: those are in the
// *_stress.cc files beside it, one program each.
#pragma once

#include <mimalloc.h>

#include <atomic>
#include <csignal>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

#include <unistd.h>

#include "schedule/schedule_control.h"

namespace stress {

struct Options {
  std::uint64_t seed = 0;
  double seconds = 2.5;
  unsigned threads = 4;
};

// The seed of this run, so that every failure message can name it.
inline std::uint64_t run_seed = 0;
inline const char* program_name = "stress";

[[noreturn]] inline void usage(int status) {
  std::fprintf(
      status == 0 ? stdout : stderr,
      "usage: %s [--seed S] [--seconds T] [--threads N]\n"
      "Uses the allocator from several threads and checks every block's content.\n"
      "  --seed S     repeat the random choices of an earlier run (default: from the clock)\n"
      "  --seconds T  run for about T seconds (default 2.5)\n"
      "  --threads N  worker threads, 1 to 64 (default 4)\n"
      "Exit status: 0 fine, 1 corruption or a wrong answer, 2 bad usage, 3 no progress.\n",
      program_name);
  std::exit(status);
}

// One write call and _exit: no destructor may run on a corrupted heap.
[[noreturn]] __attribute__((format(printf, 1, 2))) inline void fail(const char* format, ...) {
  char text[512];
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  char line[640];
  const int total = std::snprintf(line, sizeof line, "%s: FAILED: %s (seed %llu)\n", program_name,
                                  text, static_cast<unsigned long long>(run_seed));
  if (write(STDERR_FILENO, line, static_cast<std::size_t>(total)) < 0) _exit(1);
  _exit(1);
}

// Ends a program that hangs: a stress run must never wait without bound.
inline void start_watchdog(double seconds) {
  std::signal(SIGALRM, [](int) {
    static constexpr char kText[] = "stress: FAILED: no end in sight, given up\n";
    if (write(STDERR_FILENO, kText, sizeof kText - 1) < 0) _exit(3);
    _exit(3);
  });
  alarm(static_cast<unsigned>(seconds * 4) + 120);
}

// In builds for schedules: threads are delayed at atomic operations, as follows from the seed.
inline void delay_threads([[maybe_unused]] std::uint64_t seed) {
#if defined(ASHLAR_SCHEDULE)
  ashlar_test_set_schedule(seed);
#endif
}

inline Options parse_options(int argc, char** argv) {
  const char* const slash = std::strrchr(argv[0], '/');
  program_name = slash != nullptr ? slash + 1 : argv[0];
  Options options;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  options.seed =
      static_cast<std::uint64_t>(now.tv_sec) * 1000003u + static_cast<std::uint64_t>(now.tv_nsec);
  for (int i = 1; i < argc; i++) {
    const std::string_view name = argv[i];
    if (name == "--help") usage(0);
    if (i + 1 >= argc) usage(2);
    const char* const value = argv[++i];
    char* end = nullptr;
    if (name == "--seed") {
      options.seed = std::strtoull(value, &end, 0);
    } else if (name == "--seconds") {
      options.seconds = std::strtod(value, &end);
    } else if (name == "--threads") {
      options.threads = static_cast<unsigned>(std::strtoul(value, &end, 0));
    } else {
      usage(2);
    }
    if (end == value || *end != '\0') usage(2);
  }
  if (options.threads < 1 || options.threads > 64) usage(2);
  if (!(options.seconds > 0 && options.seconds < 86400)) usage(2);
  run_seed = options.seed;
  std::printf("%s: seed %llu, %u threads, %.1f seconds\n", program_name,
              static_cast<unsigned long long>(options.seed), options.threads, options.seconds);
  std::fflush(stdout);
  delay_threads(options.seed);
  start_watchdog(options.seconds);
  return options;
}

class Deadline {
 public:
  explicit Deadline(double seconds) : end_(now() + seconds) {}
  bool passed() const { return now() >= end_; }
  static double now() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  }

 private:
  double end_;
};

inline std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// SplitMix64: small, and one generator a thread needs no sharing.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(mix(seed)) {}
  std::uint64_t next() { return mix(state_ += 0x9E3779B97F4A7C15u); }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

  // Sizes as programs have them: nearly all small, a few of some KiB, now and then up to `largest`.
  std::size_t size(std::size_t largest) {
    const std::uint64_t kind = below(1000);
    const unsigned bits = kind < 700   ? 3 + static_cast<unsigned>(below(5))
                          : kind < 950 ? 8 + static_cast<unsigned>(below(5))
                          : kind < 995 ? 13 + static_cast<unsigned>(below(4))
                                       : 17 + static_cast<unsigned>(below(6));
    const std::size_t base = std::size_t{1} << bits;
    const std::size_t n = base + static_cast<std::size_t>(below(base));
    return n < largest ? n : largest;
  }

 private:
  std::uint64_t state_;
};

// A block with known content. `tag` decides the content, so a block that two owners were given, or
// that somebody wrote to after it was freed, is found when its owner looks at it.
struct Block {
  unsigned char* data = nullptr;
  std::size_t size = 0;
  std::uint64_t tag = 0;
};

namespace detail {

inline constexpr std::size_t kFullyChecked = 16 * 1024;
inline constexpr std::size_t kStride = 4096;

// Calls visit(offset, length) for the parts of the block that carry the pattern: all of a small
// block; both ends and eight bytes in every 4 KiB of a larger one.
template <typename Visit>
void each_word(std::size_t size, Visit visit) {
  const auto range = [&](std::size_t from, std::size_t to) {
    for (std::size_t at = from; at < to; at += 8) visit(at, to - at < 8 ? to - at : 8);
  };
  if (size <= kFullyChecked) {
    range(0, size);
    return;
  }
  range(0, kStride);
  for (std::size_t at = kStride; at + 2 * kStride < size; at += kStride) visit(at, std::size_t{8});
  range((size - kStride) & ~std::size_t{7}, size);
}

}  // namespace detail

inline void fill(const Block& block) {
  detail::each_word(block.size, [&](std::size_t at, std::size_t length) {
    const std::uint64_t word = mix(block.tag + at);
    std::memcpy(block.data + at, &word, length);
  });
}

// Checks the first `size` bytes' worth of pattern, where the block's pattern was written for a
// block of `written` bytes (they differ after a realloc).
inline void check_prefix(const Block& block, std::size_t written, std::size_t size,
                         const char* when) {
  detail::each_word(written, [&](std::size_t at, std::size_t length) {
    if (at + length > size) return;
    std::uint64_t found = 0;
    std::uint64_t expected = mix(block.tag + at);
    std::memcpy(&found, block.data + at, length);
    if (std::memcmp(&found, &expected, length) != 0) {
      if (length < 8) expected &= (std::uint64_t{1} << (8 * length)) - 1;
      fail("%s: block %p of %zu bytes changed at offset %zu: expected %016llx, found %016llx", when,
           static_cast<void*>(block.data), block.size, at,
           static_cast<unsigned long long>(expected), static_cast<unsigned long long>(found));
    }
  });
}

inline void check(const Block& block, const char* when) {
  check_prefix(block, block.size, block.size, when);
}

inline void check_shape(const void* p, std::size_t size, std::size_t alignment) {
  if (p == nullptr) fail("no memory for %zu bytes, alignment %zu", size, alignment);
  if (reinterpret_cast<std::uintptr_t>(p) % alignment != 0)
    fail("block %p of %zu bytes is not aligned to %zu", p, size, alignment);
  const std::size_t usable = mi_usable_size(p);
  if (usable < size) fail("block %p of %zu bytes has only %zu usable", p, size, usable);
}

inline std::size_t natural_alignment(std::size_t size) { return size >= 16 ? 16 : 8; }

// A new block by one of the allocation calls, filled.
inline Block allocate(Random& random, std::size_t size) {
  Block block;
  block.size = size;
  block.tag = random.next();
  std::size_t alignment = natural_alignment(size);
  const std::uint64_t way = random.below(16);
  if (way == 0) {
    block.data = static_cast<unsigned char*>(mi_calloc(1, size));
    if (block.data != nullptr) {
      detail::each_word(size, [&](std::size_t at, std::size_t length) {
        static constexpr unsigned char kZero[8] = {};
        if (std::memcmp(block.data + at, kZero, length) != 0)
          fail("calloc(1, %zu) is not zero at offset %zu", size, at);
      });
    }
  } else if (way == 1) {
    alignment = std::size_t{8} << random.below(10);
    block.data = static_cast<unsigned char*>(mi_malloc_aligned(size, alignment));
  } else {
    block.data = static_cast<unsigned char*>(mi_malloc(size));
  }
  check_shape(block.data, size, alignment);
  fill(block);
  return block;
}

inline void release(const Block& block, const char* when) {
  check(block, when);
  mi_free(block.data);
}

// Resizes, checks that the common part was kept, and fills anew.
inline void resize(Random& random, Block& block, std::size_t size, const char* when) {
  check(block, when);
  const std::size_t written = block.size;
  block.data = static_cast<unsigned char*>(mi_realloc(block.data, size));
  check_shape(block.data, size, natural_alignment(size));
  block.size = size;
  check_prefix(block, written, size < written ? size : written, "after realloc");
  block.tag = random.next();
  fill(block);
}

// Live bytes of all threads together, so that a run stays within a known amount of memory.
class Budget {
 public:
  explicit Budget(std::size_t limit) : limit_(limit) {}
  bool take(std::size_t size) {
    // relaxed: a counter only; no data is published through it.
    if (used_.fetch_add(size, std::memory_order_relaxed) + size <= limit_) return true;
    used_.fetch_sub(size, std::memory_order_relaxed);  // relaxed: as above.
    return false;
  }
  void give_back(std::size_t size) {
    used_.fetch_sub(size, std::memory_order_relaxed);  // relaxed: as above.
  }

 private:
  std::size_t limit_;
  std::atomic<std::size_t> used_{0};
};

}  // namespace stress
