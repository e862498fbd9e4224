// Huge blocks: allocation, release, and growing in place.
#include "heap/huge.h"

#include "arena/page_map.h"
#include "heap/attachment.h"
#include "heap/guard_pages.h"
#include "heap/guards.h"
#include "heap/heap.h"
#include "heap/page_source.h"
#include "heap/process.h"
#include "heap/realm.h"
#include "page/padding.h"
#include "support/options.h"
#include "support/stats.h"
#include "support/touched.h"

namespace ashlar {
namespace {

SliceCount slices_for(std::size_t bytes) {
  return {static_cast<std::uint32_t>(divide_up(bytes, kSliceSize))};
}

std::size_t bytes_of(SliceCount slices) { return std::size_t{slices.value} * kSliceSize; }

// Larger blocks have mappings of their own.
std::size_t arena_block_max() {
  const std::size_t chosen = option_get_size(Option::kArenaMaxObjectSize);
  return chosen < kArenaBlockMax ? chosen : kArenaBlockMax;
}

// Bytes of a block that are not counted as touched yet.
std::size_t untouched_of(const PageMemory& memory, std::size_t usable) {
  return memory.arena == nullptr
             ? usable
             : memory.arena->untouched({memory.arena->slice_of(memory.start), memory.slices},
                                       usable);
}

// Makes the page of a huge block and enters it; nullptr, and the memory given back, on failure.
void* enter_huge(Heap* heap, const PageMemory& memory, std::size_t usable) {
  const std::size_t more = untouched_of(memory, usable);
  if (!touched_bytes.try_add(more)) {
    release_unused(memory);
    return nullptr;
  }
  make_huge_page(memory.page, memory.arena, memory.start, memory.slices, usable, memory.contents,
                 heap);
  memory.page->realm = heap->realm;
  if (!page_map.enter(memory.start, bytes_of(memory.slices), memory.page)) {
    touched_bytes.sub(more);
    forget_page(memory.page);
    release_unused(memory);
    return nullptr;
  }
  if (memory.arena != nullptr && more != 0) {
    memory.arena->mark_touched({memory.arena->slice_of(memory.start), memory.slices}, usable);
  }
  memory.page->prefix = heap->prefix;
  if (unlikely(is_embedded(memory.page))) {
    memory.page->counted = 1;
    enter_embedding(memory.page);
  }
  note_unowned(heap, 1);
  note_entered(memory.page);
  const auto bytes = static_cast<std::int64_t>(usable);
  heap->stats.huge_blocks.add(1);
  heap->stats.huge_bytes.add(bytes);
  heap->realm->stats.huge_blocks.add(1);
  heap->realm->stats.huge_bytes.add(bytes);
  return memory.start;
}

// What the block needs more was counted as touched already; in a mapping, what it needs less is no
// longer.
void note_resized(Page* page, std::size_t usable) {
  Realm& realm = *page->realm;
  const bool mapped = page->arena == nullptr;
  if (usable > page->block_size) {
    const std::size_t more = usable - page->block_size;
    realm.stats.huge_bytes.add(static_cast<std::int64_t>(more));
    mapped ? realm.arenas.note_mapped(more) : void();
  } else if (usable < page->block_size) {
    const std::size_t less = page->block_size - usable;
    realm.stats.huge_bytes.sub(static_cast<std::int64_t>(less));
    if (mapped) {
      realm.arenas.note_unmapped(less);
      touched_bytes.sub(less);
    }
  }
  set_huge_size(page, usable);
}

// The page's slices change with its block.
void set_slices(Page* page, SliceCount slices) {
  page->realm->stats.page_bytes.move((std::int64_t{slices.value} - page->slices.value) *
                                     static_cast<std::int64_t>(kSliceSize));
  page->slices = slices;
}

// In an arena: gives slices back behind the block, or claims those that follow it.
void* resize_in_arena(Page* page, std::size_t size, Contents contents) {
  if (size > arena_block_max()) {
    return nullptr;
  }
  const std::size_t usable = align_up(size, System::page_size());
  const SliceCount wanted = slices_for(usable + guard_bytes());
  const SliceRun held{first_slice_of(page), page->slices};
  // From the block's last slice on.
  const std::size_t kept = align_down(page->block_size, kSliceSize);
  const SliceIndex grows_from = held.first + slices_for(kept);
  const SliceRun grown{
      grows_from,
      {wanted.value > slices_for(kept).value ? wanted.value - slices_for(kept).value : 0}};
  if (wanted < held.count && usable < page->block_size) {
    const SliceRun rest{held.first + wanted, {held.count.value - wanted.value}};
    page_map.remove(page->arena->address(rest.first), bytes_of(rest.count));
    set_slices(page, wanted);
    release_slices(page->arena, rest, rest.count, Contents::kUnknown);
  } else if (wanted > held.count) {
    const SliceRun more{held.end(), {wanted.value - held.count.value}};
    Contents found = Contents::kUnknown;
    if (!may_use(home_of(page), page->arena) ||
        !page->arena->set().claim_at(page->arena, more, &found)) {
      return nullptr;
    }
    void* const start = page->arena->address(more.first);
    const std::size_t bytes = page->arena->untouched(grown, usable - kept);
    const bool allowed = touched_bytes.try_add(bytes);
    if (!allowed || !page_map.enter(start, bytes_of(more.count), page)) {
      touched_bytes.sub(allowed ? bytes : 0);
      const SliceCount touched = found == Contents::kZero ? SliceCount{0} : more.count;
      release_slices(page->arena, more, touched, found);
      return nullptr;
    }
    if (contents == Contents::kZero && found != Contents::kZero) {
      __builtin_memset(start, 0, bytes_of(more.count));
    }
    set_slices(page, wanted);
  } else if (usable > page->block_size &&
             !touched_bytes.try_add(page->arena->untouched(grown, usable - kept))) {
    return nullptr;
  }
  if (usable > page->block_size) {
    page->arena->mark_touched(grown, usable - kept);
  }
  if (contents == Contents::kZero && usable > page->block_size) {
    // What the block's own slices held behind it.
    const std::size_t old_end = bytes_of(held.count);
    __builtin_memset(at_offset(page->start, page->block_size), 0,
                     (usable < old_end ? usable : old_end) - page->block_size);
  }
  note_resized(page, usable);
  return page->start;
}

// Entries of the page map are ours only while the addresses are: they are emptied before the
// kernel gets the range, since another thread may map and enter the same addresses at once.
// Entering a range again that was entered before can't fail: what it needs is there.
void shrink_mapping(Page* page, std::size_t wanted) {
  const SliceCount slices = slices_for(wanted);
  void* const rest = at_offset(page->start, bytes_of(slices));
  const std::size_t rest_bytes = bytes_of({page->slices.value - slices.value});
  if (rest_bytes != 0 && !page_map.split_before(rest)) {
    return;
  }
  page_map.remove(rest, rest_bytes);
  if (System::remap(page->start, page->block_size, page->start, wanted)) {
    set_slices(page, slices);
    note_resized(page, wanted);
  } else {
    page_map.enter(rest, rest_bytes, page);
  }
}

bool grow_in_place(Page* page, std::size_t wanted) {
  void* const start = page->start;
  if (!System::remap(start, page->block_size, start, wanted)) {
    return false;
  }
  const SliceCount slices = slices_for(wanted);
  void* const more = at_offset(start, bytes_of(page->slices));
  if (!page_map.enter(more, bytes_of({slices.value - page->slices.value}), page)) {
    System::remap(start, wanted, start, page->block_size);
    return false;
  }
  set_slices(page, slices);
  note_resized(page, wanted);
  return true;
}

// The kernel moves page tables, not bytes. A new place comes first, entered in the map: once the
// pages have moved nothing may fail.
bool move_mapping(Page* page, std::size_t wanted) {
  const SliceCount slices = slices_for(wanted);
  void* const target = System::reserve(nullptr, wanted, kSliceSize, Access::kNone);
  if (target == nullptr) {
    return false;
  }
  if (!page_map.enter(target, bytes_of(slices), page)) {
    System::release(target, wanted);
    return false;
  }
  page_map.remove(page->start, bytes_of(page->slices));
  if (!System::remap(page->start, page->block_size, target, wanted)) {
    page_map.enter(page->start, bytes_of(page->slices), page);
    page_map.remove(target, bytes_of(slices));
    System::release(target, wanted);
    return false;
  }
  page->start = target;
  set_slices(page, slices);
  note_resized(page, wanted);
  return true;
}

void* resize_mapping(Page* page, std::size_t size) {
  const std::size_t wanted = round_mapping_size(size, System::page_size());
  if (wanted <= page->block_size) {
    if (wanted < page->block_size) {
      shrink_mapping(page, wanted);
    }
    return page->start;
  }
  const std::size_t more = wanted - page->block_size;
  // Held: a request that the system refuses, however large, must not stand as the peak.
  if (!touched_bytes.try_hold(more)) {
    return nullptr;
  }
  if (!grow_in_place(page, wanted) && !move_mapping(page, wanted)) {
    touched_bytes.sub(more);
    return nullptr;
  }
  touched_bytes.keep_held();
  return page->start;
}

// Says what a new or resized block was asked for, and guards its end.
void* padded(void* block, [[maybe_unused]] std::size_t size) {
  if constexpr (kActive.pad_blocks) {
    if (block != nullptr && !is_watched()) {
      Page* const page = page_map.find(block);
      pad_huge_block(page, size);
      note_allocated(page, block);
      add_guard(page);
    }
  }
  return block;
}

void* allocate_mapping(Heap* heap, std::size_t size, std::size_t alignment) {
  PageMemory memory;
  return acquire_mapping(heap, size, alignment, &memory) ? enter_huge(heap, memory, memory.bytes)
                                                         : nullptr;
}

void* allocate_unpadded(Heap* heap, std::size_t size, std::size_t alignment, Contents contents) {
  // Slices that waited would have to be cleared. What has to stay in its arena finds no mapping.
  if (contents == Contents::kZero && size > kArenaPlainMax) {
    if (void* const block = allocate_mapping(heap, size, alignment)) {
      return block;
    }
  }
  PageMemory memory;
  // What has to stay in its arena takes slices whatever its size.
  const bool fits =
      alignment <= kArenaAlignment && (size <= arena_block_max() || heap->arena != nullptr);
  if (!fits ||
      !acquire_slices(heap, slices_for(align_up(size, System::page_size()) + guard_bytes()),
                      slices_for(alignment), {0}, &memory)) {
    return allocate_mapping(heap, size, alignment);
  }
  const std::size_t usable = align_up(size, System::page_size());
  void* const block = enter_huge(heap, memory, usable);
  if (block != nullptr && contents == Contents::kZero && memory.contents != Contents::kZero) {
    __builtin_memset(block, 0, usable);
  }
  return block;
}

void* allocate_growing_unpadded(Heap* heap, std::size_t size) {
  const std::size_t chosen = arena_block_max();
  const std::size_t most = chosen < kArenaPlainMax ? chosen : kArenaPlainMax;
  if (size > most) {
    // Copied once at most from here on: then it moves by page tables.
    if (void* const block = allocate_mapping(heap, size, kSliceSize)) {
      return block;
    }
  } else {
    // Half as much again is the block's for good, so that blocks that grow side by side are copied
    // as often as their size doubles, and not at every step.
    const std::uint32_t slices =
        slices_for(align_up(size, System::page_size()) + guard_bytes()).value;
    const std::uint32_t room = slices_for(most).value - slices;
    const std::uint32_t spare = slices / 2 < room ? slices / 2 : room;
    PageMemory memory;
    if (acquire_slices(heap, {slices + spare}, {1}, {room - spare}, &memory)) {
      return enter_huge(heap, memory, align_up(size, System::page_size()));
    }
  }
  return allocate_unpadded(heap, size, kSliceSize, Contents::kUnknown);
}

}  // namespace

void* allocate_huge(Heap* heap, std::size_t size, std::size_t alignment, Contents contents) {
  return padded(allocate_unpadded(heap, size + kPadding, alignment, contents), size);
}

void* allocate_growing(Heap* heap, std::size_t size) {
  return padded(allocate_growing_unpadded(heap, size + kPadding), size);
}

void free_huge(Page* page) {
  if (unlikely(is_embedded(page)) && leave_huge_slow(page)) {
    return;
  }
  release_huge(page);
}

void release_huge(Page* page) {
  RealmStats& stats = page->realm->stats;
  stats.huge_blocks.sub(1);
  stats.huge_bytes.sub(static_cast<std::int64_t>(page->block_size));
  release_page(page);
}

void* resize_huge(Page* page, std::size_t size, Contents contents) {
  if (is_guarded(page) || !remove_guard(page)) {
    return nullptr;
  }
  const std::size_t larger = size + kPadding;
  void* const resized = page->arena != nullptr ? resize_in_arena(page, larger, contents)
                                               : resize_mapping(page, larger);
  if (resized == nullptr) {
    add_guard(page);
  }
  return padded(resized, size);
}

}  // namespace ashlar
