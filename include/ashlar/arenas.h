// Public interface: arenas, the address ranges that heaps take their memory from, reserved in
// advance or brought by the program. Not for use alone: mimalloc.h includes it.
#ifndef ASHLAR_ARENAS_H
#define ASHLAR_ARENAS_H

#include <stddef.h>
#if !defined(__cplusplus)
#include <stdbool.h>
#endif

#include "ashlar/attributes.h"

#if defined(__cplusplus)
extern "C" {
#endif

/// Names an arena; 0 names none. Numbers are not given twice.
typedef int mi_arena_id_t;

/// @name Arenas
/// @{

/**
 * Reserves an arena from the system.
 * @param size        bytes, rounded up to 4 MiB; its metadata takes about 0.5 % of them
 * @param commit      whether all of it may be touched at once; otherwise slices are committed when
 *                    they are claimed
 * @param allow_large whether large OS pages (2 MiB) are tried. With `commit`, they are set aside at
 *                    once and never given back; where the system has not got enough of them, and
 *                    without `commit`, ordinary pages are used that the system may put together
 * @param exclusive   whether it serves only heaps that were made for it, by mi_heap_new_in_arena()
 *                    or mi_heap_new_ex(); blocks that outlive such a heap stay where they are
 * @param arena_id    receives its name if not NULL; untouched on failure
 * @return 0, or ENOMEM: no memory, or all of the 112 arenas are there
 * Any thread; takes a lock.
 */
mi_decl_export int mi_reserve_os_memory_ex(size_t size, bool commit, bool allow_large,
                                           bool exclusive,
                                           mi_arena_id_t* arena_id) mi_attr_noexcept;

/// mi_reserve_os_memory_ex() of an arena that serves all heaps.
mi_decl_export int mi_reserve_os_memory(size_t size, bool commit,
                                        bool allow_large) mi_attr_noexcept;

/**
 * Makes an arena of memory that the program owns and keeps: it is never unmapped.
 * @param start        its first byte; what is not aligned to 4 MiB is left out
 * @param size         bytes; at least mi_arena_min_size() from the first aligned address on
 * @param is_committed whether all of it may be touched; if not the library commits parts of it
 * @param is_pinned    whether it must not be purged: large or locked pages, files, shared memory
 * @param is_zero      whether all of it reads as zero now
 * @param numa_node    the node that it is of; numbers beyond those there are wrap round; below 0:
 *                     any. A thread takes memory of its own node first
 * @param exclusive    whether it serves only heaps that were made for it, by mi_heap_new_in_arena()
 *                    or mi_heap_new_ex(); blocks that outlive such a heap stay where they are
 * @param arena_id     receives its name if not NULL; untouched on failure
 * @return false, and nothing changed, where the memory is too small, cannot be committed, or all of
 *         the 112 arenas are there
 */
mi_decl_export bool mi_manage_os_memory_ex(void* start, size_t size, bool is_committed,
                                           bool is_pinned, bool is_zero, int numa_node,
                                           bool exclusive,
                                           mi_arena_id_t* arena_id) mi_attr_noexcept;

/// mi_manage_os_memory_ex() of an arena that serves all heaps.
mi_decl_export bool mi_manage_os_memory(void* start, size_t size, bool is_committed, bool is_pinned,
                                        bool is_zero, int numa_node) mi_attr_noexcept;

/**
 * What commits and decommits parts of an arena in the library's place.
 * @param commit   true: make the range accessible; false: give its pages back, it will not be
 *                 touched until it is committed again
 * @param start    aligned to 64 KiB
 * @param size     bytes, a multiple of 64 KiB
 * @param is_zero  where `commit`, set it to true if the range reads as zero now; it is false before
 * @param user_arg as given to mi_manage_memory()
 * @return false: failed, and the range is as it was. A failed commit makes an allocation look
 *         elsewhere, or fail
 * Called by any thread, several at once, with no lock of the library held; it may allocate and
 * free. Meanwhile the thread gets no memory that would need such a call.
 */
typedef bool(mi_cdecl mi_commit_fun_t)(bool commit, void* start, size_t size, bool* is_zero,
                                       void* user_arg);

/**
 * mi_manage_os_memory_ex() of memory that a function of the program commits and decommits.
 * @param commit_fun     that function; NULL: the library does it. If `is_committed` is false it is
 *                       called at once for the metadata. It decommits free memory after the delay
 *                       of the option purge_delay, or when heaps are collected by force; never
 *                       where `is_pinned`
 * @param commit_fun_arg handed to it; both are used as long as the process lives
 * The other parameters, and the result, are those of mi_manage_os_memory_ex().
 */
mi_decl_export bool mi_manage_memory(void* start, size_t size, bool is_committed, bool is_pinned,
                                     bool is_zero, int numa_node, bool exclusive,
                                     mi_commit_fun_t* commit_fun, void* commit_fun_arg,
                                     mi_arena_id_t* arena_id) mi_attr_noexcept;

/// Where an arena lies and, in *size, how many bytes it has; NULL and 0 where there is none of this
/// name. `size` may be NULL.
mi_decl_nodiscard mi_decl_export void* mi_arena_area(mi_arena_id_t arena_id,
                                                     size_t* size) mi_attr_noexcept;

/// Whether an address lies in the arena. Constant time.
mi_decl_nodiscard mi_decl_export bool mi_arena_contains(mi_arena_id_t arena_id,
                                                        const void* p) mi_attr_noexcept;

/// The alignment in bytes of the memory that arenas are made of: mi_manage_os_memory() leaves out
/// what comes before the first such address.
mi_decl_nodiscard mi_decl_export size_t mi_arena_min_alignment(void) mi_attr_noexcept;

/// The least bytes of aligned memory that mi_manage_os_memory() takes.
mi_decl_nodiscard mi_decl_export size_t mi_arena_min_size(void) mi_attr_noexcept;

/**
 * Draws all arenas where messages go: to the function of mi_register_output(), else to stderr. For
 * each a line with its name, place and figures, then a character a slice of 64 KiB, 64 to a line:
 * `m` metadata, `#` the first slice of a page and `=` its others, `w` free and waiting to be
 * purged, `p` purged, `d` free and not known to be zero, `.` free and never touched, `,` not
 * committed. Lines of slices that were never touched are left out, and counted. Any thread; slices
 * that change hands meanwhile may be drawn as before or after. Allocates nothing.
 */
mi_decl_export void mi_arenas_print(void) mi_attr_noexcept;
/// The same under its earlier name.
mi_decl_export void mi_debug_show_arenas(void) mi_attr_noexcept;

/// @}
/// @name Huge OS pages
/// Pages of 1 GiB that the administrator has set aside (Linux: /proc/sys/vm/nr_hugepages and the
/// tool hugeadm). They are taken one at a time, at once, and kept for the life of the process.
/// Where they are not all to be had, a warning says so. A child of fork needs further ones for
/// those that it writes into. Any thread; time linear in the pages, which the system clears.
/// @{

/**
 * Reserves an arena of huge OS pages.
 * @param pages         how many are wanted; 0 does nothing
 * @param numa_node     whose memory is preferred; numbers beyond those there are wrap round; below
 *                      0: any
 * @param timeout_msecs milliseconds: no further page is taken once they are over, or if the whole
 *                      would take longer at the pace so far; 0: no limit
 * @param exclusive     whether it serves only heaps made by mi_heap_new_in_arena()
 * @param arena_id      receives its name if not NULL; untouched on failure
 * @return 0, also where there are fewer pages than wanted (mi_arena_area() tells how many); ENOMEM
 *         where there is none, and then nothing has changed
 */
mi_decl_export int mi_reserve_huge_os_pages_at_ex(size_t pages, int numa_node, size_t timeout_msecs,
                                                  bool exclusive,
                                                  mi_arena_id_t* arena_id) mi_attr_noexcept;

/// mi_reserve_huge_os_pages_at_ex() of an arena that serves all heaps.
mi_decl_export int mi_reserve_huge_os_pages_at(size_t pages, int numa_node,
                                               size_t timeout_msecs) mi_attr_noexcept;

/**
 * Reserves huge OS pages spread evenly over NUMA nodes, in an arena for each; those left over go to
 * the first nodes. All heaps are served.
 * @param pages         how many are wanted; 0 does nothing
 * @param numa_nodes    how many nodes; 0: all there are
 * @param timeout_msecs milliseconds for all, of which each node gets an equal part and 50 more; 0:
 *                      no limit
 * @return 0, or ENOMEM where no node had any
 */
mi_decl_export int mi_reserve_huge_os_pages_interleave(size_t pages, size_t numa_nodes,
                                                       size_t timeout_msecs) mi_attr_noexcept;

/**
 * The same over all nodes, under an earlier name.
 * @param pages          how many are wanted
 * @param max_secs       seconds for all; 0: no limit
 * @param pages_reserved receives how many there are now, if not NULL
 * @return 0, or ENOMEM where there are none
 */
mi_decl_export int mi_reserve_huge_os_pages(size_t pages, double max_secs,
                                            size_t* pages_reserved) mi_attr_noexcept;

/// @}

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_ARENAS_H
