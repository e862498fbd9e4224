// Taking memory for pages, entering them in the page map, and giving both back.
#include "heap/page_source.h"

#include "arena/page_map.h"
#include "heap/attachment.h"
#include "heap/guard_pages.h"
#include "heap/guards.h"
#include "heap/heap.h"
#include "heap/numa.h"
#include "heap/process.h"
#include "heap/purge_thread.h"
#include "heap/slow_calls.h"
#include "heap/tracked.h"
#include "support/options.h"
#include "support/stats.h"

namespace ashlar {
namespace {

template <class Keys>
Keys fresh_keys() {
  Keys keys;
  if constexpr (kActive.encode_links) {
    keys = link_keys(random_number(), random_number());
  }
  return keys;
}

// All pages in mappings of their own, in no order.
constinit Lock lone_lock{LockRank::kLonePages};
constinit Page* lone_pages ASHLAR_GUARDED_BY(lone_lock) = nullptr;

// Records of mappings that the system would not unmap: it may need memory for that, or has too many
// mappings to split one. Only their start, their block_size (bytes) and next_lone mean something.
constinit Page* still_mapped ASHLAR_GUARDED_BY(lone_lock) = nullptr;

void keep_mapped(Page* record) {
  LockGuard guard(lone_lock);
  record->next_lone = still_mapped;
  still_mapped = record;
}

Page* take_mapped() {
  LockGuard guard(lone_lock);
  Page* const record = still_mapped;
  if (record != nullptr) {
    still_mapped = record->next_lone;
  }
  return record;
}

void enter_lone(Page* page) {
  LockGuard guard(lone_lock);
  page->previous_lone = nullptr;
  page->next_lone = lone_pages;
  if (lone_pages != nullptr) {
    lone_pages->previous_lone = page;
  }
  lone_pages = page;
}

void remove_lone(const Page* page) {
  LockGuard guard(lone_lock);
  if (page->previous_lone != nullptr) {
    page->previous_lone->next_lone = page->next_lone;
  } else {
    lone_pages = page->next_lone;
  }
  if (page->next_lone != nullptr) {
    page->next_lone->previous_lone = page->previous_lone;
  }
}

// Says to the system what the pages of a mapping should be like. No harm if it does not listen.
void choose_os_pages(const Heap* heap, void* start, std::size_t size) {
  if (!option_is_enabled(Option::kAllowThp)) {
    System::advise_huge_pages(start, size, HugeAdvice::kUnwanted);
  } else if (size >= kLargeOsPage && option_is_enabled(Option::kAllowLargeOsPages)) {
    System::advise_huge_pages(start, size, HugeAdvice::kWanted);
  }
  if (heap->numa_node.get() >= 0 && numa_node_count() > 1) {
    System::bind_to_node(start, size, wrap_numa_node(heap->numa_node.get()));
  }
}

// What release needs to know, read back from a page.
PageMemory memory_of(const Page* page) {
  return {.page = const_cast<Page*>(page),
          .arena = page->arena,
          .start = reinterpret_cast<void*>(align_down(address_of(page->start), kSliceSize)),
          .slices = page->slices,
          .bytes = block_memory_bytes(page),
          .contents = page->fresh_contents};
}

// What the page handed out is its heap's from now on, for statistics; first there, so that a reader
// who does not find the page any more knows that he has to look again.
void leave_counts(Page* page) {
  const PageHistory::Change change(page->history);
  if (!page->is_huge()) {
    keep_counts(page);
    HeapStats& stats = home_of(page)->stats;
    stats.blocks[page->size_class].add(static_cast<std::int64_t>(page->history.handed_out()));
    stats.pages[page->size_class].add();
  }
  page->history.set_kind(0);
}

}  // namespace

Lock& lone_pages_lock() { return lone_lock; }

Page* take_lone_pages(bool (*take)(Page* page, void* arg), void* arg) {
  Page* taken = nullptr;
  LockGuard guard(lone_lock);
  for (Page* page = lone_pages; page != nullptr; page = page->next_lone) {
    if (take(page, arg)) {
      page->next = taken;
      taken = page;
    }
  }
  return taken;
}

Page* next_lone_page(const Realm* realm, const void* start) {
  Page* next = nullptr;
  LockGuard guard(lone_lock);
  for (Page* page = lone_pages; page != nullptr; page = page->next_lone) {
    if (page->realm == realm && address_of(page->start) > address_of(start) &&
        (next == nullptr || address_of(page->start) < address_of(next->start))) {
      next = page;
    }
  }
  return next;
}

bool acquire_slices(const Heap* heap, SliceCount slices, SliceCount alignment, SliceCount headroom,
                    PageMemory* memory) {
  if (heap->arena == nullptr && option_is_enabled(Option::kDisallowArenaAlloc)) {
    return false;
  }
  Claim<System> claim;
  ArenaSet<System>& arenas = heap->realm->arenas;
  // What is large stays first fit: only so does it find room among what is scattered.
  const std::uint64_t pick =
      kActive.random_pages && slices <= kMediumPageSlices ? random_number() : 0;
  const bool claimed =
      heap->arena != nullptr
          ? arenas.claim_in(heap->arena, slices, alignment, headroom, &claim, pick)
          : arenas.claim(slices, alignment, headroom, &claim, preferred_numa_node(heap), pick);
  if (!claimed) {
    return false;
  }
  *memory = {.page = static_cast<Page*>(claim.arena->page_entry(claim.run.first)),
             .realm = heap->realm,
             .arena = claim.arena,
             .start = claim.start(),
             .slices = slices,
             .bytes = std::size_t{slices.value} * kSliceSize,
             .contents = claim.contents};
  return true;
}

bool acquire_mapping(const Heap* heap, std::size_t bytes, std::size_t alignment,
                     PageMemory* memory) {
  if (heap->arena != nullptr || option_is_enabled(Option::kLimitOsAlloc)) {
    return false;
  }
  auto* const lone = static_cast<Page*>(metadata_pool.allocate(sizeof(Page)));
  if (lone == nullptr) {
    return false;
  }
  const std::size_t size = round_mapping_size(bytes, System::page_size());
  void* const start = System::reserve(nullptr, size, alignment, Access::kReadWrite);
  if (start == nullptr) {
    metadata_pool.release(lone, sizeof(Page));
    return false;
  }
  choose_os_pages(heap, start, size);
  heap->realm->arenas.note_mapped(size);
  *memory = {.page = lone,
             .realm = heap->realm,
             .arena = nullptr,
             .start = start,
             .slices = {static_cast<std::uint32_t>(divide_up(size, kSliceSize))},
             .bytes = size,
             .contents = Contents::kZero};
  return true;
}

void release_slices(SystemArena* arena, SliceRun run, SliceCount touched, Contents rest) {
  arena->set().release(arena, run, touched, rest, System::clock_ms());
  note_waiting();
}

void release_memory(const PageMemory& memory, std::size_t touched) {
  if (memory.arena != nullptr) {
    const SliceRun run{memory.arena->slice_of(memory.start), memory.slices};
    const SliceCount first{static_cast<std::uint32_t>(divide_up(touched, kSliceSize))};
    release_slices(memory.arena, run, first, memory.contents);
    return;
  }
  if (unlikely(is_guarded(memory.page))) {
    release_guarded(memory.page);
    return;
  }
  memory.realm->arenas.note_unmapped(memory.bytes);
  if (System::release(memory.start, memory.bytes)) {
    metadata_pool.release(memory.page, sizeof(Page));
    unmap_again();
  } else {
    // The addresses come back later; the physical pages can at once.
    System::purge(memory.start, memory.bytes);
    memory.page->start = memory.start;
    memory.page->block_size = memory.bytes;
    keep_mapped(memory.page);
  }
}

void unmap_again() {
  while (Page* const record = take_mapped()) {
    if (!System::release(record->start, record->block_size)) {
      keep_mapped(record);
      return;
    }
    metadata_pool.release(record, sizeof(Page));
  }
}

void release_unused(const PageMemory& memory) {
  // What is not known to be zero may be resident from its last use.
  release_memory(memory, memory.contents == Contents::kZero ? 0 : memory.bytes);
}

Page* acquire_page(SizeClass size_class, ThreadHeap* part) {
  Heap* const heap = part->home;
  const SliceCount slices = page_slices_of(size_class);
  PageMemory memory;
  if (!acquire_slices(heap, slices, slices, {0}, &memory) &&
      !acquire_mapping(heap, std::size_t{slices.value} * kSliceSize, kSliceSize, &memory)) {
    return nullptr;
  }
  Page* const page = memory.page;
  make_page(page, memory.arena, memory.start, slices, size_class, memory.contents, heap,
            fresh_keys<PageLinks::Keys>());
  // relaxed: nobody can know of the page before a block of it is handed out.
  page->owner.store(part->id | slow_flag(), std::memory_order_relaxed);
  page->heap = part;
  page->realm = heap->realm;
  page->prefix = heap->prefix;
  add_guard(page);
  take_touched(page);
  if (!page_map.enter(memory.start, std::size_t{slices.value} * kSliceSize, page)) {
    forget_page(page);
    if (remove_guard(page)) {
      release_unused(memory);
    }
    return nullptr;
  }
  if (unlikely(part->attached)) {
    enter_embedding(page);
  }
  note_entered(page);
  return page;
}

void forget_page(Page* page) {
  // relaxed: nobody has got to know of the page; a walk that sees its home does not own it.
  page->home.store(nullptr, std::memory_order_relaxed);
  clear_remote(page);
}

void note_entered(Page* page) {
  Heap* const home = home_of(page);
  home->realm->stats.pages.add(1);
  home->realm->stats.page_bytes.move(static_cast<std::int64_t>(page_bytes(page)));
  note_page_made(home);
  if (page->arena == nullptr) {
    enter_lone(page);
  }
  if (unlikely(is_watched())) {
    note_page_tracked(page);
  }
}

void forget_hint(const Page* page) {
  if (page->arena != nullptr && !page->is_huge()) {
    HintBitmap hints = page->arena->orphans(page->size_class);
    const SliceIndex slice = first_slice_of(page);
    if (hints.is_set(slice)) {
      hints.clear(slice);
    }
  }
}

void release_page(Page* page) {
  if (unlikely(is_watched())) {
    note_page_untracked(page);
  }
  check_record(page);
  // Where the guard stays the slices do too: they are lost, and nothing else is.
  const bool usable = remove_guard(page);
  if (unlikely(is_embedded(page))) {
    leave_embedding(page);
  }
  PageMemory memory = memory_of(page);
  const std::size_t touched = page->capacity * page->block_size;
  forget_hint(page);
  if (memory.arena == nullptr) {
    remove_lone(page);
  }
  page_map.remove(memory.start, std::size_t{memory.slices.value} * kSliceSize);
  leave_counts(page);
  leave_touched(page);
  // acq_rel: a deletion may give a huge page another home at this moment; the reference that we
  // give back is that of the home which we take out.
  Heap* const home = page->home.exchange(nullptr, std::memory_order_acq_rel);
  memory.realm = home->realm;
  memory.realm->stats.pages.sub(1);
  memory.realm->stats.page_bytes.sub(static_cast<std::int64_t>(page_bytes(page)));
  if (page->is_huge()) {
    note_unowned(home, -1);
  }
  clear_remote(page);
  if (likely(usable)) {
    release_memory(memory, touched);
  }
  note_page_gone(home);
}

}  // namespace ashlar
