// From counters and the census to the fields of the statistics.
#include "observe/statistics_gather.h"

#include <utility>

#include "heap/thread_life.h"
#include "observe/block_census.h"

namespace ashlar {
namespace {

StatisticsCount count_of(const LevelCounter& level) {
  return {.total = level.total(), .peak = level.peak(), .current = level.current()};
}

StatisticsCounter counter_of(std::int64_t total) { return {.total = total}; }

// Blocks are counted when somebody looks, so their peak is the highest of all looks.
StatisticsCount looked_at(std::int64_t current, std::int64_t total, LevelCounter* peak) {
  if (peak == nullptr) {
    return {.total = total, .peak = current, .current = current};
  }
  peak->raise(current);
  return {.total = total, .peak = peak->peak(), .current = current};
}

void fill_bins(const Census& census, Statistics* into) {
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    const ClassCount& count = census.classes[c];
    into->malloc_bins[bin_of(c)] = looked_at(count.live, count.handed_out, nullptr);
    into->page_bins[bin_of(c)] = looked_at(count.pages, count.pages_made, nullptr);
    into->malloc_normal_count.total += count.handed_out;
    into->page_committed.current +=
        count.pages * static_cast<std::int64_t>(page_slices_of(c).value * kSliceSize);
    into->page_committed.total +=
        count.pages_made * static_cast<std::int64_t>(page_slices_of(c).value * kSliceSize);
    into->pages.current += count.pages;
    into->pages.total += count.pages_made;
  }
  into->malloc_bins[kHugeBin] = looked_at(census.huge_blocks, census.huge_blocks_made, nullptr);
  into->page_bins[kHugeBin] = into->malloc_bins[kHugeBin];
  into->malloc_huge_count.total = census.huge_blocks_made;
  into->malloc_guarded_count.total = census.guarded_blocks_made;
  into->page_committed.current += census.huge_bytes;
  into->page_committed.total += census.huge_bytes_made;
  into->page_committed.peak = into->page_committed.current;
  into->pages.current += census.huge_blocks;
  into->pages.total += census.huge_blocks_made;
  into->pages.peak = into->pages.current;
}

void fill_blocks(const Census& census, LevelCounter* normal_peak, Statistics* into) {
  fill_bins(census, into);
  into->malloc_normal = looked_at(census.normal_bytes(), census.normal_bytes_made(), normal_peak);
  into->malloc_huge = looked_at(census.huge_bytes, census.huge_bytes_made, nullptr);
}

// What programs ask for is not kept: it would cost every malloc a store. What they got is.
void fill_requested(Statistics* into) {
  into->malloc_requested = {.total = into->malloc_normal.total + into->malloc_huge.total,
                            .peak = into->malloc_normal.peak + into->malloc_huge.peak,
                            .current = into->malloc_normal.current + into->malloc_huge.current};
}

template <class Counter>
void add_slow_paths(const SlowPathStats<Counter>& stats, Statistics* into) {
  into->pages_extended.total += stats.extended.total();
  into->pages_retire.total += stats.retired.total();
  into->page_searches_count.total += stats.searches.total();
  into->page_searches.total += stats.searched.total();
  into->pages_reabandon_full.total += stats.handed_over.total();
}

void add_parts_of(const Heap* heap, Statistics* into) ASHLAR_REQUIRES(heaps_lock()) {
  for (const ThreadHeap* part = heap->thread_heaps; part != nullptr; part = part->next_of_heap) {
    add_slow_paths(part->stats, into);
  }
}

// The threads' parts of a main heap.
void add_threads_of(const Heap* main, Statistics* into) {
  std::pair<const Heap*, Statistics*> call{main, into};
  for_each_thread(
      [](ThreadHeap& part, void* arg) {
        const auto& [heap, statistics] =
            *static_cast<const std::pair<const Heap*, Statistics*>*>(arg);
        if (part.home == heap) {
          add_slow_paths(part.stats, statistics);
        }
      },
      &call);
}

void fill_memory(const Realm* realm, Statistics* into) {
  const MemoryStats& memory = realm->arenas.stats();
  const Level committed = realm->arenas.committed();
  into->reserved = count_of(memory.reserved_bytes);
  into->committed = {
      .total = committed.total, .peak = committed.peak, .current = committed.current};
  into->purged = counter_of(memory.purged_bytes.total());
  into->reset = counter_of(memory.reset_bytes.total());
  into->mmap_calls = counter_of(memory.mappings.total());
  realm->arenas.for_each_arena([into](const SystemArena& arena) {
    into->commit_calls.total += arena.commits();
    into->purge_calls.total += arena.purges();
    into->reset_calls.total += arena.resets();
    into->arena_rollback_count.total += arena.undone_claims();
  });
  into->arena_purges = counter_of(memory.purge_rounds.total());
  into->arena_count = counter_of(memory.arenas.current());
}

void fill_realm(const Realm* realm, Statistics* into) {
  const RealmStats& stats = realm->stats;
  fill_memory(realm, into);
  into->pages_abandoned = count_of(stats.orphan_pages);
  into->threads = count_of(stats.threads);
  into->heaps = count_of(stats.heaps);
  // The main heap is there from the start.
  ++into->heaps.total;
  ++into->heaps.peak;
  ++into->heaps.current;
  into->theaps = count_of(stats.thread_heaps);
  into->pages_reclaim_on_alloc = counter_of(stats.adopted_pages.total());
  into->pages_reclaim_on_free = counter_of(stats.reclaimed_pages.total());
  add_slow_paths(stats.gone_threads, into);
}

}  // namespace

