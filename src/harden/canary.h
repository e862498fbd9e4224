// The padding behind a block in profiles that pad: what was asked for, and a canary that shows
// when it was overwritten. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "harden/link_code.h"

namespace ashlar {

// The last bytes of a block. The canary comes first: what runs over the end of the request meets it
// before it meets the number that says where that end was.
struct Padding {
  std::uint32_t canary;
  std::uint32_t slack_code;
};

enum class PaddingState : std::uint8_t { kLive, kFreed, kDamaged };

// What padding says. `slack` is how many bytes of the block, its padding not among them, were not
// asked for; 0 where that can't be read any more.
struct PaddingView {
  PaddingState state = PaddingState::kDamaged;
  bool slack_known = false;
  std::uint32_t slack = 0;
};

namespace detail {
// Beside the slack, which takes 16 bits, so that a number that was overwritten shows by itself.
inline constexpr std::uint32_t kSlackTag = 0xA5C3'0000;
inline constexpr std::uint32_t kFreedMark = 0x5AF0'0FA5;

constexpr std::uint32_t live_canary(std::uint64_t address, std::uint32_t slack,
                                    const LinkKeys& keys) {
  // Fibonacci hashing (D. Knuth, "The Art of Computer Programming", volume 3, section 6.4): numbers
  // that lie within 65,536 of one another differ in the upper half.
  const std::uint64_t product = ((address + slack) ^ keys.mask) * 0x9E37'79B9'7F4A'7C15;
  return static_cast<std::uint32_t>((product >> 32) + keys.offset);
}
constexpr std::uint32_t slack_key(const LinkKeys& keys) {
  return static_cast<std::uint32_t>(keys.mask ^ keys.offset);
}
}  // namespace detail

// For the block at an address, live or freed. `slack` < 65,536.
constexpr Padding make_padding(std::uint64_t address, std::uint32_t slack, const LinkKeys& keys) {
  return {.canary = detail::live_canary(address, slack, keys),
          .slack_code = (slack | detail::kSlackTag) ^ detail::slack_key(keys)};
}

// The same block's, once it is freed.
constexpr Padding make_freed(Padding live) {
  live.canary ^= detail::kFreedMark;
  return live;
}

// `most` is the largest slack that a block of its size can have.
constexpr PaddingView read_padding(Padding padding, std::uint64_t address, std::size_t most,
                                   const LinkKeys& keys) {
  PaddingView view;
  const std::uint32_t tagged = padding.slack_code ^ detail::slack_key(keys);
  const std::uint32_t slack = tagged ^ detail::kSlackTag;
  if (slack > 0xFFFF || slack > most) {
    return view;
  }
  view.slack_known = true;
  view.slack = slack;
  const std::uint32_t difference = padding.canary ^ detail::live_canary(address, slack, keys);
  view.state = difference == 0                    ? PaddingState::kLive
               : difference == detail::kFreedMark ? PaddingState::kFreed
                                                  : PaddingState::kDamaged;
  return view;
}

}  // namespace ashlar
