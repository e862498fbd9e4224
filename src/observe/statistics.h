// What the statistics consist of. What each number means stands in statistics_rows.h; nothing is
// gathered here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "page/size_class.h"

namespace ashlar {

// An amount that rises and falls.
struct StatisticsCount {
  std::int64_t total = 0;  // all that ever came
  std::int64_t peak = 0;   // the most at a time
  std::int64_t current = 0;
};

// What only happens.
struct StatisticsCounter {
  std::int64_t total = 0;
};

// A bin is a size class, the last one all huge blocks.
inline constexpr std::size_t kHugeBin = kSizeClassCount;
inline constexpr std::size_t kUsedBins = kSizeClassCount + 1;
inline constexpr std::size_t kBins = 74;
inline constexpr std::size_t kChunkBins = 6;
static_assert(kUsedBins <= kBins);

constexpr std::size_t bin_of(SizeClass size_class) { return size_class; }

// Bytes of a bin's blocks; 0 for huge blocks, which differ, and beyond the bins in use.
constexpr std::size_t bin_size(std::size_t bin) {
  return bin < kSizeClassCount ? block_size_of(static_cast<SizeClass>(bin)) : 0;
}

inline constexpr std::size_t kStatisticsVersion = 5;

// The public interface's structure, field by field; src/api checks that they are alike. What a
// number means stands in kStatisticsRows.
//
// Owner:       who made it; a snapshot, shared with nobody
// Shared:      nothing
// Invariants:  none between fields: sums may mix moments
// Life:        all zero -> gathered -> read
struct Statistics {
  std::size_t size = sizeof(Statistics);
  std::size_t version = kStatisticsVersion;

  StatisticsCount pages;
  StatisticsCount reserved;
  StatisticsCount committed;
  StatisticsCounter reset;
  StatisticsCounter purged;
  StatisticsCount page_committed;
  StatisticsCount pages_abandoned;
  StatisticsCount threads;
  StatisticsCount malloc_normal;
  StatisticsCount malloc_huge;
  StatisticsCount malloc_requested;

  StatisticsCounter mmap_calls;
  StatisticsCounter commit_calls;
  StatisticsCounter reset_calls;
  StatisticsCounter purge_calls;
  StatisticsCounter arena_count;
  StatisticsCounter malloc_normal_count;
  StatisticsCounter malloc_huge_count;
  StatisticsCounter malloc_guarded_count;
  StatisticsCounter arena_rollback_count;
  StatisticsCounter arena_purges;
  StatisticsCounter pages_extended;
  StatisticsCounter pages_retire;
  StatisticsCounter page_searches;
  StatisticsCounter page_searches_count;

  StatisticsCount segments;
  StatisticsCount segments_abandoned;
  StatisticsCount segments_cache;
  StatisticsCount segments_reserved;

  StatisticsCount heaps;
  StatisticsCount theaps;
  StatisticsCounter pages_reclaim_on_alloc;
  StatisticsCounter pages_reclaim_on_free;
  StatisticsCounter pages_reabandon_full;
  StatisticsCounter pages_unabandon_busy_wait;
  StatisticsCounter heaps_delete_wait;

  std::array<StatisticsCount, 4> spare_counts;
  std::array<StatisticsCounter, 4> spare_counters;

  std::array<StatisticsCount, kBins> malloc_bins;
  std::array<StatisticsCount, kBins> page_bins;
  std::array<StatisticsCount, kChunkBins> chunk_bins;
};

}  // namespace ashlar
