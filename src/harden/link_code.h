// How a free-list link is written into a free block: as it is, or encoded with the keys of its
// page so that an overwritten link shows. Pure functions.
#pragma once

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

// The keys of a page, of two random numbers: chosen so that the lowest bit of every code is set. No
// user address of a processor has bit 56 set, so there the mask has the say; and nothing is carried
// into the lowest bit. A reader without locks that finds a code where an object's owner stood never
// takes it for a thread's id, which is a multiple of 64.
constexpr LinkKeys link_keys(std::uint64_t mask, std::uint64_t offset) {
  return {mask | std::uint64_t{1} << 56, offset & ~std::uint64_t{1}};
}

// The bytes of the link change places, so that what runs over the first bytes of a code spoils the
// upper half of the address, which is the same for all blocks of a page.
constexpr std::uint64_t encode_link(std::uint64_t link, const LinkKeys& keys) {
  return __builtin_bswap64(link ^ keys.mask) + keys.offset;
}
constexpr std::uint64_t decode_link(std::uint64_t code, const LinkKeys& keys) {
  return __builtin_bswap64(code - keys.offset) ^ keys.mask;
}
constexpr std::uint64_t encode_link(std::uint64_t link, const NoLinkKeys&) { return link; }
constexpr std::uint64_t decode_link(std::uint64_t code, const NoLinkKeys&) { return code; }

}  // namespace ashlar
