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
 * @param allow_large accepted; large OS pages are not used yet
 * @param exclusive   whether it serves only heaps that were made for it, by mi_heap_new_in_arena()
 * or mi_heap_new_ex(); blocks that outlive such a heap stay where they are
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
 * @param numa_node    accepted; nodes are not told apart yet
 * @param exclusive    whether it serves only heaps that were made for it, by mi_heap_new_in_arena()
 * or mi_heap_new_ex(); blocks that outlive such a heap stay where they are
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

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_ARENAS_H
