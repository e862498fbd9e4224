// Public interface: the options by number and the calls that read and set them. The numbers are
// part of the binary interface and never change. Not for use alone: mimalloc.h includes it.
#ifndef ASHLAR_OPTIONS_H
#define ASHLAR_OPTIONS_H

#include <stddef.h>
#if !defined(__cplusplus)
#include <stdbool.h>
#endif

#include "ashlar/attributes.h"
#include "ashlar/output.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * The options. Each is read once from the environment, as `ASHLAR_<NAME>` or `MIMALLOC_<NAME>` in
 * any letter case: a number, or one of 1 TRUE YES ON 0 FALSE NO OFF; sizes take K M G, KiB MiB
 * GiB. An empty value is 1; a bad one is reported and the default (in brackets) stays.
 *
 * Of these, show_errors, verbose, max_errors, max_warnings, purge_delay, arena_purge_mult,
 * arena_reserve and disallow_os_alloc (limit_os_alloc) act in this version. The others are read,
 * set and kept like them, and have no effect yet.
 */
typedef enum mi_option_e {
  mi_option_show_errors = 0,                ///< print error messages [0; debug build: 1]
  mi_option_show_stats = 1,                 ///< print statistics at exit [0]
  mi_option_verbose = 2,                    ///< print what happens; 2 traces [0]
  mi_option_eager_commit = 3,               ///< commit eagerly [1]
  mi_option_arena_eager_commit = 4,         ///< commit arenas at once; 2: if the OS overcommits [2]
  mi_option_purge_decommits = 5,            ///< purge by decommit, else by reset [1]
  mi_option_allow_large_os_pages = 6,       ///< use 2 MiB OS pages [0]
  mi_option_reserve_huge_os_pages = 7,      ///< reserve this many 1 GiB pages at start [0]
  mi_option_reserve_huge_os_pages_at = 8,   ///< at this NUMA node; -1: interleaved [-1]
  mi_option_reserve_os_memory = 9,          ///< reserve this much at start; a size [0]
  mi_option_deprecated_segment_cache = 10,  ///< accepted, no effect [0]
  mi_option_deprecated_page_reset = 11,     ///< accepted, no effect [0]
  mi_option_abandoned_page_purge = 12,      ///< purge a thread's free memory when it ends [0]
  mi_option_deprecated_segment_reset = 13,  ///< accepted, no effect [0]
  mi_option_eager_commit_delay = 14,        ///< accepted, no effect [1]
  mi_option_purge_delay = 15,               ///< milliseconds before a purge; <0: never [10]
  mi_option_use_numa_nodes = 16,            ///< NUMA nodes to use; 0: all there are [0]
  mi_option_disallow_os_alloc = 17,         ///< only reserved arenas [0]
  mi_option_os_tag = 18,                    ///< memory tag (macOS) [100]
  mi_option_max_errors = 19,                ///< error messages to print; <0: no limit [16]
  mi_option_max_warnings = 20,              ///< warnings to print; <0: no limit [16]
  mi_option_max_segment_reclaim = 21,       ///< accepted, no effect [8]
  mi_option_destroy_on_exit = 22,           ///< free everything at exit [0]
  mi_option_arena_reserve = 23,             ///< size of a reserved arena; a size [1 GiB]
  mi_option_arena_purge_mult = 24,          ///< multiplies purge_delay for arenas [10]
  mi_option_purge_extend_delay = 25,        ///< accepted [1]
  mi_option_disallow_arena_alloc = 26,      ///< take memory from the OS, never from arenas [0]
  mi_option_retry_on_oom = 27,              ///< milliseconds to retry for when out of memory [400]
  mi_option_visit_abandoned = 28,           ///< allow visits of orphan pages [0]
  mi_option_guarded_min = 29,               ///< smallest request to guard [0]
  mi_option_guarded_max = 30,               ///< largest request to guard [1 GiB]
  mi_option_guarded_precise = 31,           ///< put the block's end right before the guard [0]
  mi_option_guarded_sample_rate = 32,       ///< guard one in so many requests; 0: none [0]
  mi_option_guarded_sample_seed = 33,       ///< seed of that sampling; 0: random [0]
  mi_option_generic_collect = 34,           ///< slow paths between two collects [10000]
  mi_option_page_reclaim_on_free = 35,      ///< take over orphans when freeing into them [0]
  mi_option_page_full_retain = 36,          ///< full pages kept per size class [2]
  mi_option_page_max_candidates = 37,       ///< pages looked at for room [4]
  mi_option_max_vabits = 38,                ///< no effect: all addresses are covered [0]
  mi_option_pagemap_commit = 39,            ///< no effect: it is touched as used [0]
  mi_option_page_commit_on_demand = 40,     ///< commit pages as they fill [0]
  mi_option_page_max_reclaim = 41,          ///< orphans to adopt per size class; <0: no limit [-1]
  mi_option_page_cross_thread_max_reclaim = 42,  ///< the same for other threads' orphans [16]
  mi_option_allow_thp = 43,                      ///< allow transparent huge pages [1]
  mi_option_minimal_purge_size = 44,     ///< smallest piece to purge; a size, 0: by itself [0]
  mi_option_arena_max_object_size = 45,  ///< larger blocks come from the OS; a size [2 GiB]
  mi_option_arena_is_numa_local = 46,    ///< bind arenas to the node that asks [0]
  mi_option_soft_limit = 47,             ///< KiB touched that make free memory go back [0: none]
  mi_option_hard_limit = 48,             ///< KiB touched that no request may pass [0: none]
  mi_option_limit_from_cgroup = 49,      ///< take both limits from the control group [0]
  mi_option_purge_thread = 50,           ///< a thread purges in time, in processes with several [1]
  mi_option_hollow_pages = 51,           ///< free OS pages within idle pages go back [1]
  mi_option_guarded = 52,                ///< guard some blocks, one in 50000 without a rate [0]
  mi_option_guarded_pool = 53,           ///< guarded blocks at a time, freed ones included [1024]
  mi_option_guard_pages = 54,            ///< secure: guards 0: none; 1: large; 2: all pages [1]
  mi_option_zero_on_free = 55,           ///< secure: freed blocks are cleared at once [0]
  mi_option_quarantine = 56,             ///< secure, debug: KiB of freed blocks that wait [0]
  mi_option_show_leaks = 57,             ///< the live blocks are listed at exit [0]
  mi_option_tool_held_back = 58,         ///< KiB of freed blocks kept under a sanitizer [32768]
  mi_option_allocation_sites = 59,       ///< debug: note where blocks are allocated and freed [0]
  _mi_option_last,                       ///< one past the last option

  // Other names of the same numbers, for programs that use them.
  mi_option_deprecated_eager_commit = mi_option_eager_commit,
  mi_option_eager_region_commit = mi_option_arena_eager_commit,
  mi_option_reset_decommits = mi_option_purge_decommits,
  mi_option_large_os_pages = mi_option_allow_large_os_pages,
  mi_option_abandoned_page_reset = mi_option_abandoned_page_purge,
  mi_option_deprecated_abandoned_page_purge = mi_option_abandoned_page_purge,
  mi_option_deprecated_eager_commit_delay = mi_option_eager_commit_delay,
  mi_option_reset_delay = mi_option_purge_delay,
  mi_option_limit_os_alloc = mi_option_disallow_os_alloc,
  mi_option_deprecated_max_segment_reclaim = mi_option_max_segment_reclaim,
  mi_option_decommit_extend_delay = mi_option_purge_extend_delay,
  mi_option_deprecated_purge_extend_delay = mi_option_purge_extend_delay
} mi_option_t;

