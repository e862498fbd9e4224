// What the tests of the public interface share: pointers the compiler knows nothing about, blocks
// that free themselves, and a record of what the error function heard. No test of its own.
#ifndef ASHLAR_TEST_API_SUPPORT_H
#define ASHLAR_TEST_API_SUPPORT_H

#include <gtest/gtest.h>
#include <mimalloc.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

#include "page/padding.h"

namespace api_test {

// Bytes that a profile puts behind each block, so that a request of a block's size takes a larger
// one; and those that follow a huge block.
using ashlar::kPadding;
inline std::size_t guard() {
  return ashlar::kActive.guard_pages ? static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) : 0;
}
// Bytes of the block that a request takes.
inline std::size_t block_bytes(std::size_t request) { return mi_good_size(request) + kPadding; }

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;
inline constexpr std::size_t kGiB = 1024 * kMiB;
inline constexpr std::size_t kMaxSize = std::numeric_limits<std::size_t>::max();
inline constexpr std::size_t kMaxDifference =
    static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());
// Allowed as a request, but more than any system can give.
inline constexpr std::size_t kMoreThanThereIs = std::size_t{1} << 62;

// The value itself, with everything the compiler knew about it forgotten: from the attributes of
// an allocation function it may conclude (and fold away) what a test is about to check.
template <class T>
T opaque(T value) {
  asm volatile("" : "+r"(value) : : "memory");
  return value;
}

inline std::uintptr_t address_of(const void* p) {
  return reinterpret_cast<std::uintptr_t>(opaque(p));
}

inline bool is_aligned(const void* p, std::size_t alignment, std::size_t offset = 0) {
  return ((address_of(p) + offset) & (alignment - 1)) == 0;
}

// The library's own figures of its memory.
inline ashlar_memory_use_t memory_use() {
  ashlar_memory_use_t use{};
  use.size = sizeof use;
  EXPECT_TRUE(ashlar_memory_use(&use));
  return use;
}
inline std::size_t touched() { return memory_use().touched; }

struct Free {
  void operator()(void* p) const { mi_free(p); }
};

// A block that frees itself. Takes its pointer opaque.
class Block {
 public:
  explicit Block(void* p) : p_(opaque(p)) {}
  unsigned char* bytes() const { return static_cast<unsigned char*>(p_.get()); }
  void* get() const { return p_.get(); }
  void* release() { return p_.release(); }
  explicit operator bool() const { return p_ != nullptr; }

 private:
  std::unique_ptr<void, Free> p_;
};

// A byte pattern that differs from place to place and from seed to seed.
inline unsigned char pattern_byte(std::size_t at, unsigned seed) {
  return static_cast<unsigned char>((at * 131 + (at >> 8) * 7 + seed * 29 + 1) & 0xff);
}

inline void fill(void* p, std::size_t from, std::size_t to, unsigned seed) {
  auto* bytes = static_cast<unsigned char*>(p);
  for (std::size_t at = from; at < to; ++at) bytes[at] = pattern_byte(at, seed);
}

// The first place in [from, to) that does not hold the pattern; `to` if all do.
inline std::size_t first_difference(const void* p, std::size_t from, std::size_t to,
                                    unsigned seed) {
  const auto* bytes = static_cast<const unsigned char*>(opaque(p));
  while (from < to && bytes[from] == pattern_byte(from, seed)) ++from;
  return from;
}

// The first byte in [from, to) that is not zero; `to` if all are.
inline std::size_t first_nonzero(const void* p, std::size_t from, std::size_t to) {
  const auto* bytes = static_cast<const unsigned char*>(opaque(p));
  while (from < to && bytes[from] == 0) ++from;
  return from;
}

// Leaves free blocks of about this size whose bytes are anything but zero.
inline void leave_dirty_blocks(std::size_t size, int count = 16) {
  std::vector<Block> blocks;
  for (int i = 0; i < count; ++i) {
    blocks.emplace_back(mi_malloc(size));
    if (blocks.back()) std::memset(blocks.back().get(), 0xd5, size);
  }
}

// An output function that keeps what it is sent in a vector of strings.
inline void keep_line(const char* line, void* lines) {
  static_cast<std::vector<std::string>*>(lines)->emplace_back(line);
}

// What a call sends where messages go.
template <class Call>
std::vector<std::string> lines_sent_by(Call call) {
  std::vector<std::string> lines;
  mi_register_output(keep_line, &lines);
  lines.clear();  // of what was printed before
  call();
  mi_register_output(nullptr, nullptr);
  return lines;
}

// Registers the error function for its lifetime and notes the codes it hears, without allocating.
class ErrorRecorder {
 public:
  ErrorRecorder() { mi_register_error(&ErrorRecorder::note, this); }
  ~ErrorRecorder() { mi_register_error(nullptr, nullptr); }
  ErrorRecorder(const ErrorRecorder&) = delete;
  ErrorRecorder& operator=(const ErrorRecorder&) = delete;

  // What was heard since the last call.
  std::vector<int> take() {
    const std::size_t count = count_.exchange(0, std::memory_order_acq_rel);
    return {codes_, codes_ + (count < kLimit ? count : kLimit)};
  }

 private:
  static void note(int code, void* self) {
    auto* recorder = static_cast<ErrorRecorder*>(self);
    const std::size_t at = recorder->count_.fetch_add(1, std::memory_order_acq_rel);
    if (at < kLimit) recorder->codes_[at] = code;
  }

  static constexpr std::size_t kLimit = 64;
  std::atomic<std::size_t> count_{0};
  int codes_[kLimit] = {};
};

// Whether the library under test is a hardened build: those may pad blocks, so that the usable
// size is what was asked for and nothing expands in place.
#if defined(ASHLAR_PROFILE_SECURE) || defined(ASHLAR_PROFILE_DEBUG)
inline constexpr bool kHardened = true;
#else
inline constexpr bool kHardened = false;
#endif

// Sizes at and around every border that an allocator is likely to have, up to `limit`.
inline std::vector<std::size_t> border_sizes(std::size_t limit) {
  std::vector<std::size_t> sizes = {0, 1, 2, 3, 5, 6};
  for (std::size_t power = 8; power <= limit; power *= 2) {
    for (std::size_t quarter = 4; quarter < 8; ++quarter) {
      const std::size_t size = power / 4 * quarter;
      for (const std::size_t near : {size - 1, size, size + 1}) {
        if (near <= limit && near > sizes.back()) sizes.push_back(near);
      }
    }
  }
  return sizes;
}

}  // namespace api_test

#endif  // ASHLAR_TEST_API_SUPPORT_H
