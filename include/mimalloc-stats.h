// The public interface to statistics as numbers, as JSON and as Prometheus text. For C11 and C++11
// or later. docs/statistics.md tells what each number means, docs/stats.schema.json describes the
// JSON. As a table they come from the functions in ashlar/statistics.h, and from those below.
#ifndef ASHLAR_MIMALLOC_STATS_H
#define ASHLAR_MIMALLOC_STATS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ashlar/realms.h"
#include "mimalloc.h"

/// The version of mi_stats_t. A structure of another version has other fields.
#define MI_STAT_VERSION 5

#if defined(__cplusplus)
extern "C" {
#endif

/// What rises and falls.
typedef struct mi_stat_count_s {
  int64_t total;    ///< all that ever came
  int64_t peak;     ///< the most at a time
  int64_t current;  ///< what there is now
} mi_stat_count_t;

/// What only happens.
typedef struct mi_stat_counter_s {
  int64_t total;  ///< how often, or how much in all
} mi_stat_counter_t;

/// Entries of malloc_bins and page_bins; fewer are in use.
#define MI_STAT_BIN_COUNT 74
/// Entries of chunk_bins.
#define MI_STAT_CHUNK_BIN_COUNT 6

/**
 * All numbers of a realm, a heap or a thread. Amounts are in bytes where it is said, else plain
 * numbers. A block counts with its whole size, which is the request rounded up.
 */
typedef struct mi_stats_s {
  size_t size;     ///< sizeof(mi_stats_t), set by the caller
  size_t version;  ///< MI_STAT_VERSION, set by the caller

  mi_stat_count_t pages;             ///< pages in use, orphans included
  mi_stat_count_t reserved;          ///< bytes of address space held from the system for blocks
  mi_stat_count_t committed;         ///< bytes of it that may be touched
  mi_stat_counter_t reset;           ///< bytes that the system was told it may take
  mi_stat_counter_t purged;          ///< bytes given back while the addresses were kept
  mi_stat_count_t page_committed;    ///< bytes of pages that blocks have been made of
  mi_stat_count_t pages_abandoned;   ///< orphan pages
  mi_stat_count_t threads;           ///< threads that have a heap
  mi_stat_count_t malloc_normal;     ///< bytes of blocks of the size classes
  mi_stat_count_t malloc_huge;       ///< bytes of blocks with a page of their own
  mi_stat_count_t malloc_requested;  ///< bytes as asked for; 0 where that is not kept

  mi_stat_counter_t mmap_calls;            ///< calls that reserve addresses
  mi_stat_counter_t commit_calls;          ///< calls that make reserved memory usable
  mi_stat_counter_t reset_calls;           ///< calls that say which memory may be taken
  mi_stat_counter_t purge_calls;           ///< calls that give memory back
  mi_stat_counter_t arena_count;           ///< arenas made
  mi_stat_counter_t malloc_normal_count;   ///< blocks of the size classes allocated
  mi_stat_counter_t malloc_huge_count;     ///< blocks with a page of their own allocated
  mi_stat_counter_t malloc_guarded_count;  ///< blocks with a guard page allocated
  mi_stat_counter_t arena_rollback_count;  ///< claims of slices that were undone
  mi_stat_counter_t arena_purges;          ///< purges of an arena
  mi_stat_counter_t pages_extended;        ///< extensions of pages by further blocks
  mi_stat_counter_t pages_retire;          ///< empty pages that were kept for a while
  mi_stat_counter_t page_searches;         ///< pages looked at in searches for room
  mi_stat_counter_t page_searches_count;   ///< searches for a page with room

  mi_stat_count_t segments;            ///< always 0
  mi_stat_count_t segments_abandoned;  ///< always 0
  mi_stat_count_t segments_cache;      ///< always 0
  mi_stat_count_t _segments_reserved;  ///< always 0

  mi_stat_count_t heaps;                        ///< heaps, the main heap included
  mi_stat_count_t theaps;                       ///< what threads keep for heaps, one a pair
  mi_stat_counter_t pages_reclaim_on_alloc;     ///< orphan pages that a thread in need took
  mi_stat_counter_t pages_reclaim_on_free;      ///< orphan pages that a thread took by a free
  mi_stat_counter_t pages_reabandon_full;       ///< full pages that their thread let go of
  mi_stat_counter_t pages_unabandon_busy_wait;  ///< waits for a page being let go of
  mi_stat_counter_t heaps_delete_wait;          ///< waits for threads when a heap was deleted

  mi_stat_count_t _spare_counts[4];      ///< for later versions
  mi_stat_counter_t _spare_counters[4];  ///< for later versions

  /// Blocks by size class: mi_stats_get_bin_size() tells the size of an entry. The entry behind the
  /// last with a size is for all huge blocks; those behind that are 0.
  mi_stat_count_t malloc_bins[MI_STAT_BIN_COUNT];
  mi_stat_count_t page_bins[MI_STAT_BIN_COUNT];         ///< pages by the size of their blocks
  mi_stat_count_t chunk_bins[MI_STAT_CHUNK_BIN_COUNT];  ///< always 0
} mi_stats_t;

/// Makes a structure ready to be filled: all zero, with its size and version.
static inline void mi_stats_init(mi_stats_t* stats) mi_attr_noexcept {
  memset(stats, 0, sizeof(*stats));
  stats->size = sizeof(*stats);
  stats->version = MI_STAT_VERSION;
}

/**
 * @name Statistics as numbers
 *
 * The caller sets size and version of the structure, as mi_stats_init() does. Each function fills
 * it and returns true; with another size or version, or without a structure, heap or realm (NULL),
 * it returns false and writes nothing. Time linear in the threads, heaps and pages of what is asked
 * about. Nothing is allocated.
 *
 * Threads: any, at any time; while other threads allocate, one sum may be of a moment a little
 * later than another, but none is further away than the call. A heap or realm that is asked about
 * must not be ended meanwhile.
 */
/// @{

/// The calling thread's realm, its heaps included: the whole process, if it makes no realms.
mi_decl_export bool mi_stats_get(mi_stats_t* stats) mi_attr_noexcept;

/// One heap. What concerns memory from the system and threads is 0 there.
mi_decl_export bool mi_heap_stats_get(mi_heap_t* heap, mi_stats_t* stats) mi_attr_noexcept;

/// A realm, its heaps included.
mi_decl_export bool mi_subproc_stats_get(mi_subproc_id_t subproc_id,
                                         mi_stats_t* stats) mi_attr_noexcept;

/// A realm without its heaps: what concerns memory from the system, and what heaps counted that are
/// gone or were merged by mi_heap_stats_merge_to_subproc().
mi_decl_export bool mi_subproc_stats_get_exclusive(mi_subproc_id_t subproc_id,
                                                   mi_stats_t* stats) mi_attr_noexcept;

/// The bytes of the blocks that entry `bin` of malloc_bins and page_bins counts; they grow with
/// `bin`. 0 for the entry of huge blocks, and beyond it. Any thread, constant time.
mi_decl_nodiscard mi_decl_export size_t mi_stats_get_bin_size(size_t bin) mi_attr_noexcept;

/// Moves what a heap counted so far to its realm, and starts the heap's totals and peaks anew; the
/// realm with its heaps counts as before. Happens by itself when a heap is deleted or destroyed.
/// NULL is left alone.
mi_decl_export void mi_heap_stats_merge_to_subproc(mi_heap_t* heap) mi_attr_noexcept;

/// @}
/**
 * @name Statistics as text for programs
 *
 * @param buf      where the text goes, with a final zero byte; NULL: it is allocated by
 *                 mi_malloc(), and to be freed by mi_free()
 * @param buf_size bytes of `buf`, of no meaning where that is NULL. 32 KiB are enough for any text
 *                 of these
 * @return the text. NULL if `buf` is too small, which is then left as it was: text is never cut.
 *         NULL also if memory is short (ENOMEM), or without a heap, realm or structure
 *
 * Threads: any, as for the numbers, and so is time; nothing but the text is allocated. JSON is one
 * object, as docs/stats.schema.json describes it. Each text also has the figures of the process.
 */
/// @{

/// The calling thread's realm, its heaps included, as JSON.
mi_decl_export char* mi_stats_get_json(size_t buf_size, char* buf) mi_attr_noexcept;

/// A heap as JSON.
mi_decl_export char* mi_heap_stats_get_json(mi_heap_t* heap, size_t buf_size,
                                            char* buf) mi_attr_noexcept;

/// A realm, its heaps included, as JSON.
mi_decl_export char* mi_subproc_stats_get_json(mi_subproc_id_t subproc_id, size_t buf_size,
                                               char* buf) mi_attr_noexcept;

/// A structure that was filled before, as JSON; NULL also if its size or version is another.
mi_decl_export char* mi_stats_as_json(mi_stats_t* stats, size_t buf_size,
                                      char* buf) mi_attr_noexcept;

/// The calling thread's realm, its heaps included, in the text format that Prometheus reads
/// (version 0.0.4, content type text/plain).
mi_decl_export char* ashlar_stats_prometheus(size_t buf_size, char* buf) mi_attr_noexcept;

/// @}
/// @name Statistics as a table, of a heap or a realm
/// As mi_stats_print_out(): one call of `out` a line; `out` NULL: where messages go. Nothing is
/// printed without a heap or realm (NULL).
/// Threads: any, as for the numbers.
/// @{

/// A heap.
mi_decl_export void mi_heap_stats_print_out(mi_heap_t* heap, mi_output_fun* out,
                                            void* arg) mi_attr_noexcept;

/// A realm, its heaps included, and the figures of the process.
mi_decl_export void mi_subproc_stats_print_out(mi_subproc_id_t subproc_id, mi_output_fun* out,
                                               void* arg) mi_attr_noexcept;

/// Each heap of a realm, a table after the other. No heap of it is deleted or destroyed meanwhile.
mi_decl_export void mi_subproc_heap_stats_print_out(mi_subproc_id_t subproc_id, mi_output_fun* out,
                                                    void* arg) mi_attr_noexcept;

/// @}

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_MIMALLOC_STATS_H
