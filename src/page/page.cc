// Making pages, extending them, and checking what they promise.
#include "page/page.h"

#include <errno.h>

#include "harden/block_order.h"
#include "page/hollow.h"
#include "page/ownership.h"
#include "page/padding.h"
#include "support/check.h"
#include "support/messages.h"
#include "support/random.h"
#include "support/touched.h"
#include "support/tracker.h"

namespace ashlar {
namespace {

// Counts what the blocks up to `end` bytes of the page touch beyond its capacity.
bool touch_up_to(Page* page, std::size_t end) {
  const std::size_t os_page = System::page_size();
  const std::size_t first = page->capacity * page->block_size / kSliceSize;
  std::size_t units = 0;
  for (std::size_t i = first; i * kSliceSize < end; ++i) {
    const std::uint8_t then = touched_units(end - i * kSliceSize, os_page);
    units += then > page->touched[i] ? then - page->touched[i] : 0U;
  }
  if (units == 0) {
    return true;
  }
  if (!touched_bytes.try_add(units * kTouchedUnit)) {
    return false;
  }
  for (std::size_t i = first; i * kSliceSize < end; ++i) {
    const std::uint8_t then = touched_units(end - i * kSliceSize, os_page);
    page->touched[i] = then > page->touched[i] ? then : page->touched[i];
  }
  return true;
}

// The same, with OS pages behind them that are put in place at once. Not where the system has put
// them there already, or puts together more of them than are asked for; nor where memory is
// limited, since they may never be needed.
bool touch_ahead(Page* page, std::size_t end, std::size_t ahead) {
  const std::size_t os_page = System::page_size();
  const std::size_t from = align_up(page->capacity * page->block_size, os_page);
  const std::size_t wanted = align_up(end, os_page) + ahead * os_page;
  const std::size_t to = wanted < kSliceSize ? wanted : kSliceSize;
  if (to > from + os_page && page->touched[0] * kTouchedUnit <= from &&
      !touched_bytes.is_limited() && !System::makes_huge_pages() && touch_up_to(page, to)) {
    // Where this fails the pages come by faults.
    static_cast<void>(System::populate(at_offset(page->start, from), to - from));
    return true;
  }
  return touch_up_to(page, end);
}

// Links the next `count` blocks beyond the capacity, and returns the first of them.
Block* link_in_order(Page* page, std::uint32_t count) {
  const std::size_t size = page->block_size;
  auto* const first = at_offset<Block>(page->start, std::size_t{page->capacity} * size);
  Block* block = first;
  mark_unused(page, block);
  for (std::uint32_t i = 1; i < count; ++i) {
    auto* const next = at_offset<Block>(block, size);
    mark_unused(page, next);
    PageLinks::set_next(block, next, page->keys);
    block = next;
  }
  PageLinks::set_next(block, nullptr, page->keys);
  return first;
}

// The same in random order: ChaCha20 keyed by the keys of the page, which are random themselves,
// with the capacity as its nonce; so no generator has to be shared or kept.
Block* link_shuffled(Page* page, std::uint32_t count) {
  const LinkKeys keys = detail::keys_of(page->keys);
  const std::uint64_t seed[4] = {keys.mask, keys.offset, address_of(page->start), page->block_size};
  std::uint32_t key[8];
  __builtin_memcpy(key, seed, sizeof key);
  RandomGenerator generator;
  generator.start(key, page->capacity, SeedQuality::kStrong);
  std::uint16_t order[kActive.extend_bytes / kWordSize];
  shuffle_order(order, count, [&] { return generator.next_word(); });
  void* const start = at_offset(page->start, std::size_t{page->capacity} * page->block_size);
  Block* next = nullptr;
  for (std::uint32_t i = 0; i < count; ++i) {
    auto* const block = at_offset<Block>(start, order[i] * page->block_size);
    PageLinks::set_next(block, next, page->keys);
    next = block;
  }
  return next;
}

std::uint32_t count_blocks(const Page* page, const Block* list) {
  std::uint32_t count = 0;
  for (const Block* at = list; at != nullptr && count < page->capacity; ++count) {
    at = PageLinks::next(at, page->keys);
    if (at != nullptr && !is_block_start(page, at)) {
      break;
    }
  }
  return count;
}

}  // namespace

Block* drop_free_list(Page* page) {
  const Block* const popped = page->free;
  page->free = nullptr;
  const std::uint32_t elsewhere =
      page->used() + 1 + count_blocks(page, page->local_free) + page->withdrawn + page->lost;
  page->lost += page->capacity > elsewhere ? page->capacity - elsewhere : 0;
  report_error(EFAULT,
               "malloc: corrupted list of free blocks of %zu bytes, at %p in the page at %p: the "
               "block was written to after it was freed, or one before it was overrun; the list is "
               "dropped",
               page->block_size, static_cast<const void*>(popped), page->start);
  return nullptr;
}

void make_page(Page* page, SystemArena* arena, void* start, SliceCount slices, SizeClass size_class,
               Contents contents, Heap* home, const PageLinks::Keys& keys) {
  const PageHistory::Change change(page->history);
  page->history.set_kind(size_class + 1);
  page->history.set_handed_out(0);
  page->counts.clear();
  page->free = nullptr;
  page->local_free = nullptr;
  page->capacity = 0;
  page->next = nullptr;
  page->previous = nullptr;
  page->retire_visits = 0;
  page->list = PageList::kNone;
  page->free_contents = Contents::kUnknown;
  page->fresh_contents = contents;
  page->keys = keys;
  page->start = start;
  page->block_size = block_size_of(size_class);
  page->arena = arena;
  page->heap = nullptr;
  page->reserved =
      static_cast<std::uint32_t>(slices.value * kSliceSize / block_size_of(size_class));
  page->slices = slices;
  page->size_class = size_class;
  page->lost = 0;
  page->withdrawn = 0;
  page->hollow = 0;
  page->seen.handed_out = 0;
  page->seen.used = 0;
  page->guarded = false;
  page->held_in.set(HeldIn::kNone);
  page->has_goal = false;
  page->prefix = 0;
  page->counted = 0;
  __builtin_memset(page->touched, 0, sizeof page->touched);
  // relaxed: nobody can know of the page before a block of it is handed out, but for a walk that
  // then takes it by its remote word, or leaves it.
  page->home.store(home, std::memory_order_relaxed);
}

void make_huge_page(Page* page, SystemArena* arena, void* start, SliceCount slices,
                    std::size_t usable, Contents contents, Heap* home) {
  make_page(page, arena, start, slices, 0, contents, home, PageLinks::Keys{});
  set_huge_size(page, usable);
  page->counts.set_used(1);
  page->capacity = 1;
  page->reserved = 1;
  page->size_class = kHugeClass;
  // relaxed: nobody can know of the page before its block is handed out.
  page->owner.store(kNoOwner, std::memory_order_relaxed);
  mark_huge(page);
}

void set_huge_size(Page* page, std::size_t usable) {
  page->block_size = usable;
  const PageHistory::Change change(page->history);
  page->history.set_kind(kHugeClass + 1);
  page->history.set_handed_out(usable);
}

void take_touched(Page* page) {
  for (std::uint32_t i = 0; page->arena != nullptr && i < page->slices.value; ++i) {
    page->touched[i] = page->arena->units_touched(first_slice_of(page) + SliceCount{i});
  }
}

void leave_touched(Page* page) {
  forget_hollow(page);
  if (page->arena == nullptr) {
    std::size_t units = 0;
    for (const std::uint8_t of_slice : page->touched) {
      units += of_slice;
    }
    touched_bytes.sub(page->is_huge() ? page->block_size : units * kTouchedUnit);
    return;
  }
  for (std::uint32_t i = 0; !page->is_huge() && i < page->slices.value; ++i) {
    page->arena->set_units_touched(first_slice_of(page) + SliceCount{i}, page->touched[i]);
  }
}

bool extend_page(Page* page, std::size_t ahead) {
  if (page->withdrawn != 0) {
    return fill_hollow(page);
  }
  const std::size_t size = page->block_size;
  const std::uint32_t left = page->reserved - page->capacity;
  // What is not linked is not touched, and costs no memory until it is needed.
  auto count = static_cast<std::uint32_t>(kActive.extend_bytes / size);
  count = count == 0 ? 1 : count < left ? count : left;
  const std::size_t end = (std::size_t{page->capacity} + count) * size;
  const bool small = page->slices == kSmallPageSlices;
  if (!(ahead != 0 && small ? touch_ahead(page, end, ahead) : touch_up_to(page, end))) {
    return false;
  }

  Block* const first =
      kActive.shuffle_blocks ? link_shuffled(page, count) : link_in_order(page, count);
  {
    const PageHistory::Change change(page->history);
    keep_counts(page);
  }
  page->free = first;
  page->free_contents = kActive.fill_blocks ? Contents::kUnknown : page->fresh_contents;
  page->capacity += count;
  return true;
}

bool is_in_free_lists(const Page* page, const Block* block) {
  const QuietScope quiet;
  if (is_withdrawn(page, block)) {
    return true;
  }
  for (const Block* list :
       {static_cast<const Block*>(page->free), static_cast<const Block*>(page->local_free)}) {
    // A corrupted list must not lead us round for ever.
    std::uint32_t left = page->capacity;
    for (const Block* at = list; at != nullptr && left != 0; --left) {
      if (at == block) {
        return true;
      }
      at = PageLinks::next(at, page->keys);
      if (at != nullptr && !is_block_start(page, at)) {
        break;
      }
    }
  }
  return false;
}

void check_page(const Page* page) {
  if constexpr (kActive.check_invariants) {
    const QuietScope quiet;
    std::uint32_t listed = 0;
    for (const Block* list :
         {static_cast<const Block*>(page->free), static_cast<const Block*>(page->local_free)}) {
      for (const Block* at = list; at != nullptr; at = PageLinks::next(at, page->keys)) {
        check(
            address_of(at) - address_of(page->start) < page_bytes(page) && is_block_start(page, at),
            "a free list leaves its page");
        check(++listed <= page->capacity, "a free list is longer than its page");
      }
    }
    check(page->used() + listed + page->lost + page->withdrawn == page->capacity,
          "used + free + local free + lost + withdrawn = capacity");
    check(page->withdrawn == withdrawn_blocks(page), "withdrawn = blocks in hollow OS pages");
    check(page->capacity <= page->reserved, "capacity <= reserved");
  }
}

}  // namespace ashlar
