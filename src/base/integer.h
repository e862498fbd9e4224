// Integer arithmetic of an allocator: alignment, powers of two, products that may overflow.
// Pure functions of their arguments; nothing here knows about memory.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/compiler.h"

namespace ashlar {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;
inline constexpr std::size_t kGiB = 1024 * kMiB;

constexpr bool is_power_of_two(std::size_t value) {
  // Not std::has_single_bit, which without a population count instruction is a call.
  return value != 0 && (value & (value - 1)) == 0;
}

// `alignment` is a power of two in all of these.
constexpr std::size_t align_down(std::size_t value, std::size_t alignment) {
  return value & ~(alignment - 1);
}
constexpr std::size_t align_up(std::size_t value, std::size_t alignment) {
  return align_down(value + alignment - 1, alignment);
}
constexpr bool is_aligned(std::size_t value, std::size_t alignment) {
  return (value & (alignment - 1)) == 0;
}
inline bool is_aligned(const void* pointer, std::size_t alignment) {
  return is_aligned(reinterpret_cast<std::uintptr_t>(pointer), alignment);
}

constexpr std::size_t divide_up(std::size_t value, std::size_t divisor) {
  return (value + divisor - 1) / divisor;
}

// The index of the highest set bit; `value` is not zero.
constexpr unsigned floor_log2(std::size_t value) {
  return static_cast<unsigned>(std::bit_width(value)) - 1;
}

// A word with its lowest `count` bits set; at most 64.
constexpr std::uint64_t low_bits(std::size_t count) {
  return count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

// Calls visit(first, count) for each run of set bits of a word, from the lowest.
template <class Visit>
constexpr void for_each_bit_run(std::uint64_t bits, Visit visit) {
  while (bits != 0) {
    const auto first = static_cast<std::uint32_t>(std::countr_zero(bits));
    const auto count = static_cast<std::uint32_t>(std::countr_one(bits >> first));
    visit(first, count);
    bits &= ~(low_bits(count) << first);
  }
}

// True where count * size does not fit; *product is the wrapped product then.
constexpr bool multiply_overflows(std::size_t count, std::size_t size, std::size_t* product) {
  return __builtin_mul_overflow(count, size, product);
}

// Bytes between two addresses of one range; `end` is not below `begin`.
inline std::size_t bytes_between(const void* begin, const void* end) {
  return static_cast<std::size_t>(static_cast<const char*>(end) - static_cast<const char*>(begin));
}

// Address arithmetic in bytes, so that no other file needs the casts.
template <class T = void>
inline T* at_offset(void* base, std::size_t bytes) {
  return reinterpret_cast<T*>(static_cast<char*>(base) + bytes);
}
template <class T = void>
inline const T* at_offset(const void* base, std::size_t bytes) {
  return reinterpret_cast<const T*>(static_cast<const char*>(base) + bytes);
}
inline std::uintptr_t address_of(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

}  // namespace ashlar
