// Messages about blocks: what, where, how large, and how far.
#include "heap/block_check.h"

#include <errno.h>

#include "heap/thread_heap.h"
#include "page/padding.h"
#include "support/messages.h"

namespace ashlar {
namespace {

// Stacks come before the error itself, which may end the program. Returns what the error says of
// them: that they are there, or how to get them.
const char* print_history(const Page* page, const void* block) {
  const BlockSites sites = sites_of(page, block);
  print_stack(nullptr, nullptr, "freed", sites.freed);
  print_stack(nullptr, nullptr, "allocated", sites.allocated);
  if (sites.allocated != NotedStack::kNone) {
    return sites.freed != NotedStack::kNone
               ? "; the stacks above say where it was allocated and freed"
               : "; the stack above says where it was allocated";
  }
  return kActive.note_sites && !notes_stacks.get()
             ? "; ASHLAR_ALLOCATION_SITES=1 says where it was allocated"
             : "";
}

void report_freed(const Page* page, const void* block, const char* call) {
  const std::size_t size = requested_of(page, block);
  const char* const history = print_history(page, block);
  if (__builtin_strcmp(call, "free") == 0) {
    report_error(EAGAIN, "free: double free of %p, a block of %zu bytes%s", block, size, history);
  } else {
    report_error(EINVAL, "%s: %p, a block of %zu bytes, was freed already%s", call, block, size,
                 history);
  }
}

void report_overrun(const Page* page, const void* block, const BlockDamage& found,
                    const char* call) {
  if (found.is_size_known) {
    report_error(EFAULT,
                 "%s: overflow of %p: the block of %zu bytes was written to up to %zu bytes past "
                 "its end%s",
                 call, block, found.size, found.beyond, print_history(page, block));
  } else {
    report_error(EFAULT,
                 "%s: overflow of %p: the block of at most %zu bytes was written to at least %zu "
                 "bytes past its end, over the record of its size; or it was never handed out",
                 call, block, found.size, found.beyond);
  }
}

// Whether the address is where a block starts that was handed out at some time. Reported where not.
bool check_start(const Page* page, const void* block, const char* call) {
  if (page->is_huge() ? block == page->start : is_block_start(page, block)) {
    return true;
  }
  report_error(EINVAL,
               "%s: invalid pointer %p: inside a block of %zu bytes that starts at %p; %s takes "
               "what malloc returned",
               call, block, room_of(page), static_cast<void*>(block_at(page, block)), call);
  return false;
}

}  // namespace

bool check_live(const Page* page, const void* block, const char* call) {
  if (!check_start(page, block, call)) {
    return false;
  }
  const BlockDamage found = find_damage(page, block);
  if (found.damage == Damage::kNone) {
    return true;
  }
  // A free block that was never handed out has no mark. Only the owner may walk the lists.
  if (found.damage == Damage::kFreed ||
      (is_own(page) && is_in_free_lists(page, static_cast<const Block*>(block)))) {
    report_freed(page, block, call);
  } else {
    report_overrun(page, block, found, call);
  }
  return false;
}

bool check_huge_free(const Page* page, const void* block) {
  return block == page->start && find_damage(page, block).damage == Damage::kNone;
}

void refuse_free_slow(const Page* page, const void* pointer) {
  static_cast<void>(check_live(page, pointer, "free"));
}

void check_unwritten(const Page* page, const Block* block) {
  if (detail::padding_of(page, block).state != PaddingState::kFreed) {
    report_error(
        EFAULT,
        "malloc: overflow or use after free of %p: the end of a free block of %zu bytes was "
        "written to",
        static_cast<const void*>(block), room_of(page));
    return;
  }
  const auto* const bytes = reinterpret_cast<const unsigned char*>(block);
  for (std::size_t i = detail::filled_from(page); i < room_of(page); ++i) {
    if (bytes[i] != kFillFreed) {
      report_error(
          EFAULT,
          "malloc: use after free of %p: byte %zu of the block of %zu bytes was written to "
          "after it was freed%s",
          static_cast<const void*>(block), i, requested_of(page, block),
          print_history(page, block));
      return;
    }
  }
}

}  // namespace ashlar
