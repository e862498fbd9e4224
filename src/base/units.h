// Integers that must not be mixed up: which slice, and how many slices.
// Bytes stay std::size_t, since they meet the C interface at every turn.
#pragma once

#include <compare>
#include <cstdint>

namespace ashlar {

struct SliceCount {
  std::uint32_t value = 0;
  constexpr auto operator<=>(const SliceCount&) const = default;
};

// A slice's number within its arena, from the arena's first byte.
struct SliceIndex {
  std::uint32_t value = 0;
  constexpr auto operator<=>(const SliceIndex&) const = default;
  constexpr SliceIndex operator+(SliceCount count) const { return {value + count.value}; }
};

struct SliceRun {
  SliceIndex first;
  SliceCount count;
  constexpr SliceIndex end() const { return first + count; }
};

// What a fresh piece of memory is known to hold.
enum class Contents : bool { kUnknown = false, kZero = true };

// Whether memory may be touched.
enum class Access : std::uint8_t { kNone, kRead, kReadWrite };

}  // namespace ashlar
