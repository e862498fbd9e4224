/* Statistics from plain C11: the structure and its helper, and a text that the library allocates.
   stats_test.cc calls this. */
#include <mimalloc-stats.h>

_Static_assert(MI_STAT_VERSION == 5, "the version of the structure");
_Static_assert(sizeof(mi_stat_count_t) == 3 * sizeof(int64_t), "a count");
_Static_assert(sizeof(mi_stat_counter_t) == sizeof(int64_t), "a counter");
_Static_assert(offsetof(mi_stats_t, pages) == 2 * sizeof(size_t), "size and version come first");
_Static_assert(sizeof(((mi_stats_t*)0)->malloc_bins) == 74 * sizeof(mi_stat_count_t), "bins");
_Static_assert(sizeof(((mi_stats_t*)0)->page_bins) == 74 * sizeof(mi_stat_count_t), "bins");
_Static_assert(sizeof(((mi_stats_t*)0)->chunk_bins) == 6 * sizeof(mi_stat_count_t), "chunk bins");
_Static_assert(sizeof(mi_stats_t) == 2 * sizeof(size_t) +
                                         (15 + 4 + 74 + 74 + 6) * sizeof(mi_stat_count_t) +
                                         (2 + 14 + 5 + 4) * sizeof(mi_stat_counter_t),
               "named ones, spare ones, bins");

int64_t live_bytes_as_c_reads_them(void);
char* statistics_json_as_c_reads_it(mi_heap_t* heap);

int64_t live_bytes_as_c_reads_them(void) {
  mi_stats_t stats;
  mi_stats_init(&stats);
  return mi_stats_get(&stats) ? stats.malloc_normal.current : -1;
}

char* statistics_json_as_c_reads_it(mi_heap_t* heap) {
  return heap == NULL ? mi_stats_get_json(0, NULL) : mi_heap_stats_get_json(heap, 0, NULL);
}
