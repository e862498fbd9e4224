// Where memory is asked for first, by how wide addresses are: a range that Linux leaves free on its
// own account, with room for the page map's window.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/integer.h"
#include "policy/layout.h"

namespace ashlar {

// The first place is at `start`, or one of 2^random_bits steps above it; none reaches beyond `end`.
struct HintRange {
  std::uintptr_t start;
  std::uintptr_t end;
  unsigned random_bits;
  std::size_t step;
};

// Addresses that programs are given have at most this many bits; on some systems and processors
// they have fewer: 38 (RISC-V), 39 (64-bit ARM), 42 (IBM Z).
inline constexpr unsigned kWideAddresses = 47;

inline constexpr HintRange kWideArenaHints{kHintStart, kHintEnd, kHintRandomBits, kHintStep};
inline constexpr HintRange kWideHugeHints{kHugeHintStart, kHugeHintEnd, kHugeHintRandomBits,
                                          kHugeHintStep};

// Linux puts programs at two thirds of the addresses, of 2^38 at 170 GiB, and what they map above.
inline constexpr HintRange kNarrowArenaHints{16 * kGiB, 144 * kGiB, 12, kHintStep};
inline constexpr HintRange kNarrowHugeHints{96 * kGiB, 160 * kGiB, 4, kHugeHintStep};

constexpr HintRange arena_hints(unsigned address_bits) {
  return address_bits >= kWideAddresses ? kWideArenaHints : kNarrowArenaHints;
}
constexpr HintRange huge_hints(unsigned address_bits) {
  return address_bits >= kWideAddresses ? kWideHugeHints : kNarrowHugeHints;
}

static_assert(kNarrowArenaHints.start + (kHintStep << kNarrowArenaHints.random_bits) +
                  kWindowSize <=
              kNarrowArenaHints.end);
static_assert(kNarrowArenaHints.start % kArenaAlignment == 0);
static_assert(kNarrowHugeHints.start + (kHugeHintStep << kNarrowHugeHints.random_bits) <
              kNarrowHugeHints.end);

}  // namespace ashlar
