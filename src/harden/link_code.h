// How a free-list link is written into a free block: as it is, or encoded with the keys of its
// page so that an overwritten link shows. Pure functions.
#pragma once

#include <bit>
#include <cstdint>

#include "policy/config.h"

namespace ashlar {

// The two random numbers of a page that its links are encoded with.
struct LinkKeys {
  std::uint64_t mask = 0;
  std::uint64_t offset = 0;
};

// Profiles that do not encode links keep no keys.
struct NoLinkKeys {};

namespace detail {
// An odd rotation mixes the low, known bits of an address into the whole word.
inline constexpr int kLinkRotation = 19;
}  // namespace detail

constexpr std::uint64_t encode_link(std::uint64_t link, const LinkKeys& keys) {
  return std::rotl(link ^ keys.mask, detail::kLinkRotation) + keys.offset;
}
constexpr std::uint64_t decode_link(std::uint64_t code, const LinkKeys& keys) {
  return std::rotr(code - keys.offset, detail::kLinkRotation) ^ keys.mask;
}
constexpr std::uint64_t encode_link(std::uint64_t link, const NoLinkKeys&) { return link; }
constexpr std::uint64_t decode_link(std::uint64_t code, const NoLinkKeys&) { return code; }

}  // namespace ashlar