/// @name Options
/// Constant time. A number that is no option reads as 0 and is ignored when set; a value outside an
/// option's range becomes its nearest end. docs/options.md says what each option does, whether it
/// acts at once or at start only, and which have no effect.
/// Threads: any, at any time, all at once; each option is read and written as a whole. Other
/// threads act on a new value from their next slow path on. Setting the options of arenas takes a
/// lock.
/// @{

/// Whether the option is not 0.
mi_decl_nodiscard mi_decl_export bool mi_option_is_enabled(mi_option_t option) mi_attr_noexcept;
/// Sets the option to 1.
mi_decl_export void mi_option_enable(mi_option_t option) mi_attr_noexcept;
/// Sets the option to 0.
mi_decl_export void mi_option_disable(mi_option_t option) mi_attr_noexcept;
/// Sets the option to 1 or 0.
mi_decl_export void mi_option_set_enabled(mi_option_t option, bool enable) mi_attr_noexcept;
/// Sets the option to 1 or 0 unless the environment or an earlier call has set it.
mi_decl_export void mi_option_set_enabled_default(mi_option_t option, bool enable) mi_attr_noexcept;

/// The option's value; in KiB if it is a size.
mi_decl_nodiscard mi_decl_export long mi_option_get(mi_option_t option) mi_attr_noexcept;
/// mi_option_get(), but at least `min` and at most `max`.
mi_decl_nodiscard mi_decl_export long mi_option_get_clamp(mi_option_t option, long min,
                                                          long max) mi_attr_noexcept;
/// The option's value; in bytes if it is a size. 0 for a negative value.
mi_decl_nodiscard mi_decl_export size_t mi_option_get_size(mi_option_t option) mi_attr_noexcept;
/// Sets the option; in KiB if it is a size.
mi_decl_export void mi_option_set(mi_option_t option, long value) mi_attr_noexcept;
/// Sets the option unless the environment or an earlier call has set it.
mi_decl_export void mi_option_set_default(mi_option_t option, long value) mi_attr_noexcept;

/// @}
/// @name The table of options
/// A line that explains it, then for each option a `*` if it was set, its number, name, value with
/// its unit, and meaning. Allocates nothing.
/// Threads: any, at any time; each line is read when it is printed, so that a change by another
/// thread meanwhile may show in part.
/// @{

/// Prints the table where messages go: to the function of mi_register_output(), else to stderr.
mi_decl_export void mi_options_print(void) mi_attr_noexcept;
/// Prints the table to `out`, one call a line; NULL: as mi_options_print().
mi_decl_export void mi_options_print_out(mi_output_fun* out, void* arg) mi_attr_noexcept;

/// @}

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_OPTIONS_H
