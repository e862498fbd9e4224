// The padding behind a block in profiles that pad: what was asked for, and a canary that shows
// when it was overwritten. Pure functions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "harden/link_code.h"

namespace ashlar {

// The last bytes of a block. The canary comes first: what runs over the end of the request meets it
// before it meets the number that says where that end was. One word, so that fast paths read,
// compare and write it at once.
struct Padding {
  std::uint64_t word;
};

// The bytes of a Padding that are its canary; the others are the number's.
inline constexpr std::size_t kCanaryBytes = 4;

enum class PaddingState : std::uint8_t { kLive, kFreed, kDamaged };

// What padding says. `slack` is how many bytes of the block, its padding not among them, were not
// asked for; 0 where that can't be read any more.
struct PaddingView {
  PaddingState state = PaddingState::kDamaged;
  bool slack_known = false;
  std::uint32_t slack = 0;
};

namespace detail {

// A padding's word in memory has the canary at its lower addresses; to calculate with, in the upper
// half, where those of addresses close to one another differ most.
inline constexpr int kCanaryTurn = std::endian::native == std::endian::little ? 32 : 0;
inline constexpr std::uint64_t kFreedMark = 0x5AF0'0FA5'0000'0000;

// Fibonacci hashing (D. Knuth, "The Art of Computer Programming", volume 3, section 6.4). The
// factor is odd, so there is another one that takes it back, and the lower half of a product tells
// the lower half of the number.
inline constexpr std::uint64_t kFactor = 0x9E37'79B9'7F4A'7C15;

// Newton's iteration: each step doubles the number of bits that are right.
constexpr std::uint64_t inverse_of(std::uint64_t odd) {
  std::uint64_t inverse = odd;  // right in three bits
  for (int bits = 3; bits < 64; bits *= 2) {
    inverse *= 2 - odd * inverse;
  }
  return inverse;
}
inline constexpr std::uint64_t kInverse = inverse_of(kFactor);
static_assert(kFactor * kInverse == 1);

}  // namespace detail

// For the block at an address, live or freed. `slack` < 65,536.
constexpr Padding make_padding(std::uint64_t address, std::uint64_t slack, const LinkKeys& keys) {
  const std::uint64_t code = ((address + slack) ^ keys.mask) * detail::kFactor + keys.offset;
  return {std::rotl(code, detail::kCanaryTurn)};
}

// The same block's, once it is freed.
constexpr Padding make_freed(Padding live) {
  return {live.word ^ std::rotl(detail::kFreedMark, detail::kCanaryTurn)};
}

// The slack of a live block. Of any other, at another address, and where a byte was changed, more
// than any block has; the lower half is the slack's as long as the number's bytes are as they were.
constexpr std::uint64_t read_live(Padding padding, std::uint64_t address, const LinkKeys& keys) {
  const std::uint64_t code = std::rotl(padding.word, detail::kCanaryTurn);
  return ((code - keys.offset) * detail::kInverse ^ keys.mask) - address;
}

// `most` is the largest slack that a block of its size can have.
constexpr PaddingView read_padding(Padding padding, std::uint64_t address, std::size_t most,
                                   const LinkKeys& keys) {
  const auto slack = static_cast<std::uint32_t>(read_live(padding, address, keys));
  if (slack > most) {
    return {};
  }
  const Padding live = make_padding(address, slack, keys);
  return {.state = padding.word == live.word               ? PaddingState::kLive
                   : padding.word == make_freed(live).word ? PaddingState::kFreed
                                                           : PaddingState::kDamaged,
          .slack_known = true,
          .slack = slack};
}

}  // namespace ashlar
