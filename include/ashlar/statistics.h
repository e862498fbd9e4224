// Public interface: statistics as text, and what is done with them as a whole. mimalloc-stats.h has
// them as numbers, JSON and Prometheus text. Not for use alone: mimalloc.h includes it.
#ifndef ASHLAR_STATISTICS_H
#define ASHLAR_STATISTICS_H

#include "ashlar/attributes.h"
#include "ashlar/output.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * @name Statistics as a table
 *
 * Counting is exact in every build and costs nothing on the fast paths. Any thread may ask at any
 * time; while other threads allocate, one sum may be of a moment a little later than another, but
 * none is further away than the call. Time linear in the threads, heaps and pages of what is asked
 * about. docs/statistics.md says what each number means. Nothing here allocates.
 */
/// @{

/**
 * Prints the numbers of the calling thread's realm (that is the whole process, if it makes no
 * realms), and the figures of the process. The debug build also prints each size class.
 * @param out a mi_output_fun, called once a line with the argument NULL; or stdout or stderr of
 *            <stdio.h>; or NULL: where messages go
 */
mi_decl_export void mi_stats_print(void* out) mi_attr_noexcept;

/// mi_stats_print() to `out`, one call a line; NULL: where messages go.
mi_decl_export void mi_stats_print_out(mi_output_fun* out, void* arg) mi_attr_noexcept;

/// Prints what the calling thread did, in the same form: what it allocated and what was freed of
/// that. NULL: where messages go.
mi_decl_export void mi_thread_stats_print_out(mi_output_fun* out, void* arg) mi_attr_noexcept;

/// Starts the totals and peaks of the calling thread's realm anew: peaks from what there is now,
/// totals from 0. What other threads count at that moment may be lost or kept.
mi_decl_export void mi_stats_reset(void) mi_attr_noexcept;

/// Does nothing: what threads count is always part of what is told. For programs that call it.
mi_decl_export void mi_stats_merge(void) mi_attr_noexcept;

/// @}

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_STATISTICS_H
