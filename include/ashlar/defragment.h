// Public interface: which blocks a program should move so that memory comes back. For programs that
// know all pointers to their blocks, such as caches and databases. Not for use alone: mimalloc.h
// includes it. docs/defragmentation.md says when it is worth it.
#ifndef ASHLAR_DEFRAGMENT_H
#define ASHLAR_DEFRAGMENT_H

#include <stddef.h>
#if !defined(__cplusplus)
#include <stdbool.h>
#endif

#include "ashlar/attributes.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * @name Defragmentation
 *
 * Threads: any, at any time, each for itself: a thread is told to move blocks in its own pages and
 * in pages that have no owner, such as those of threads that have ended, and never blocks in pages
 * of another thread, which would find out late that they are empty. Other threads may allocate and
 * free meanwhile, but not free the blocks that are offered.
 */
/// @{

/**
 * Says which blocks should move: be allocated anew with the same size, alignment and heap, copied,
 * and freed. Once all of them have, the pages that they lay in are empty and go back. In each size
 * class as many pages are emptied as the rest has room for, those with the fewest blocks first, and
 * of these the ones at high addresses; the room is then filled from the fullest page on. Nothing is
 * advised that can't empty a page, so a program that follows the advice and asks again is told
 * after few rounds that nothing is left to do: mostly after one.
 *
 * Only what is offered can be advised to move: a page is left alone if a single live block of it is
 * not among `blocks`. Offer all movable blocks in one call. The advice holds as long as the calling
 * thread allocates and frees nothing else of these sizes; after that it may move more than it
 * frees, and no harm is done. It need not be followed, or not at once.
 *
 * The call first takes in what other threads have freed of the calling thread's blocks, and
 * releases its empty pages, as mi_collect() does.
 * @param blocks `count` pointers that the library returned, in any order. NULL, pointers that are
 *               not ours and blocks with a page of their own (over 32 KiB) may be among them, and
 *               are not to move. A block that was freed, or is there twice, is a mistake: its whole
 *               page is left alone, also in secure and debug builds
 * @param count  0: nothing is done; NULL for `blocks` or `move` counts as 0
 * @param move   `count` entries, all of which are written: whether the block should move. A byte
 *               each, so that threads may share out the work
 * @param bytes  receives the bytes of physical memory, at most, that come back; NULL: not wanted.
 *               Against the number of blocks it says whether moving is worth it
 * @return how many blocks are to move; 0: nothing is to be gained
 *
 * Takes no memory and does not fail, but for a thread without a heap that can have none: then
 * nothing is to move. Time linear in `count`, in the pages of the thread, and in the blocks of the
 * pages to be emptied, times the logarithm of the pages of a size class. The pages of ended
 * threads that are emptied, or whose room is needed, become the calling thread's.
 */
mi_decl_export size_t ashlar_should_move(void* const* blocks, size_t count, bool* move,
                                         size_t* bytes) mi_attr_noexcept;

/// @}

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_DEFRAGMENT_H
