// Looking at padding that is not as it was.
#include "page/padding.h"

namespace ashlar {
namespace {

// Up to so many bytes behind a request are filled and looked at.
std::size_t checked(std::size_t slack, std::size_t most) { return slack < most ? slack : most; }

// The number of bytes up to the last one that is not what it was filled with.
std::size_t changed_up_to(const unsigned char* bytes, std::size_t count) {
  while (count != 0 && bytes[count - 1] == kFillPadding) {
    --count;
  }
  return count;
}

BlockDamage find_huge_damage(const Page* page) {
  const std::size_t size = page->requested;
  const std::size_t beyond = changed_up_to(at_offset<const unsigned char>(page->start, size),
                                           checked(page->block_size - size, kHugeSlackChecked));
  return {.damage = beyond == 0 ? Damage::kNone : Damage::kOverrun,
          .size = size,
          .beyond = beyond,
          .is_size_known = true};
}

}  // namespace

void pad_huge_block(Page* page, std::size_t size) {
  page->requested = size;
  __builtin_memset(at_offset(page->start, size), kFillPadding,
                   checked(page->block_size - size, kHugeSlackChecked));
}

std::size_t requested_of(const Page* page, const void* block) {
  if (page->is_huge()) {
    return page->requested;
  }
  return room_of(page) - detail::padding_of(page, block).slack;
}

BlockSites sites_of(const Page* page, const void* block) {
  return kActive.note_sites ? *detail::sites_at(page, block) : BlockSites{};
}

BlockDamage find_damage(const Page* page, const void* block) {
  if (page->is_huge()) {
    return find_huge_damage(page);
  }
  const std::size_t room = room_of(page);
  const PaddingView view = detail::padding_of(page, block);
  BlockDamage found{.damage = Damage::kOverrun,
                    .size = room - view.slack,
                    .beyond = 0,
                    .is_size_known = view.slack_known};
  if (!view.slack_known) {
    // The canary lies before the number that is gone.
    found.beyond = kCanaryBytes + 1;
    return found;
  }
  if (view.state == PaddingState::kDamaged) {
    const Padding whole = make_padding(address_of(block), view.slack, detail::keys_of(page->keys));
    unsigned char expected[kCanaryBytes];
    __builtin_memcpy(expected, &whole, sizeof expected);
    const auto* const canary = at_offset<const unsigned char>(block, room);
    std::size_t changed = sizeof expected;
    while (changed != 0 && canary[changed - 1] == expected[changed - 1]) {
      --changed;
    }
    found.beyond = view.slack + changed;
    return found;
  }
  found.beyond = changed_up_to(at_offset<const unsigned char>(block, found.size),
                               checked(view.slack, kSlackChecked));
  if (view.state == PaddingState::kFreed) {
    found.damage = Damage::kFreed;
  } else if (!detail::are_sites_intact(page, block)) {
    // The upper bytes of both are zero.
    found.beyond = view.slack + kPadding;
  } else if (found.beyond == 0) {
    found.damage = Damage::kNone;
  }
  return found;
}

}  // namespace ashlar
