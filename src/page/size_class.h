// Size classes: which block size serves a request. Computed from one constant, the number of
// classes a doubling; the table is made at compile time. Knows nothing of pages. That constant is a
// parameter only for tools/size_class_table.cc, which compares two of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/integer.h"
#include "policy/layout.h"

namespace ashlar {

using SizeClass = std::uint32_t;

// Classes 0 and 1 are 8 and 16 bytes; steps of 16 follow to 128; then each doubling is cut in
// kPerDoubling equal steps, so at most 1/(n+1) of a block is lost to rounding.
// Valid for 0 <= size <= kMediumBlockMax.
template <unsigned kPerDoubling = kActive.classes_per_doubling>
constexpr SizeClass size_class_of(std::size_t size) {
  if (size <= kWordSize) {
    return 0;
  }
  if (size <= kLinearClassMax) {
    return static_cast<SizeClass>((size + kBlockAlignment - 1) / kBlockAlignment);
  }
  constexpr unsigned kStepBits = floor_log2(kPerDoubling);
  const unsigned log = floor_log2(size - 1);
  const unsigned doubling = log - floor_log2(kLinearClassMax);
  const auto step = static_cast<std::uint32_t>((size - 1) >> (log - kStepBits)) - kPerDoubling;
  return kLinearClasses + doubling * kPerDoubling + step;
}

namespace detail {

template <unsigned kPerDoubling = kActive.classes_per_doubling>
constexpr std::size_t compute_block_size(SizeClass size_class) {
  if (size_class == 0) {
    return kWordSize;
  }
  if (size_class < kLinearClasses) {
    return size_class * kBlockAlignment;
  }
  const std::uint32_t above = size_class - kLinearClasses;
  const std::uint32_t doubling = above / kPerDoubling;
  const std::uint32_t step = above % kPerDoubling + 1;
  const std::size_t base = kLinearClassMax << doubling;
  return base + base / kPerDoubling * step;
}

constexpr std::array<std::uint32_t, kSizeClassCount> make_block_sizes() {
  std::array<std::uint32_t, kSizeClassCount> sizes{};
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    sizes[c] = static_cast<std::uint32_t>(compute_block_size(c));
  }
  return sizes;
}

}  // namespace detail

// Bytes of a block, by size class.
inline constexpr std::array<std::uint32_t, kSizeClassCount> kBlockSizes =
    detail::make_block_sizes();

constexpr std::size_t block_size_of(SizeClass size_class) { return kBlockSizes[size_class]; }

// The slices of a page of this class.
constexpr SliceCount page_slices_of(SizeClass size_class) {
  return block_size_of(size_class) <= kSmallBlockMax ? kSmallPageSlices : kMediumPageSlices;
}

static_assert(size_class_of(kMediumBlockMax) == kSizeClassCount - 1);
static_assert(block_size_of(kSizeClassCount - 1) == kMediumBlockMax);
static_assert([] {
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    const std::size_t size = block_size_of(c);
    const std::size_t below = c == 0 ? 0 : block_size_of(c - 1);
    if (size_class_of(size) != c || size_class_of(below + 1) != c) {
      return false;
    }
    if (size >= kBlockAlignment && size % kBlockAlignment != 0) {
      return false;
    }
  }
  return true;
}());

}  // namespace ashlar