void gather_realm(const Realm* realm, StatisticsScope scope, Statistics* into) {
  *into = Statistics{};
  fill_realm(realm, into);
  const RealmStats& peaks = realm->stats;
  if (scope == StatisticsScope::kExclusive) {
    fill_blocks(census_of_gone(realm), nullptr, into);
  } else {
    fill_blocks(take_census(realm), &peaks.normal_bytes, into);
    into->pages.peak = peaks.pages.peak();
    into->page_committed.current = peaks.page_bytes.current();
    into->page_committed.peak = peaks.page_bytes.peak();
    into->malloc_huge.peak = peaks.huge_bytes.peak();
    into->malloc_bins[kHugeBin].peak = peaks.huge_blocks.peak();
    add_threads_of(realm->main, into);
    LockGuard guard(heaps_lock());
    add_parts_of(realm->main, into);
    for (const Heap* heap = realm->heaps; heap != nullptr; heap = heap->next) {
      add_parts_of(heap, into);
    }
  }
  fill_requested(into);
}

void gather_heap(const Heap* heap, Statistics* into) {
  *into = Statistics{};
  fill_blocks(take_census(heap), &heap->stats.normal_bytes, into);
  fill_requested(into);
  into->heaps = {.total = 1, .peak = 1, .current = 1};
  if (heap == heap->realm->main) {
    add_threads_of(heap, into);
  }
  LockGuard guard(heaps_lock());
  add_parts_of(heap, into);
  for (const ThreadHeap* part = heap->thread_heaps; part != nullptr; part = part->next_of_heap) {
    ++into->theaps.current;
  }
  into->theaps.peak = into->theaps.current;
  into->theaps.total = into->theaps.current;
}

void gather_thread(Statistics* into) {
  *into = Statistics{};
  fill_blocks(take_census_of_thread(), nullptr, into);
  fill_requested(into);
  if (thread_heap == &empty_heap) {
    return;
  }
  into->threads = {.total = 1, .peak = 1, .current = 1};
  for (const ThreadHeap* part = thread_heap->backing; part != nullptr;
       part = part->next_of_thread) {
    add_slow_paths(part->stats, into);
    ++into->theaps.current;
  }
  into->theaps.peak = into->theaps.current;
  into->theaps.total = into->theaps.current;
}

namespace {

// Takes what was counted so far off the heap's totals; `to` gets it (nullptr: nobody).
void take_totals(Heap* heap, HeapStats* to) {
  const Census census = take_census(heap);
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    const ClassCount& count = census.classes[c];
    heap->stats.blocks[c].add(-count.handed_out);
    heap->stats.pages[c].add(-count.pages_made);
    if (to != nullptr) {
      to->blocks[c].add(count.handed_out);
      to->pages[c].add(count.pages_made);
    }
  }
  const std::int64_t huge_blocks = heap->stats.huge_blocks.take();
  const std::int64_t huge_bytes = heap->stats.huge_bytes.take();
  const std::int64_t guarded_blocks = heap->stats.guarded_blocks.take();
  if (to != nullptr) {
    to->huge_blocks.add(huge_blocks);
    to->huge_bytes.add(huge_bytes);
    to->guarded_blocks.add(guarded_blocks);
  }
  heap->stats.normal_bytes.restart();
}

bool restart_heap(Heap* heap, void*) {
  take_totals(heap, nullptr);
  return true;
}

}  // namespace

void reset_statistics(Realm* realm) {
  visit_heaps(realm, restart_heap, nullptr);
  realm->stats.restart();
  realm->arenas.restart_stats();
}

void merge_heap_statistics(Heap* heap) { take_totals(heap, &heap->realm->stats.gone); }

}  // namespace ashlar
