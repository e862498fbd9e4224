// Public interface: realms, isolated sets of heaps with memory of their own, such as one for each
// interpreter of an embedded language. Not for use alone: mimalloc.h includes it.
#ifndef ASHLAR_REALMS_H
#define ASHLAR_REALMS_H

#include <stddef.h>
#if !defined(__cplusplus)
#include <stdbool.h>
#endif

#include "ashlar/attributes.h"
#include "ashlar/heaps.h"

#if defined(__cplusplus)
extern "C" {
#endif

/// Names a realm. A name with NULL inside names none: functions that take it do nothing, and say so
/// (false), but for those whose text says that it means the main realm.
typedef struct {
  void* _mi_subproc_id;  ///< the library's own
} mi_subproc_id_t;

/// Sees a heap of a realm; false ends the visit.
typedef bool(mi_heap_visit_fun)(mi_heap_t* heap, void* arg);

/**
 * @name Realms
 *
 * Every thread is in one realm, at first in the main one. Its malloc, and the heaps and arenas that
 * it makes, are of that realm: pages, orphans and arenas are never shared with another realm. A
 * block may be freed or resized by any thread of any realm, and a heap may be allocated from
 * by any thread that has its handle: its memory stays its realm's.
 *
 * A realm costs a record of about 2 KiB, one of a heap, and address space of the size that the
 * option arena_reserve says from its first allocation on.
 */
/// @{

/// The main realm. Any thread, constant time.
mi_decl_nodiscard mi_decl_export mi_subproc_id_t mi_subproc_main(void) mi_attr_noexcept;

/// The calling thread's realm. Any thread, constant time.
mi_decl_nodiscard mi_decl_export mi_subproc_id_t mi_subproc_current(void) mi_attr_noexcept;

/// A new realm, without a thread in it; a name with NULL inside when memory is short (ENOMEM). Any
/// thread; takes a lock, and time linear in the number of realms.
mi_decl_nodiscard mi_decl_export mi_subproc_id_t mi_subproc_new(void) mi_attr_noexcept;

/**
 * Has the calling thread join a realm, until it ends, calls mi_thread_done() or joins another.
 * @param subproc the main realm's name leads back there; NULL inside: nothing happens
 * What the thread allocated before stays where it is. Its default heap is the realm's main heap
 * from now on. Where memory for the thread's record is short, or the call comes from inside of a
 * deferred free, the thread stays where it is (compare mi_subproc_current()) and the error function
 * hears ENOMEM or EINVAL. Time linear in the pages that the thread owns.
 */
mi_decl_export void mi_subproc_add_current_thread(mi_subproc_id_t subproc) mi_attr_noexcept;

/**
 * Gives a realm up. Its live blocks stay valid and may be freed by any thread, and threads in it
 * stay in it: once the last block is freed and the last thread has left, its memory is unmapped.
 * @param subproc not used any more after the call; the main realm and NULL inside: nothing happens
 * Any thread; threads of the realm may run and free meanwhile, but none may make or delete a heap
 * of it. Time as mi_heap_delete() for each of its heaps.
 */
mi_decl_export void mi_subproc_delete(mi_subproc_id_t subproc) mi_attr_noexcept;

/**
 * Frees all blocks of a realm at once, its heaps, and the realm.
 * @param subproc as for mi_subproc_delete(). If the calling thread is in it, it joins the main
 *                realm first.
 * No other thread may be in the realm, or be using a heap or a block of it. If others are in it,
 * the error function hears EINVAL and the realm is deleted instead, so that nothing is lost (secure
 * and debug builds stop with the message, unless there is an error function).
 */
mi_decl_export void mi_subproc_destroy(mi_subproc_id_t subproc) mi_attr_noexcept;

/**
 * Shows the heaps of a realm to a function, its main heap first.
 * @return whether the function let the visit come to its end; false too for NULL inside, or no
 *         function
 * Any thread; heaps made or given up by others during the visit are shown or not. The function may
 * allocate, and may delete or destroy the heap that it is shown. No lock is held. Linear in the
 * number of heaps if none is given up meanwhile.
 */
mi_decl_export bool mi_subproc_visit_heaps(mi_subproc_id_t subproc, mi_heap_visit_fun* visitor,
                                           void* arg) mi_attr_noexcept;

/**
 * mi_heap_visit_abandoned_blocks() for the heaps of a realm.
 * @param heap_tag those that were made with this tag by mi_heap_new_ex(); -1: all
 */
mi_decl_export bool mi_abandoned_visit_blocks(mi_subproc_id_t subproc_id, int heap_tag,
                                              bool visit_blocks, mi_block_visit_fun* visitor,
                                              void* arg) mi_attr_noexcept;

/// @}

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_REALMS_H
