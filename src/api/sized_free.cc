// The checks of sized and aligned frees.
#include "api/sized_free.h"

#include <errno.h>

#include "support/messages.h"

namespace ashlar {
namespace {

// Whether the block can have had that size and that alignment. Reported where not.
bool check_sized_free(const void* pointer, std::size_t size, std::size_t alignment) {
  if (pointer == nullptr) {
    return true;
  }
  const Resolved found = resolve(pointer);
  if (found.page == nullptr) {
    return true;  // free_block tells of it
  }
  // A block that was resized to nothing has a byte, which realloc clears.
  const bool is_nothing = size == 0 && found.usable == 1;
  if (size != kSizeNotSaid && !is_nothing &&
      (kActive.pad_blocks ? size != found.usable : size > found.usable)) {
    report_error(EINVAL, "free: wrong size for %p: freed as %zu bytes, but the block has %zu",
                 pointer, size, found.usable);
    return false;
  }
  if (alignment > 1 && !is_aligned(pointer, alignment)) {
    report_error(EINVAL, "free: wrong alignment for %p: freed as aligned to %zu bytes", pointer,
                 alignment);
    return false;
  }
  return true;
}

}  // namespace

void free_sized_slow(void* pointer, std::size_t size, std::size_t alignment) {
  if (check_sized_free(pointer, size, alignment)) {
    free_block(pointer);
  }
}

}  // namespace ashlar
