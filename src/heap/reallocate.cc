// realloc: what fits stays, what has a page of its own grows with it, the rest is copied.
#include "heap/reallocate.h"

#include <errno.h>

#include "heap/aligned.h"
#include "heap/allocate.h"
#include "heap/free.h"
#include "heap/huge.h"
#include "heap/thread_heap.h"
#include "page/size_class.h"

namespace ashlar {
namespace {

// From this size on a block that has to be copied once to grow gets a mapping of its own, which
// then grows without being copied.
constexpr std::size_t kGrowingMappingMin = kMiB;

// In place where the block is not more than half empty then, or where another block of the
// request's size would be no smaller.
bool fits_in_place(const Resolved& found, std::size_t size) {
  return size <= found.usable &&
         (size >= found.usable / 2 ||
          (!found.page->is_huge() && size_class_of(size) == found.page->size_class));
}

bool is_placed(const void* pointer, Placement placement) {
  return is_aligned(address_of(pointer) + placement.offset, placement.alignment);
}

void* allocate_placed(std::size_t size, Placement placement) {
  return placement.alignment <= kBlockAlignment && placement.offset == 0
             ? allocate<Contents::kUnknown>(size)
             : allocate_aligned(size, placement.alignment, placement.offset, Contents::kUnknown);
}

// The last word of the old block is zeroed too: it may have been beyond what was asked for.
void zero_behind(void* block, std::size_t old_usable, std::size_t new_usable) {
  const std::size_t from = old_usable < kWordSize ? 0 : old_usable - kWordSize;
  if (new_usable > from) {
    __builtin_memset(at_offset(block, from), 0, new_usable - from);
  }
}

void* move_block(void* pointer, const Resolved& found, std::size_t size, Placement placement,
                 Contents contents) {
  void* moved = nullptr;
  if (size >= kGrowingMappingMin && size > found.usable && placement.alignment <= kSliceSize &&
      placement.offset == 0) {
    moved = allocate_mapping(size, kSliceSize);
  }
  const bool zeroed = moved != nullptr;
  if (moved == nullptr) {
    moved = allocate_placed(size, placement);
  }
  if (moved == nullptr) {
    return nullptr;
  }
  if (contents == Contents::kZero && !zeroed) {
    zero_behind(moved, found.usable, usable_size_of(moved, "realloc"));
  }
  __builtin_memcpy(moved, pointer, found.usable < size ? found.usable : size);
  free_block(pointer);
  return moved;
}

}  // namespace

void* reallocate_aligned(void* pointer, std::size_t size, Placement placement,
                         Contents contents) {
  if (pointer == nullptr) {
    void* const fresh = allocate_aligned(size, placement.alignment, placement.offset, contents);
    return fresh;
  }
  if (unlikely(is_too_large(size))) {
    return fail_too_large(size);
  }
  if (unlikely(!is_power_of_two(placement.alignment))) {
    return allocate_aligned(size, placement.alignment, 0, contents);  // says what is wrong
  }
  const Resolved found = resolve(pointer);
  if (unlikely(found.page == nullptr)) {
    report_invalid_pointer("realloc", pointer);
    errno = EINVAL;
    return nullptr;
  }
  if (fits_in_place(found, size) && is_placed(pointer, placement)) {
    if (size == 0) {
      *static_cast<char*>(pointer) = 0;  // programs rely on realloc(p, 0) being an empty string
    }
    return pointer;
  }
  if (found.page->is_huge() && size > kLargeBlockMax && pointer == found.page->start &&
      placement.alignment <= kSliceSize && placement.offset == 0) {
    if (void* const resized = resize_huge(found.page, size, contents)) {
      return resized;
    }
  }
  void* const moved = move_block(pointer, found, size, placement, contents);
  if (size == 0 && moved != nullptr) {
    *static_cast<char*>(moved) = 0;
  }
  return moved;
}

void* reallocate(void* pointer, std::size_t size, Contents contents) {
  if (pointer == nullptr) {
    return contents == Contents::kZero ? allocate<Contents::kZero>(size)
                                       : allocate<Contents::kUnknown>(size);
  }
  return reallocate_aligned(pointer, size, {}, contents);
}

void* expand(void* pointer, std::size_t size) {
  if (pointer == nullptr) {
    return nullptr;
  }
  return size <= usable_size_of(pointer, "expand") ? pointer : nullptr;
}

}  // namespace ashlar
