// realloc: what fits stays, what has a page of its own grows with it, the rest is copied.
#include "heap/reallocate.h"

#include <errno.h>

#include "heap/aligned.h"
#include "heap/allocate.h"
#include "heap/block_check.h"
#include "heap/free.h"
#include "heap/guards.h"
#include "heap/huge.h"
#include "heap/thread_heap.h"
#include "heap/tracked.h"
#include "os/system.h"
#include "page/padding.h"

namespace ashlar {
namespace {

constexpr std::size_t kCopyStep = 8 * kMiB;

// In place where the block is not more than half empty then, or where another block of the
// request's size would be no smaller.
bool fits_in_place(const Resolved& found, std::size_t size) {
  if (unlikely(is_guarded(found.page))) {
    return size == found.usable;  // else its end would be elsewhere than its guard
  }
  return size <= found.room &&
         (size >= found.room / 2 ||
          (!found.page->is_huge() && class_for(size) == found.page->size_class));
}

// Where a block has grown into what was its slack, that reads as zero if zeros were asked for.
void clear_slack(const Resolved& found, void* pointer, std::size_t size, Contents contents) {
  const std::size_t whole = found.room + kPadding;
  const std::size_t end = size < whole ? size : whole;
  if (kActive.pad_blocks && contents == Contents::kZero && end > found.usable) {
    __builtin_memset(at_offset(pointer, found.usable), 0, end - found.usable);
  }
}

// Notes that a block has another size from now on, which it has room for.
void resize_in_place([[maybe_unused]] const Resolved& found, [[maybe_unused]] void* pointer,
                     [[maybe_unused]] std::size_t size, [[maybe_unused]] Contents contents) {
  if constexpr (kActive.pad_blocks) {
    clear_slack(found, pointer, size, contents);
    pad(found.page, found.block, bytes_between(found.block, pointer) + size);
  }
}

bool is_placed(const void* pointer, Placement placement) {
  return is_aligned(address_of(pointer) + placement.offset, placement.alignment);
}

void* allocate_placed(std::size_t size, Placement placement) {
  return placement.alignment <= kWordSize && placement.offset % placement.alignment == 0
             ? allocate_plain(placement.heap, size, Contents::kUnknown)
             : allocate_aligned(size, placement.alignment, placement.offset, Contents::kUnknown,
                                placement.heap);
}

// Whether a block that was allocated just now is known to be zero without having been cleared.
bool is_fresh_zero(const void* block) {
  const Page* const page = page_map.find(block);
  return page->is_huge() && page->fresh_contents == Contents::kZero;
}

// Copies a block that is given up. The memory of a large one goes back meanwhile, since there may
// not be room for it twice; should the system not take it, it is there twice for a moment. True
// where it was given back: nothing is left of it that could be looked at.
bool copy_block(const Resolved& found, const void* from, void* to, std::size_t size) {
  const SystemArena* const arena = found.page->arena;
  const bool lets_go = size > kArenaPlainMax && from == found.page->start &&
                       found.page->is_huge() &&
                       (arena == nullptr || !(arena->is_pinned() || arena->has_hook()));
  const std::size_t step = lets_go ? kCopyStep : size;
  for (std::size_t at = 0; at < size; at += step) {
    const std::size_t bytes = size - at < step ? size - at : step;
    __builtin_memcpy(at_offset(to, at), at_offset(from, at), bytes);
    if (lets_go) {
      System::purge(const_cast<void*>(at_offset(from, at)), align_up(bytes, System::page_size()));
    }
  }
  return lets_go;
}

void* move_block(void* pointer, const Resolved& found, std::size_t size, Placement placement,
                 Contents contents) {
  const bool grows = size > found.room && size > kMediumBlockMax - kPadding &&
                     placement.alignment <= kSliceSize && placement.offset == 0 && !is_watched();
  if (grows) {
    relieve_thread_slow(size);
  }
  void* moved = grows ? allocate_growing(heap_or_default(placement.heap), size) : nullptr;
  if (moved == nullptr) {
    moved = allocate_placed(size, placement);
  }
  if (moved == nullptr) {
    return nullptr;
  }
  const std::size_t kept = found.usable < size ? found.usable : size;
  if (contents == Contents::kZero && (is_watched() || !is_fresh_zero(moved))) {
    __builtin_memset(at_offset(moved, kept), 0, usable_size_of(moved, "realloc") - kept);
  }
  if (copy_block(found, pointer, moved, kept) && kActive.check_blocks && !is_watched()) {
    free_huge(found.page);
  } else {
    free_block(pointer);
  }
  return moved;
}

}  // namespace

void* reallocate_aligned(void* pointer, std::size_t size, Placement placement, Contents contents) {
  if (pointer == nullptr) {
    return allocate_aligned(size, placement.alignment, placement.offset, contents, placement.heap);
  }
  if (unlikely(is_too_large(size))) {
    return fail_too_large(size);
  }
  if (unlikely(!is_power_of_two(placement.alignment))) {
    return allocate_aligned(size, placement.alignment, 0, contents);  // says what is wrong
  }
  const bool empty = size == 0;
  if ((kActive.pad_blocks || is_watched()) && empty) {
    size = 1;  // which is written below
  }
  const Resolved found = resolve(pointer);
  if (unlikely(found.page == nullptr)) {
    report_invalid_pointer("realloc", pointer);
    errno = EINVAL;
    return nullptr;
  }
  if constexpr (kActive.check_blocks) {
    if (!is_watched() && unlikely(!check_live(found.page, found.block, "realloc"))) {
      errno = EINVAL;
      return nullptr;
    }
  }
  if (likely(fits_in_place(found, size) && is_placed(pointer, placement))) {
    if (unlikely(is_watched())) {
      shrink_tracked(found, pointer, size,
                     {reinterpret_cast<void*>(&reallocate), __builtin_return_address(0)});
    } else {
      resize_in_place(found, pointer, size, contents);
    }
    if (empty) {
      *static_cast<char*>(pointer) = 0;  // programs rely on realloc(p, 0) being an empty string
    }
    return pointer;
  }
  if (found.page->is_huge() && size > kMediumBlockMax - kPadding && pointer == found.page->start &&
      placement.alignment <= kSliceSize && placement.offset == 0) {
    if (size > found.room) {
      relieve_thread_slow(size - found.room);
    }
    if (void* const resized = resize_huge(found.page, size, contents)) {
      clear_slack(found, resized, size, contents);
      return resized;
    }
  }
  void* const moved = move_block(pointer, found, size, placement, contents);
  if (empty && moved != nullptr) {
    *static_cast<char*>(moved) = 0;
  }
  return moved;
}

void* reallocate(void* pointer, std::size_t size, Contents contents) {
  if (pointer == nullptr) {
    return contents == Contents::kZero ? allocate<Contents::kZero>(size)
                                       : allocate<Contents::kUnknown>(size);
  }
  // What an offset has placed anywhere is aligned as malloc aligns from here on.
  return reallocate_aligned(
      pointer, size, {.alignment = size > kWordSize ? kBlockAlignment : kWordSize}, contents);
}

bool resize_where_it_is(const Resolved& found, void* pointer, std::size_t size) {
  if (!fits_in_place(found, size)) {
    return false;
  }
  resize_in_place(found, pointer, size, Contents::kUnknown);
  return true;
}

void* expand(void* pointer, std::size_t size) {
  if (pointer == nullptr) {
    return nullptr;
  }
  const std::size_t usable = usable_size_of(pointer, "expand");
  if (size <= usable) {
    return pointer;
  }
  if constexpr (kActive.pad_blocks) {
    // What has nothing usable may be no block, or no live one, which was told just now.
    const Resolved found = resolve(pointer);
    if (usable != 0 && size <= found.room && !is_watched()) {
      resize_in_place(found, pointer, size, Contents::kUnknown);
      return pointer;
    }
  }
  return nullptr;
}

}  // namespace ashlar
