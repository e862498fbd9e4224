// What stands behind a block in profiles that pad: written when the block is handed out, looked at
// when it comes back. Elsewhere there is none, and all of this is nothing.
//
// A block of a page ends in a Padding (harden/canary.h), and in debug in its BlockSites. A huge
// block has the size of its request and its sites in its page, and kFillPadding behind its end.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/compiler.h"
#include "base/integer.h"
#include "base/units.h"
#include "harden/canary.h"
#include "page/page.h"
#include "support/tracker.h"

namespace ashlar {

// Bytes that each request takes more.
inline constexpr std::size_t kPadding =
    (kActive.pad_blocks ? sizeof(Padding) : 0) + (kActive.note_sites ? sizeof(BlockSites) : 0);

// Bytes behind the end of a request that are looked at, where there are so many before the padding.
inline constexpr std::size_t kSlackChecked = kActive.fill_blocks ? SIZE_MAX : sizeof(std::uint64_t);
inline constexpr std::size_t kHugeSlackChecked = kActive.fill_blocks ? 4 * kKiB : 64;

// The class of the smallest blocks in use. Where requests are padded, a block of one word would
// have no room for its link.
inline constexpr SizeClass kFirstClass = size_class_of(sizeof(Block) + kPadding);

// The class whose blocks serve a request: `size` <= kMediumBlockMax - kPadding.
constexpr SizeClass class_for(std::size_t size) {
  const SizeClass size_class = size_class_of(size + kPadding);
  return size_class > kFirstClass ? size_class : kFirstClass;
}

// What a request may have of a block of the page.
inline std::size_t room_of(const Page* page) { return page->block_size - kPadding; }

namespace detail {

ASHLAR_ALWAYS_INLINE LinkKeys keys_of(const LinkKeys& keys) { return keys; }
ASHLAR_ALWAYS_INLINE LinkKeys keys_of(const NoLinkKeys&) { return {}; }

inline constexpr std::uint64_t kSlackFill = kFillPadding * (~std::uint64_t{0} / 0xFF);

ASHLAR_ALWAYS_INLINE PaddingView padding_of(const Page* page, const void* block) {
  Padding padding;
  __builtin_memcpy(&padding, at_offset(block, room_of(page)), sizeof padding);
  return read_padding(padding, address_of(block), room_of(page), keys_of(page->keys));
}

// The start of a block's sites: the last bytes of its room, or in the page of a huge block.
template <class AnyPage, class AnyBlock>
ASHLAR_ALWAYS_INLINE auto* sites_at(AnyPage* page, AnyBlock* block) {
  return page->is_huge() ? &page->sites
                         : at_offset<BlockSites>(block, room_of(page) + sizeof(Padding));
}

// The number at the end of a request covers the slack's first bytes; those that lie in the padding
// do not count.
ASHLAR_ALWAYS_INLINE bool is_slack_intact(const void* block, std::size_t room,
                                          std::uint64_t slack) {
  std::uint64_t found = 0;
  __builtin_memcpy(&found, at_offset(block, room - slack), sizeof found);
  const std::uint64_t changed = found ^ kSlackFill;
  // The first byte is the lowest one. Requests of whole words have no slack, or a word and more.
  return likely(slack >= sizeof found) ? changed == 0
                                       : (changed & ((std::uint64_t{1} << 8 * slack) - 1)) == 0;
}

// Whether the sites of a live block can be what was noted. They are the last bytes of a block, so
// what is written before the next one shows here.
ASHLAR_ALWAYS_INLINE bool are_sites_intact([[maybe_unused]] const Page* page,
                                           [[maybe_unused]] const void* block) {
  if constexpr (kActive.note_sites) {
    const BlockSites sites = *sites_at(page, block);
    return sites.freed == NotedStack::kNone &&
           static_cast<std::uint32_t>(sites.allocated) <= kNotedStacksMax;
  }
  return true;
}

}  // namespace detail

// Says what the block was handed out for: `size` <= room_of(page). Its sites stay.
ASHLAR_ALWAYS_INLINE void pad_block(const Page* page, void* block, std::size_t size) {
  // All that is read comes first: the compiler can't tell that the block is not the page.
  const LinkKeys keys = detail::keys_of(page->keys);
  const std::size_t room = room_of(page);
  const std::size_t slack = room - size;
  const Padding padding = make_padding(address_of(block), slack, keys);
  if constexpr (kActive.fill_blocks) {
    fill_bytes(at_offset(block, size), kFillPadding, slack);
  } else {
    // Where there is less slack than this, the padding covers the rest of it.
    __builtin_memcpy(at_offset(block, size), &detail::kSlackFill, sizeof detail::kSlackFill);
  }
  __builtin_memcpy(at_offset(block, room), &padding, sizeof padding);
}

// Notes that the calling thread allocates or frees the block, where sites are noted.
ASHLAR_ALWAYS_INLINE void note_allocated([[maybe_unused]] Page* page,
                                         [[maybe_unused]] void* block) {
  if constexpr (kActive.note_sites) {
    *detail::sites_at(page, block) = {.allocated = note_stack(), .freed = NotedStack::kNone};
  }
}
ASHLAR_ALWAYS_INLINE void note_freed([[maybe_unused]] Page* page, [[maybe_unused]] void* block) {
  if constexpr (kActive.note_sites) {
    detail::sites_at(page, block)->freed = note_stack();
  }
}

// What was noted of a block whose padding is as it was.
BlockSites sites_of(const Page* page, const void* block);

// Where a call says nothing of the size.
inline constexpr std::size_t kSizeNotSaid = SIZE_MAX;

// Marks a block as freed and says true, where an address is that of a live block of a page (not of
// a huge block's) whose padding is as it was, and that was handed out for `size` bytes, if that is
// said. The rest is find_damage's.
ASHLAR_ALWAYS_INLINE bool try_mark_freed(const Page* page, void* block,
                                         std::size_t size = kSizeNotSaid) {
  // Nothing behind the last block may be read. Whether one starts here is told by the canary.
  if (unlikely(bytes_between(page->start, block) > (page->reserved - 1) * page->block_size)) {
    return false;
  }
  const std::size_t room = room_of(page);
  Padding padding;
  __builtin_memcpy(&padding, at_offset(block, room), sizeof padding);
  const std::uint64_t slack = read_live(padding, address_of(block), detail::keys_of(page->keys));
  if (unlikely(slack > room) || (size != kSizeNotSaid && unlikely(slack != room - size)) ||
      unlikely(!detail::is_slack_intact(block, room, slack)) ||
      unlikely(!detail::are_sites_intact(page, block))) {
    return false;
  }
  padding = make_freed(padding);
  __builtin_memcpy(at_offset(block, room), &padding, sizeof padding);
  return true;
}

// Gives a free block that was never handed out, or whose memory was given back, what one has that
// was: in profiles that fill, so that a write to any free block shows.
inline void mark_unused([[maybe_unused]] Page* page, [[maybe_unused]] void* block) {
  if constexpr (kActive.fill_blocks) {
    if (page->block_size < sizeof(Block) + kPadding) {
      return;  // no request takes such a block (kFirstClass)
    }
    pad_block(page, block, 0);
    *detail::sites_at(page, block) = {};
    try_mark_freed(page, block);
    fill_bytes(at_offset(block, sizeof(Block)), kFillFreed, room_of(page) - sizeof(Block));
  }
}

// The same for the page of a huge block, whose request is kept in it.
void pad_huge_block(Page* page, std::size_t size);

// Either of the two, as the page has it: the block is the start of one.
inline void pad(Page* page, void* block, std::size_t size) {
  page->is_huge() ? pad_huge_block(page, size) : pad_block(page, block, size);
}

// The bytes that a live block was handed out for; all that it could have where that can't be read.
std::size_t requested_of(const Page* page, const void* block);

// What became of a block.
enum class Damage : std::uint8_t {
  kNone,     // it is live, and its end is intact
  kFreed,    // it was freed
  kOverrun,  // it was written to beyond its end
};
struct BlockDamage {
  Damage damage = Damage::kNone;
  std::size_t size = 0;        // bytes that it was handed out for
  std::size_t beyond = 0;      // bytes from the end of these to the last one that is known to be
                               // changed
  bool is_size_known = false;  // or overwritten as well: then size is the most it may have been
};
BlockDamage find_damage(const Page* page, const void* block);

}  // namespace ashlar
