// The table of the numbers that statistics consist of: name, unit and meaning. Every text of them
// is made from it.
#pragma once

#include <span>

#include "observe/statistics.h"

namespace ashlar {

enum class StatisticsUnit : std::uint8_t {
  kBytes,
  kBlocks,  // of the size of their bin
  kPlain,
};

// Where a number stands: one of the two is set.
struct StatisticsField {
  constexpr StatisticsField(StatisticsCount Statistics::* field) : count(field) {}
  constexpr StatisticsField(StatisticsCounter Statistics::* field) : counter(field) {}

  StatisticsCount Statistics::* count = nullptr;
  StatisticsCounter Statistics::* counter = nullptr;
};

// A number of the structure.
struct StatisticsRow {
  const char* name;  // the public field's, as the table and JSON show it
  StatisticsField field;
  StatisticsUnit unit;
  const char* metric;  // Prometheus's name without prefix and suffix; nullptr: always 0 here, and
                       // so only in JSON
  const char* help;
  // Of an amount: how many there were, which the table shows in the same line.
  StatisticsCounter Statistics::* items = nullptr;
};

// A row of numbers, one a bin.
struct StatisticsBinsRow {
  const char* name;
  std::span<const StatisticsCount> (*bins)(const Statistics& statistics);  // those in use
  bool has_sizes;                                                          // of bin_size()
  StatisticsUnit unit;
  const char* metric;
  const char* help;
};

// In the order of the structure. docs/statistics.md tells more of each.
inline constexpr StatisticsRow kStatisticsRows[] = {
    {"pages", &Statistics::pages, StatisticsUnit::kPlain, "pages",
     "Pages in use, orphans included"},
    {"reserved", &Statistics::reserved, StatisticsUnit::kBytes, "reserved",
     "Address space held from the system for blocks"},
    {"committed", &Statistics::committed, StatisticsUnit::kBytes, "committed",
     "Memory that may be resident: slices in use or waiting, and mappings"},
    {"reset", &Statistics::reset, StatisticsUnit::kBytes, "reset",
     "Memory that the system was told it may take"},
    {"purged", &Statistics::purged, StatisticsUnit::kBytes, "purged",
     "Memory given back to the system, its addresses kept"},
    {"page_committed", &Statistics::page_committed, StatisticsUnit::kBytes, "page_committed",
     "Memory of pages in use"},
    {"pages_abandoned", &Statistics::pages_abandoned, StatisticsUnit::kPlain, "orphan_pages",
     "Pages with live blocks that no thread owns"},
    {"threads", &Statistics::threads, StatisticsUnit::kPlain, "threads",
     "Threads that have a heap"},
    {"malloc_normal", &Statistics::malloc_normal, StatisticsUnit::kBytes, "malloc_normal",
     "Blocks of the size classes, as large as they are", &Statistics::malloc_normal_count},
    {"malloc_huge", &Statistics::malloc_huge, StatisticsUnit::kBytes, "malloc_huge",
     "Blocks with a page of their own", &Statistics::malloc_huge_count},
    {"malloc_requested", &Statistics::malloc_requested, StatisticsUnit::kBytes, "malloc_requested",
     "Blocks, as large as they are: requests are not kept"},

    {"mmap_calls", &Statistics::mmap_calls, StatisticsUnit::kPlain, "mmap_calls",
     "Calls to the system that reserve addresses"},
    {"commit_calls", &Statistics::commit_calls, StatisticsUnit::kPlain, "commit_calls",
     "Calls to the system that let memory be touched"},
    {"reset_calls", &Statistics::reset_calls, StatisticsUnit::kPlain, "reset_calls",
     "Calls to the system that say what it may take"},
    {"purge_calls", &Statistics::purge_calls, StatisticsUnit::kPlain, "purge_calls",
     "Calls to the system that give memory back"},
    {"arena_count", &Statistics::arena_count, StatisticsUnit::kPlain, "arenas", "Arenas there are"},
    {"malloc_normal_count", &Statistics::malloc_normal_count, StatisticsUnit::kPlain,
     "malloc_normal_blocks", "Blocks of the size classes allocated"},
    {"malloc_huge_count", &Statistics::malloc_huge_count, StatisticsUnit::kPlain,
     "malloc_huge_blocks", "Blocks with a page of their own allocated"},
    {"malloc_guarded_count", &Statistics::malloc_guarded_count, StatisticsUnit::kPlain,
     "malloc_guarded_blocks", "Blocks with a guard page allocated"},
    {"arena_rollback_count", &Statistics::arena_rollback_count, StatisticsUnit::kPlain,
     "arena_rollbacks", "Claims of slices given up after a collision"},
    {"arena_purges", &Statistics::arena_purges, StatisticsUnit::kPlain, "arena_purges",
     "Times that waiting memory was purged"},
    {"pages_extended", &Statistics::pages_extended, StatisticsUnit::kPlain, "page_extensions",
     "Times that further blocks of a page were made"},
    {"pages_retire", &Statistics::pages_retire, StatisticsUnit::kPlain, "page_retirements",
     "Times that an empty page was kept for a while"},
    {"page_searches", &Statistics::page_searches, StatisticsUnit::kPlain, "page_search_steps",
     "Pages looked at in searches for one with room", &Statistics::page_searches_count},
    {"page_searches_count", &Statistics::page_searches_count, StatisticsUnit::kPlain,
     "page_searches", "Searches for a page with room"},

    {"segments", &Statistics::segments, StatisticsUnit::kPlain, nullptr, "Always 0"},
    {"segments_abandoned", &Statistics::segments_abandoned, StatisticsUnit::kPlain, nullptr,
     "Always 0"},
    {"segments_cache", &Statistics::segments_cache, StatisticsUnit::kPlain, nullptr, "Always 0"},
    {"_segments_reserved", &Statistics::segments_reserved, StatisticsUnit::kPlain, nullptr,
     "Always 0"},

    {"heaps", &Statistics::heaps, StatisticsUnit::kPlain, "heaps", "Heaps"},
    {"theaps", &Statistics::theaps, StatisticsUnit::kPlain, "thread_heaps",
     "What threads keep for heaps, one for each pair"},
    {"pages_reclaim_on_alloc", &Statistics::pages_reclaim_on_alloc, StatisticsUnit::kPlain,
     "orphan_pages_adopted", "Orphan pages that a thread in need took"},
    {"pages_reclaim_on_free", &Statistics::pages_reclaim_on_free, StatisticsUnit::kPlain,
     "orphan_pages_taken_over", "Orphan pages that a thread took by a free"},
    {"pages_reabandon_full", &Statistics::pages_reabandon_full, StatisticsUnit::kPlain,
     "full_pages_handed_over", "Full pages that their thread let go of"},
    {"pages_unabandon_busy_wait", &Statistics::pages_unabandon_busy_wait, StatisticsUnit::kPlain,
     "orphan_page_waits", "Waits for a page that another thread was about to let go of"},
    {"heaps_delete_wait", &Statistics::heaps_delete_wait, StatisticsUnit::kPlain,
     "heap_delete_waits", "Waits for other threads when a heap was deleted"},
};

inline constexpr StatisticsBinsRow kStatisticsBinsRows[] = {
    {.name = "malloc_bins",
     .bins = [](const Statistics& s) { return std::span(s.malloc_bins).first(kUsedBins); },
     .has_sizes = true,
     .unit = StatisticsUnit::kBlocks,
     .metric = "bin_blocks",
     .help = "Blocks, by their size"},
    {.name = "page_bins",
     .bins = [](const Statistics& s) { return std::span(s.page_bins).first(kUsedBins); },
     .has_sizes = true,
     .unit = StatisticsUnit::kPlain,
     .metric = "bin_pages",
     .help = "Pages, by the size of their blocks"},
    {.name = "chunk_bins",
     .bins = [](const Statistics& s) { return std::span<const StatisticsCount>(s.chunk_bins); },
     .has_sizes = false,
     .unit = StatisticsUnit::kPlain,
     .metric = nullptr,
     .help = "Always 0"},
};

// Every number of the structure has one row: together they are as large as it is.
static_assert([] {
  std::size_t bytes = 2 * sizeof(std::size_t) + sizeof(Statistics::spare_counts) +
                      sizeof(Statistics::spare_counters) + sizeof(Statistics::malloc_bins) +
                      sizeof(Statistics::page_bins) + sizeof(Statistics::chunk_bins);
  for (const StatisticsRow& row : kStatisticsRows) {
    bytes += row.field.count != nullptr ? sizeof(StatisticsCount) : sizeof(StatisticsCounter);
  }
  return bytes == sizeof(Statistics);
}());

}  // namespace ashlar
