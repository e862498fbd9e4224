// What the regression tests share: patterns in blocks, the memory that a test uses, a watchdog, and
// errors that the library reports. It holds no test.
#pragma once

#include <mimalloc.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <mutex>
#include <set>

#include <unistd.h>

namespace regress {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;
inline constexpr std::size_t kGiB = 1024 * kMiB;

inline std::uint8_t pattern_byte(std::size_t index, unsigned seed) {
  return static_cast<std::uint8_t>((index * 167 + seed * 59 + 13) ^ (index >> 8));
}

inline void fill(void* block, std::size_t size, unsigned seed) {
  auto* const bytes = static_cast<std::uint8_t*>(block);
  for (std::size_t i = 0; i < size; i++) bytes[i] = pattern_byte(i, seed);
}

// The first offset where the pattern is broken, or `size`.
inline std::size_t intact(const void* block, std::size_t size, unsigned seed) {
  const auto* const bytes = static_cast<const std::uint8_t*>(block);
  for (std::size_t i = 0; i < size; i++)
    if (bytes[i] != pattern_byte(i, seed)) return i;
  return size;
}

// The first byte in [from, to) that is not zero, or `to`.
inline std::size_t first_non_zero(const void* block, std::size_t from, std::size_t to) {
  const auto* const bytes = static_cast<const std::uint8_t*>(block);
  while (from < to && from % 8 != 0 && bytes[from] == 0) from++;
  std::uint64_t word = 0;
  for (; from + 8 <= to; from += 8) {
    std::memcpy(&word, bytes + from, 8);
    if (word != 0) break;
  }
  while (from < to && bytes[from] == 0) from++;
  return from;
}

inline bool aligned(const void* p, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(p) % alignment == 0;
}

// Resident bytes of this process, 0 if they cannot be read.
inline std::size_t resident_bytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long long total = 0;
  unsigned long long resident = 0;
  const int fields = std::fscanf(file, "%llu %llu", &total, &resident);
  std::fclose(file);
  if (fields != 2) return 0;
  return static_cast<std::size_t>(resident) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// Work is divided by kSlower where the library or the compiler checks every step. Under sanitizers
// resident size means little besides: only kExact builds judge it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::size_t kSlower = 8;
inline constexpr bool kExact = false;
#elif defined(ASHLAR_PROFILE_DEBUG) || defined(ASHLAR_PROFILE_SECURE)
inline constexpr std::size_t kSlower = 4;
inline constexpr bool kExact = true;
#else
inline constexpr std::size_t kSlower = 1;
inline constexpr bool kExact = true;
#endif

// Debug builds fill what they hand out and what is freed, so that more is touched than is used.
#if defined(ASHLAR_PROFILE_DEBUG)
inline constexpr bool kFills = true;
#else
inline constexpr bool kFills = false;
#endif

// Ends the program when a test takes much too long: nothing here may hang.
class Watchdog {
 public:
  Watchdog() { alarm(kExact ? 150 : 400); }
  ~Watchdog() { alarm(0); }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
};

// The addresses that blocks were ever given, in units of 64 KiB. A program that allocates and frees
// the same amount again and again must not need more and more of them.
class Footprint {
  // Where pages take random places, as in secure, what is used again is not at the same addresses
  // each time: twenty slices more in 16 runs of regress_10, at most.
#if defined(ASHLAR_PROFILE_SECURE)
  static constexpr std::size_t kScattered = std::size_t{3} << 20;
#else
  static constexpr std::size_t kScattered = 0;
#endif

 public:
  void note(const void* block, std::size_t size) {
    const auto start = reinterpret_cast<std::uintptr_t>(block);
    const std::lock_guard<std::mutex> guard(mutex_);
    for (std::uintptr_t at = start >> 16; at <= (start + size - 1) >> 16; at++) slices_.insert(at);
  }
  std::size_t bytes() const {
    const std::lock_guard<std::mutex> guard(mutex_);
    const std::size_t bytes = slices_.size() << 16;
    return bytes > kScattered ? bytes - kScattered : 0;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::uintptr_t> slices_;
};

// SplitMix64 with a seed from the clock, which every failure message names.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t x = state_ += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
  }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

  static std::uint64_t seed() {
    std::timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const auto value =
        static_cast<std::uint64_t>(now.tv_sec) * 1000003u + static_cast<std::uint64_t>(now.tv_nsec);
    std::printf("seed %llu\n", static_cast<unsigned long long>(value));
    return value;
  }

 private:
  std::uint64_t state_;
};

// Counts what the library reports through its error callback while it lives.
class ErrorCount {
 public:
  ErrorCount() {
    count().store(0, std::memory_order_relaxed);  // relaxed: a counter only.
    mi_register_error(
        [](int error, void*) {
          last().store(error, std::memory_order_relaxed);   // relaxed: read by the same thread.
          count().fetch_add(1, std::memory_order_relaxed);  // relaxed: a counter only.
        },
        nullptr);
  }
  ~ErrorCount() { mi_register_error(nullptr, nullptr); }
  ErrorCount(const ErrorCount&) = delete;
  ErrorCount& operator=(const ErrorCount&) = delete;

  int reported() const { return count().load(std::memory_order_relaxed); }   // relaxed: a counter.
  int last_error() const { return last().load(std::memory_order_relaxed); }  // relaxed: as above.

 private:
  static std::atomic<int>& count() {
    static std::atomic<int> value{0};
    return value;
  }
  static std::atomic<int>& last() {
    static std::atomic<int> value{0};
    return value;
  }
};

}  // namespace regress
