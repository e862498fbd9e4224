// Public interface: first-class heaps. A heap is a collection of blocks that any thread may
// allocate from; all its blocks can be freed at once. Not for use alone: mimalloc.h includes it.
#ifndef ASHLAR_HEAPS_H
#define ASHLAR_HEAPS_H

#include <stddef.h>
#if !defined(__cplusplus)
#include <stdbool.h>
#endif

#include "ashlar/arenas.h"
#include "ashlar/attributes.h"

#if defined(__cplusplus)
extern "C" {
#endif

/// A heap. Any thread may allocate from it, collect it, delete it or destroy it; a block of it may
/// be freed by any thread at any time, as any block.
typedef struct mi_heap_s mi_heap_t;

/**
 * @name The life of heaps
 *
 * A heap costs a record of 832 bytes, and for each thread that allocates from it a record of 1,856
 * bytes and the pages that this thread uses; both are used again for later heaps. To find its
 * record a thread looks through those of all heaps that it uses, unless it used the same heap last.
 *
 * Threads: any, whichever made the heap; making and ending a heap takes a lock. What must not
 * happen while a heap is ended stands there.
 *
 * NULL instead of a heap means the calling thread's default heap in mi_heap_collect() and in the
 * allocation functions below, and none everywhere else: nothing happens, or the answer is NULL or
 * false.
 *
 * A heap that was deleted or destroyed must not be used any more, by any thread. Who does it
 * nevertheless gets no block and errno EINVAL, or nothing happens, and the error function hears
 * EINVAL: until a later heap gets the same handle, which then is meant. (Release builds look on
 * slow paths only: a thread for which another one deleted its default heap may still get blocks
 * from it before.) Debug and secure builds do the same for what never was a heap's handle, and stop
 * the program if there is no error function.
 */
/// @{

/// A heap of its own; NULL when memory is short (ENOMEM). Any thread, constant time.
mi_decl_nodiscard mi_decl_export mi_heap_t* mi_heap_new(void) mi_attr_noexcept;

/**
 * A heap with a tag.
 * @param heap_tag      any number of the program's; the library only keeps it
 * @param allow_destroy false: mi_heap_destroy() deletes it instead, so that its blocks stay valid
 * @param arena_id      the only arena that it takes memory from; 0: any that serves all
 * @return NULL when memory is short (ENOMEM), or the calling thread's realm has no such arena
 *         (EINVAL, and a warning)
 */
mi_decl_nodiscard mi_decl_export mi_heap_t* mi_heap_new_ex(int heap_tag, bool allow_destroy,
                                                           mi_arena_id_t arena_id) mi_attr_noexcept;

/// A heap that takes memory only from this arena: when that is full its allocations fail. NULL as
/// in mi_heap_new_ex().
mi_decl_nodiscard mi_decl_export mi_heap_t* mi_heap_new_in_arena(mi_arena_id_t arena_id)
    mi_attr_noexcept;

/**
 * Has a heap take new memory from arenas of one NUMA node first, then from those of no node in
 * particular, then from others.
 * @param heap      any heap; NULL is left alone
 * @param numa_node the node; numbers beyond those there are wrap round; below 0: that of the thread
 *                  that allocates, as without this call
 * What the heap has already stays where it is. Where there is one node it has no effect. Any
 * thread, constant time. See mi_manage_os_memory_ex() for arenas of a node.
 */
mi_decl_export void mi_heap_set_numa_affinity(mi_heap_t* heap, int numa_node) mi_attr_noexcept;

/**
 * Gives a heap up; its live blocks stay valid, and belong to the main heap from now on.
 * @param heap not used any more after the call; NULL and the main heap are left alone
 * Other threads may free blocks of the heap meanwhile, but no thread may allocate from it. A
 * thread whose default heap it is gets the main heap at its next slow path. Time linear in the
 * pages of the heap, and in the slices in use if it holds orphan pages or huge blocks; memory that
 * other threads hold for it moves when they next take a slow path, or end.
 */
mi_decl_export void mi_heap_delete(mi_heap_t* heap) mi_attr_noexcept;

/**
 * Frees all blocks of a heap at once, and the heap.
 * @param heap not used any more after the call; NULL and the main heap are left alone
 * No other thread may be using the heap or a block of it at that moment. Debug builds look whether
 * anything in it changes meanwhile: then the error function hears EFAULT, and the heap is deleted
 * instead. Time as mi_heap_delete().
 */
mi_decl_export void mi_heap_destroy(mi_heap_t* heap) mi_attr_noexcept;

/// The heap of malloc, from any thread. It is never deleted.
mi_decl_nodiscard mi_decl_export mi_heap_t* mi_heap_main(void) mi_attr_noexcept;

/// The same: what a deleted default heap is replaced by.
mi_decl_nodiscard mi_decl_export mi_heap_t* mi_heap_get_backing(void) mi_attr_noexcept;

/// The heap that mi_malloc() and malloc use in the calling thread: the main heap, unless
/// mi_heap_set_default() has said otherwise.
mi_decl_nodiscard mi_decl_export mi_heap_t* mi_heap_get_default(void) mi_attr_noexcept;

/**
 * Has mi_malloc() and malloc use this heap in the calling thread.
 * @return the default heap so far; NULL, and nothing changed, for NULL or when memory is short
 */
mi_decl_export mi_heap_t* mi_heap_set_default(mi_heap_t* heap) mi_attr_noexcept;

/// Gives memory back: takes in what other threads have freed of the calling thread's blocks of this
/// heap and releases empty pages; with `force` free memory of all arenas is given to the system.
mi_decl_export void mi_heap_collect(mi_heap_t* heap, bool force) mi_attr_noexcept;

/// @}
/// @name Whose block is it
/// Any value of `p` may be asked for, and is never read through. Constant time.
/// Threads: any, at any time; a block that is asked about must not be freed at the same time, or
/// the answer may be of before or after. `heap` is compared and nothing else.
/// @{

/// The heap that `p`'s block, or the page that `p` points into, belongs to; NULL where it is not
/// ours.
mi_decl_nodiscard mi_decl_export mi_heap_t* mi_heap_of(const void* p) mi_attr_noexcept;

/// Whether `p` points into a page of this heap.
mi_decl_nodiscard mi_decl_export bool mi_heap_contains(const mi_heap_t* heap,
                                                       const void* p) mi_attr_noexcept;

/// Whether `p` is the start of a block of this heap, as an allocation returned it; a block that has
/// been freed cannot be told from a live one.
mi_decl_nodiscard mi_decl_export bool mi_heap_contains_block(mi_heap_t* heap,
                                                             const void* p) mi_attr_noexcept;

/// Whether `p` points into a page of this heap; the same as mi_heap_contains().
mi_decl_nodiscard mi_decl_export bool mi_heap_check_owned(mi_heap_t* heap,
                                                          const void* p) mi_attr_noexcept;

/// Whether `p` points into a page of any heap.
mi_decl_nodiscard mi_decl_export bool mi_any_heap_contains(const void* p) mi_attr_noexcept;

/// @}
/// @name What is in a heap
/// Threads: any, while no other one uses what is visited; more where it is said. The visitor may do
/// anything but end the heap that is visited.
/// @{

/// A run of memory with blocks of one size, as a visitor is shown it.
typedef struct mi_heap_area_s {
  void* blocks;            ///< start of the first block
  size_t reserved;         ///< bytes of the area
  size_t committed;        ///< bytes of it, from `blocks` on, that blocks have been made of so far
  size_t used;             ///< live blocks; what other threads have freed is counted out already
  size_t block_size;       ///< bytes of a block that the program may use
  size_t full_block_size;  ///< bytes from the start of a block to that of the next
  void* reserved1;         ///< of no use to programs; NULL
} mi_heap_area_t;

/**
 * Sees an area, or a block in it.
 * @param area       valid during the call only
 * @param block      the start of a live block; NULL: the call is for the area itself, and comes
 *                   before those for its blocks
 * @param block_size bytes of a block that the program may use
 * @return false: visit nothing more
 * The function may free the block that it is shown, and allocate and free in other heaps. What it
 * allocates in the heap that is visited may be shown to it or not.
 */
typedef bool(mi_cdecl mi_block_visit_fun)(const mi_heap_t* heap, const mi_heap_area_t* area,
                                          void* block, size_t block_size, void* arg);

/**
 * Shows a visitor the areas of a heap: those of all threads that allocated from it, running or
 * ended, with every size of block.
 * @param visit_blocks true: each live block too, once
 * @return whether all was visited; false when the visitor stopped, and for a NULL heap or visitor
 * Any thread, while no other one uses the heap: none allocates from it or frees a block of it, and
 * what they did before happened before this call. Otherwise blocks may be missing or shown although
 * they are free; debug builds report EFAULT when they notice. A block of an aligned allocation is
 * shown by its start, which may lie before the pointer that the program has. In a forked child,
 * free blocks of threads that it lacks may be shown as live. Time linear in the slices in use and
 * in the blocks of the heap; the square of the number of blocks with a mapping of their own.
 * Allocates nothing, holds no lock while the visitor runs, and takes 1.5 KiB of stack beside it.
 */
mi_decl_export bool mi_heap_visit_blocks(const mi_heap_t* heap, bool visit_blocks,
                                         mi_block_visit_fun* visitor, void* arg) mi_attr_noexcept;

/**
 * Shows a visitor the areas of a heap that no thread owns: what threads that ended, or that had no
 * use for full pages, left behind. Blocks with a page of their own (over 32 KiB) have no owner
 * while they live, and are shown by mi_heap_visit_blocks() alone.
 * @return as mi_heap_visit_blocks()
 * Any thread at any time: an area is taken while it is shown, so threads that go on do not disturb
 * the visit; areas that change hands meanwhile are shown or not. The function may free the block
 * that it is shown. Needs no option. Time and stack as mi_heap_visit_blocks().
 */
mi_decl_export bool mi_heap_visit_abandoned_blocks(mi_heap_t* heap, bool visit_blocks,
                                                   mi_block_visit_fun* visitor,
                                                   void* arg) mi_attr_noexcept;

/**
 * A hint for a program that can move its data: whether the page of a block is so empty that
 * allocating the block anew, and freeing this one, is likely to set memory free.
 * @param heap           the block's heap; NULL: the calling thread's default heap
 * @param p              a block
 * @param perc_threshold percent of the page's blocks in use, up to which it counts as empty
 * @return true if no more blocks are in use and the page is not the one that the calling thread
 *         takes its next block of this size from; false for blocks of other heaps, those with a
 *         page of their own, and pointers that are not ours
 * Any thread; the answer may be out of date at once. Constant time.
 */
mi_decl_nodiscard mi_decl_export bool mi_unsafe_heap_page_is_under_utilized(
    mi_heap_t* heap, void* p, size_t perc_threshold) mi_attr_noexcept;

/**
 * How many blocks of a heap are to be guarded by inaccessible pages, in place of the options
 * guarded_sample_rate and guarded_sample_seed: docs/guards.md. A rate other than 0 takes the
 * signals SIGSEGV and SIGBUS, if that is not done; below 1,000 it makes every call of the process
 * slower, for good. Other threads act on it from one of their next slow paths on.
 * @param heap        NULL: the calling thread's default heap
 * @param sample_rate one in so many; 0: none
 * @param seed        of the choice; 0: random
 */
mi_decl_export void mi_heap_guarded_set_sample_rate(mi_heap_t* heap, size_t sample_rate,
                                                    size_t seed) mi_attr_noexcept;
/// Which requests may be guarded, from `min` to `max` bytes, in place of the options guarded_min
/// and guarded_max; none above 32 KiB. `heap` as above.
mi_decl_export void mi_heap_guarded_set_size_bound(mi_heap_t* heap, size_t min,
                                                   size_t max) mi_attr_noexcept;

/// @}
/**
 * @name Allocation from a heap
 *
 * Each is the function without `heap_` in its name, for a block of this heap; what is said there
 * holds here. Resizing functions take a block of any heap, and leave it in its heap where it need
 * not move. NULL means the calling thread's default heap: mi_heap_malloc(NULL, n) is mi_malloc(n).
 *
 * Threads: any, all at once, from the same heap too, but none while the heap is deleted or
 * destroyed, nor later.
 */
/// @{

mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_heap_malloc(mi_heap_t* heap, size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(2);
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_heap_malloc_small(
    mi_heap_t* heap, size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(2);
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_heap_zalloc(mi_heap_t* heap, size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(2);
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_heap_zalloc_small(
    mi_heap_t* heap, size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(2);
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_heap_calloc(mi_heap_t* heap,
                                                                       size_t count, size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size2(2, 3);
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_heap_mallocn(mi_heap_t* heap,
                                                                        size_t count, size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size2(2, 3);

mi_decl_nodiscard mi_decl_export void* mi_heap_realloc(mi_heap_t* heap, void* p,
                                                       size_t newsize) mi_attr_noexcept
    mi_attr_alloc_size(3);
mi_decl_nodiscard mi_decl_export void* mi_heap_reallocn(mi_heap_t* heap, void* p, size_t count,
                                                        size_t size) mi_attr_noexcept
    mi_attr_alloc_size2(3, 4);
mi_decl_nodiscard mi_decl_export void* mi_heap_reallocf(mi_heap_t* heap, void* p,
                                                        size_t newsize) mi_attr_noexcept
    mi_attr_alloc_size(3);
mi_decl_nodiscard mi_decl_export void* mi_heap_rezalloc(mi_heap_t* heap, void* p,
                                                        size_t newsize) mi_attr_noexcept
    mi_attr_alloc_size(3);
mi_decl_nodiscard mi_decl_export void* mi_heap_recalloc(mi_heap_t* heap, void* p, size_t newcount,
                                                        size_t size) mi_attr_noexcept
    mi_attr_alloc_size2(3, 4);

mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_heap_malloc_aligned(
    mi_heap_t* heap, size_t size, size_t alignment) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(2) mi_attr_alloc_align(3);
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_heap_malloc_aligned_at(
    mi_heap_t* heap, size_t size, size_t alignment, size_t offset) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(2);
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_heap_zalloc_aligned(
    mi_heap_t* heap, size_t size, size_t alignment) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(2) mi_attr_alloc_align(3);
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_heap_zalloc_aligned_at(
    mi_heap_t* heap, size_t size, size_t alignment, size_t offset) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(2);
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_heap_calloc_aligned(
    mi_heap_t* heap, size_t count, size_t size, size_t alignment) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size2(2, 3) mi_attr_alloc_align(4);
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_heap_calloc_aligned_at(
    mi_heap_t* heap, size_t count, size_t size, size_t alignment,
    size_t offset) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size2(2, 3);

mi_decl_nodiscard mi_decl_export void* mi_heap_realloc_aligned(mi_heap_t* heap, void* p,
                                                               size_t newsize,
                                                               size_t alignment) mi_attr_noexcept
    mi_attr_alloc_size(3) mi_attr_alloc_align(4);
mi_decl_nodiscard mi_decl_export void* mi_heap_realloc_aligned_at(mi_heap_t* heap, void* p,
                                                                  size_t newsize, size_t alignment,
                                                                  size_t offset) mi_attr_noexcept
    mi_attr_alloc_size(3);
mi_decl_nodiscard mi_decl_export void* mi_heap_rezalloc_aligned(mi_heap_t* heap, void* p,
                                                                size_t newsize,
                                                                size_t alignment) mi_attr_noexcept
    mi_attr_alloc_size(3) mi_attr_alloc_align(4);
mi_decl_nodiscard mi_decl_export void* mi_heap_rezalloc_aligned_at(mi_heap_t* heap, void* p,
                                                                   size_t newsize, size_t alignment,
                                                                   size_t offset) mi_attr_noexcept
    mi_attr_alloc_size(3);
mi_decl_nodiscard mi_decl_export void* mi_heap_recalloc_aligned(mi_heap_t* heap, void* p,
                                                                size_t newcount, size_t size,
                                                                size_t alignment) mi_attr_noexcept
    mi_attr_alloc_size2(3, 4) mi_attr_alloc_align(5);
mi_decl_nodiscard mi_decl_export void* mi_heap_recalloc_aligned_at(mi_heap_t* heap, void* p,
                                                                   size_t newcount, size_t size,
                                                                   size_t alignment,
                                                                   size_t offset) mi_attr_noexcept
    mi_attr_alloc_size2(3, 4);

mi_decl_nodiscard mi_decl_export mi_decl_restrict char* mi_heap_strdup(
    mi_heap_t* heap, const char* s) mi_attr_noexcept mi_attr_malloc;
mi_decl_nodiscard mi_decl_export mi_decl_restrict char* mi_heap_strndup(
    mi_heap_t* heap, const char* s, size_t n) mi_attr_noexcept mi_attr_malloc;
mi_decl_nodiscard mi_decl_export char* mi_heap_realpath(mi_heap_t* heap, const char* fname,
                                                        char* resolved_name) mi_attr_noexcept;

/// mi_new() from a heap. C callers: an exception passes through if the process has a C++ runtime.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_heap_alloc_new(
    mi_heap_t* heap, size_t size) mi_attr_malloc mi_attr_alloc_size(2);
/// mi_new_n() from a heap.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_heap_alloc_new_n(
    mi_heap_t* heap, size_t count, size_t size) mi_attr_malloc mi_attr_alloc_size2(2, 3);

/// @}

#if defined(__cplusplus)
}  // extern "C"
#endif

/// @name Typed helpers for heaps
/// As those of mimalloc.h, for blocks of the heap `hp`.
/// Threads: as the function named.
/// @{
/// mi_heap_malloc() of one `tp`.
#define mi_heap_malloc_tp(tp, hp) ((tp*)mi_heap_malloc(hp, sizeof(tp)))
/// mi_heap_zalloc() of one `tp`.
#define mi_heap_zalloc_tp(tp, hp) ((tp*)mi_heap_zalloc(hp, sizeof(tp)))
/// mi_heap_calloc() of `n` of them.
#define mi_heap_calloc_tp(tp, hp, n) ((tp*)mi_heap_calloc(hp, n, sizeof(tp)))
/// mi_heap_mallocn() of `n` of them.
#define mi_heap_mallocn_tp(tp, hp, n) ((tp*)mi_heap_mallocn(hp, n, sizeof(tp)))
/// mi_heap_reallocn() to `n` of them.
#define mi_heap_reallocn_tp(tp, hp, p, n) ((tp*)mi_heap_reallocn(hp, p, n, sizeof(tp)))
/// mi_heap_recalloc() to `n` of them.
#define mi_heap_recalloc_tp(tp, hp, p, n) ((tp*)mi_heap_recalloc(hp, p, n, sizeof(tp)))
/// @}

#endif  // ASHLAR_HEAPS_H
