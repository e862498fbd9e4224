// A block while it is free: its first word is the link of the list it stands in. Lists are
// singly linked and hold no count; who needs one keeps it.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "base/compiler.h"
#include "base/integer.h"
#include "harden/link_code.h"
#include "policy/config.h"

namespace ashlar {

// A free block. Only word 0 of a free block is ever written by us in release and secure.
struct Block {
  std::uint64_t code;
};

// Links as profile C writes them: `Keys` are LinkKeys where it encodes, else nothing.
template <Config C>
struct Links {
  using Keys = std::conditional_t<C.encode_links, LinkKeys, NoLinkKeys>;

  ASHLAR_ALWAYS_INLINE static Block* next(const Block* block, const Keys& keys) {
    // relaxed: an atomic load since a program's reader may still look at word 0 of a block that
    // was just freed; the lists themselves are ordered by who owns them.
    const std::uint64_t code = __atomic_load_n(&block->code, __ATOMIC_RELAXED);
    return reinterpret_cast<Block*>(decode_link(code, keys));
  }

  ASHLAR_ALWAYS_INLINE static void set_next(Block* block, const Block* next, const Keys& keys) {
    // relaxed: as in next.
    __atomic_store_n(&block->code, encode_link(address_of(next), keys), __ATOMIC_RELAXED);
  }
};

}  // namespace ashlar
