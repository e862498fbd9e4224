// Public interface: thread heaps, what one thread keeps for one heap. A program that allocates from
// a heap in a loop saves the look for it. Not for use alone: mimalloc.h includes it.
#ifndef ASHLAR_THEAPS_H
#define ASHLAR_THEAPS_H

#include <stddef.h>
#if !defined(__cplusplus)
#include <stdbool.h>
#endif

#include "ashlar/attributes.h"
#include "ashlar/heaps.h"

#if defined(__cplusplus)
extern "C" {
#endif

/// What one thread keeps for one heap. Only that thread may use it, until the heap is deleted or
/// destroyed, the thread ends, or it joins another realm; the one exception is named where it is.
typedef struct mi_theap_s mi_theap_t;

/**
 * @name Thread heaps
 *
 * A thread heap that belongs to another thread is refused in debug and secure builds: the error
 * function hears EINVAL, and the block comes from the calling thread's part of the same heap.
 * Release builds do not look. NULL stands for the calling thread's default thread heap.
 */
/// @{

/// The calling thread's part of a heap, made if this is its first use; NULL for a NULL heap, when
/// memory is short (ENOMEM), or where the thread's end was announced already. Time linear in the
/// heaps that the thread uses, constant for the last one.
mi_decl_nodiscard mi_decl_export mi_theap_t* mi_heap_theap(mi_heap_t* heap) mi_attr_noexcept;

/// The calling thread's part of its default heap; NULL as in mi_heap_theap(). Constant time.
mi_decl_nodiscard mi_decl_export mi_theap_t* mi_theap_get_default(void) mi_attr_noexcept;

/**
 * Has mi_malloc() and malloc use this part in the calling thread, as mi_heap_set_default() does.
 * @param theap one of the calling thread's
 * @return the default so far; NULL, and nothing changed, for NULL and for another thread's
 */
mi_decl_export mi_theap_t* mi_theap_set_default(mi_theap_t* theap) mi_attr_noexcept;

/// Takes in what other threads have freed of this part's blocks, and releases empty pages; with
/// `force` free memory of the realm's arenas is given to the system too.
mi_decl_export void mi_theap_collect(mi_theap_t* theap, bool force) mi_attr_noexcept;

/// mi_malloc() from a thread heap.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_theap_malloc(
    mi_theap_t* theap, size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(2);
/// mi_zalloc() from a thread heap.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_theap_zalloc(
    mi_theap_t* theap, size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(2);
/// mi_calloc() from a thread heap.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_theap_calloc(mi_theap_t* theap,
                                                                        size_t count, size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size2(2, 3);
/// mi_malloc_small() from a thread heap.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_theap_malloc_small(
    mi_theap_t* theap, size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(2);
/// mi_zalloc_small() from a thread heap.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_theap_zalloc_small(
    mi_theap_t* theap, size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(2);
/// mi_malloc_aligned() from a thread heap.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_theap_malloc_aligned(
    mi_theap_t* theap, size_t size, size_t alignment) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(2) mi_attr_alloc_align(3);
/// mi_realloc() of any block, to a block of this thread heap where it has to move.
mi_decl_nodiscard mi_decl_export void* mi_theap_realloc(mi_theap_t* theap, void* p,
                                                        size_t newsize) mi_attr_noexcept
    mi_attr_alloc_size(3);

/**
 * Shows a visitor the areas that a thread heap owns, as mi_heap_visit_blocks() does for a heap:
 * without what the thread let go of because it was full, and without blocks that have a page of
 * their own (over 32 KiB).
 * @param theap any thread's that does not use it during the visit; NULL: false
 */
mi_decl_export bool mi_theap_visit_blocks(const mi_theap_t* theap, bool visit_blocks,
                                          mi_block_visit_fun* visitor, void* arg) mi_attr_noexcept;

/// mi_heap_guarded_set_sample_rate() for a thread heap.
mi_decl_export void mi_theap_guarded_set_sample_rate(mi_theap_t* theap, size_t sample_rate,
                                                     size_t seed) mi_attr_noexcept;
/// mi_heap_guarded_set_size_bound() for a thread heap.
mi_decl_export void mi_theap_guarded_set_size_bound(mi_theap_t* theap, size_t min,
                                                    size_t max) mi_attr_noexcept;

/// @}

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_THEAPS_H
