// The public interface of Ashlar in the names that many programs already speak: allocation,
// sizes, typed helpers, and through the headers in ashlar/ alignment, strings, the `new` family,
// heaps, arenas, options, tables of statistics and process-wide calls. For C11 and C++11 or later.
// It declares exactly what the library exports, but for what mimalloc-stats.h adds.
#ifndef ASHLAR_MIMALLOC_H
#define ASHLAR_MIMALLOC_H

/// The version of the interface: major * 10000 + minor * 100 + patch. See mi_version().
#define MI_MALLOC_VERSION 30403

#include <stddef.h>
#if !defined(__cplusplus)
#include <stdbool.h>
#endif

#include "ashlar/attributes.h"

/// The largest request, in machine words, that the `_small` functions take.
#define MI_SMALL_WSIZE_MAX 128
/// The same in bytes: 1024 where a word has 8 bytes.
#define MI_SMALL_SIZE_MAX (MI_SMALL_WSIZE_MAX * sizeof(void*))

/**
 * @file
 * What holds for every function of this interface unless its own text says otherwise:
 *
 * - Sizes, alignments and offsets are in bytes. A product `count * size` is checked for overflow.
 * - Alignment: a block of 16 or more bytes is aligned to 16, a smaller one to 8.
 * - Threads: any thread may call any function at any time, before main() and after it too, and may
 *   free or resize a block that another thread allocated. Each group of functions says under
 *   "Threads:" what must not happen at the same time. None of them may be called from a signal
 * handler that may interrupt another, nor may a thread be cancelled or leave by longjmp() out of a
 * function that the library calls.
 * - Calls from inside: the functions of the program's that the library calls (output, errors,
 *   deferred frees, visitors, new handlers, commit functions) may call anything here but what their
 *   own text excludes. They are called with no lock held.
 * - Failure of an allocation: NULL, errno is ENOMEM, nothing lost, and the function given to
 *   mi_register_error() hears ENOMEM, or EOVERFLOW for a request over PTRDIFF_MAX (an
 *   overflowing product included). Before failing for lack of memory the library collects by
 *   force and tries once more. Success leaves errno as it was.
 * - A pointer that is not a live block of this library: a message `ashlar: error: NAME: invalid
 *   pointer ...` where NAME is free, realloc or usable_size, shown if the option show_errors is
 *   on; the error function hears EINVAL. In the release build the call then does nothing; secure
 *   and debug builds stop the program, unless there is an error function. The same holds for the
 *   handle of a heap that was deleted: no block, errno EINVAL.
 * - Cost: a small request (up to MI_SMALL_SIZE_MAX) and the free of its block take constant time
 *   but for a slow path after many calls; larger requests may ask the system.
 */

#if defined(__cplusplus)
extern "C" {
#endif

/// @name Allocation
/// Threads: any, at any time, all at once.
/// @{

/**
 * Allocates a block.
 * @param size bytes wanted; 0 gives a unique block that may be freed but not read
 * @return the block, its bytes unspecified; NULL on failure (ENOMEM)
 */
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_malloc(size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);

/**
 * mi_malloc() for a request known to be small.
 * @param size bytes wanted, at most MI_SMALL_SIZE_MAX (a larger one is served as well)
 */
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_malloc_small(size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);

/// Like mi_malloc(), the block's bytes all zero; memory known to be zero is not cleared again.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_zalloc(size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);

/// Like mi_malloc_small(), the block's bytes all zero.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_zalloc_small(size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);

/**
 * Allocates an array of zeroed elements.
 * @return a block of count * size bytes, all zero; NULL on failure, an overflowing product
 *         included (ENOMEM)
 */
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_calloc(size_t count, size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size2(1, 2);

/// Like mi_calloc(), the bytes unspecified.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_mallocn(size_t count, size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size2(1, 2);

/// @}
/// @name Resizing
/// Threads: any, whichever allocated the block; no other thread may free, resize, read or write the
/// same block at the same time.
/// @{

/**
 * Changes the size of a block and keeps its first bytes.
 *
 * In place when the new size fits and is at least half of the old usable size, or rounds to the
 * same block; otherwise a new block, the old one freed. Takes time linear in the bytes kept when
 * the block moves, except that large blocks may be moved page by page without copying.
 * @param p       a block, or NULL: then this is mi_malloc(newsize)
 * @param newsize bytes wanted; 0 gives a live block of size 0 (never NULL for lack of size),
 *                whose first byte is cleared
 * @return the block, aligned like mi_malloc()'s; NULL on failure, with `p` still valid and as it
 *         was (ENOMEM)
 */
mi_decl_nodiscard mi_decl_export void* mi_realloc(void* p, size_t newsize) mi_attr_noexcept
    mi_attr_alloc_size(2);

/// mi_realloc() to count * size bytes; an overflowing product fails and leaves `p` as it was.
mi_decl_nodiscard mi_decl_export void* mi_reallocn(void* p, size_t count,
                                                   size_t size) mi_attr_noexcept
    mi_attr_alloc_size2(2, 3);

/// mi_realloc() that frees `p` when it fails, so that `p = mi_reallocf(p, n)` never leaks.
mi_decl_nodiscard mi_decl_export void* mi_reallocf(void* p, size_t newsize) mi_attr_noexcept
    mi_attr_alloc_size(2);

/**
 * mi_realloc() whose new bytes are zero.
 * @param p NULL, or a block that was allocated zeroed and whose bytes beyond its size were never
 *          written: the part from the old usable size on is cleared, the last word of the old
 *          block included
 */
mi_decl_nodiscard mi_decl_export void* mi_rezalloc(void* p, size_t newsize) mi_attr_noexcept
    mi_attr_alloc_size(2);

/// mi_rezalloc() to newcount * size bytes; an overflowing product fails and leaves `p` as it was.
mi_decl_nodiscard mi_decl_export void* mi_recalloc(void* p, size_t newcount,
                                                   size_t size) mi_attr_noexcept
    mi_attr_alloc_size2(2, 3);

/// BSD's overflow-checked realloc: mi_reallocn() under the name that systems know.
mi_decl_nodiscard mi_decl_export void* mi_reallocarray(void* p, size_t count,
                                                       size_t size) mi_attr_noexcept
    mi_attr_alloc_size2(2, 3);

/**
 * NetBSD's form of the same: `p` is the address of a pointer variable.
 * @param p address of the pointer to a block or to NULL; updated on success only
 * @return 0, or EINVAL if `p` is NULL, or ENOMEM; errno is set to the same code
 */
mi_decl_export int mi_reallocarr(void* p, size_t count, size_t size) mi_attr_noexcept;

/**
 * Resizes a block without moving it. Constant time.
 * @return `p` if it is not NULL and `newsize` is at most mi_usable_size(p); otherwise NULL and
 *         the block as it was. Not an error: errno and the error function are left alone.
 */
mi_decl_export void* mi_expand(void* p, size_t newsize) mi_attr_noexcept;

/// mi_expand() under the name that Windows' C library uses.
mi_decl_export void* mi__expand(void* p, size_t newsize) mi_attr_noexcept;

/// @}
/// @name Freeing
/// Any of these frees any block of this library, however it was allocated and aligned. errno
/// stays as it was. NULL is accepted and does nothing.
/// Threads: any, whichever allocated the block; each block once, and no other thread may use it at
/// the same time.
/// @{

/// Frees a block.
mi_decl_export void mi_free(void* p) mi_attr_noexcept;

/// mi_free() for NULL or a block that one of the `_small` functions returned.
mi_decl_export void mi_free_small(void* p) mi_attr_noexcept;

/// mi_free() with the size that was asked for (or anything up to the usable size); checked in
/// debug and secure builds.
mi_decl_export void mi_free_size(void* p, size_t size) mi_attr_noexcept;

/// mi_free() with the alignment that was asked for; checked in debug and secure builds.
mi_decl_export void mi_free_aligned(void* p, size_t alignment) mi_attr_noexcept;

/// mi_free() with both; checked in debug and secure builds.
mi_decl_export void mi_free_size_aligned(void* p, size_t size, size_t alignment) mi_attr_noexcept;

/// mi_free() if `p` is inside memory of this library, else nothing at all and no message: for
/// pointers that may come from another allocator. Constant time; reads nothing behind `p`.
mi_decl_export void mi_cfree(void* p) mi_attr_noexcept;

/// @}
/// @name Sizes and questions
/// All of them take constant time and change nothing.
/// Threads: any, at any time; a block that is asked about must not be freed or resized at the same
/// time.
/// @{

/**
 * The bytes of a block that the program may use: at least what it asked for.
 * @param p a block, or NULL
 * @return bytes from `p` on; 0 for NULL and, after the message, for an invalid pointer
 */
mi_decl_nodiscard mi_decl_export size_t mi_usable_size(const void* p) mi_attr_noexcept;
/// mi_usable_size() under glibc's name.
mi_decl_nodiscard mi_decl_export size_t mi_malloc_usable_size(const void* p) mi_attr_noexcept;
/// mi_usable_size() under macOS's name.
mi_decl_nodiscard mi_decl_export size_t mi_malloc_size(const void* p) mi_attr_noexcept;

/// What a request for `size` bytes rounds to: asking for so much costs no more memory. At least
/// `size`; never less for a larger `size`; mi_good_size(mi_good_size(n)) is mi_good_size(n).
/// A size over PTRDIFF_MAX comes back unchanged.
mi_decl_nodiscard mi_decl_export size_t mi_good_size(size_t size) mi_attr_noexcept;
/// mi_good_size() under macOS's name.
mi_decl_nodiscard mi_decl_export size_t mi_malloc_good_size(size_t size) mi_attr_noexcept;

/// Whether `p` (any value at all, never read through) points into memory that the library holds
/// from the system for blocks.
mi_decl_nodiscard mi_decl_export bool mi_is_in_heap_region(const void* p) mi_attr_noexcept;

/// Whether `p` (any value at all) points into a page of blocks of the calling thread's heap.
mi_decl_nodiscard mi_decl_export bool mi_check_owned(const void* p) mi_attr_noexcept;

/// @}
/// @name Blocks with their sizes
/// The same calls, reporting the usable size of the block in the same step. A `block_size`
/// pointer may be NULL; it is written on success, and holds 0 after a failure.
/// Threads: as the functions without the `u`.
/// @{

/// mi_malloc(), and the usable size of the block.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_umalloc(size_t size, size_t* block_size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);

/// mi_calloc(), and the usable size of the block.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_ucalloc(size_t count, size_t size,
                                                                   size_t* block_size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size2(1, 2);

/**
 * mi_realloc(), and two usable sizes.
 * @param block_size_pre  the old block's before the call (0 for NULL), also when the call fails
 * @param block_size_post the new block's; 0 when the call fails
 */
mi_decl_nodiscard mi_decl_export void* mi_urealloc(void* p, size_t newsize, size_t* block_size_pre,
                                                   size_t* block_size_post) mi_attr_noexcept
    mi_attr_alloc_size(2);

/// mi_free(), and the usable size the block had (0 for NULL).
mi_decl_export void mi_ufree(void* p, size_t* block_size) mi_attr_noexcept;

/// mi_malloc_small(), and the usable size of the block.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_umalloc_small(
    size_t size, size_t* block_size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);

/// mi_zalloc_small(), and the usable size of the block.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_uzalloc_small(
    size_t size, size_t* block_size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);

/// mi_malloc_aligned(), and the usable size of the block from the aligned address on.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_umalloc_aligned(
    size_t size, size_t alignment, size_t* block_size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(1) mi_attr_alloc_align(2);

/// mi_zalloc_aligned(), and the usable size of the block from the aligned address on.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_uzalloc_aligned(
    size_t size, size_t alignment, size_t* block_size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(1) mi_attr_alloc_align(2);

/// @}

#if defined(__cplusplus)
}  // extern "C"
#endif

/// @name Typed helpers
/// `tp` is a type, `n` a number of elements; failure and alignment as in the function named.
/// The alignment is mi_malloc()'s: for over-aligned types use mi_malloc_aligned().
/// Threads: as the function named.
/// @{
/// mi_malloc() of one `tp`.
#define mi_malloc_tp(tp) ((tp*)mi_malloc(sizeof(tp)))
/// mi_zalloc() of one `tp`.
#define mi_zalloc_tp(tp) ((tp*)mi_zalloc(sizeof(tp)))
/// mi_calloc() of `n` of them.
#define mi_calloc_tp(tp, n) ((tp*)mi_calloc(n, sizeof(tp)))
/// mi_mallocn() of `n` of them.
#define mi_mallocn_tp(tp, n) ((tp*)mi_mallocn(n, sizeof(tp)))
/// mi_reallocn() to `n` of them.
#define mi_reallocn_tp(tp, p, n) ((tp*)mi_reallocn(p, n, sizeof(tp)))
/// mi_recalloc() to `n` of them.
#define mi_recalloc_tp(tp, p, n) ((tp*)mi_recalloc(p, n, sizeof(tp)))
/// @}

#include "ashlar/aligned.h"
#include "ashlar/arenas.h"
#include "ashlar/defragment.h"
#include "ashlar/heaps.h"
#include "ashlar/limits.h"
#include "ashlar/new_family.h"
#include "ashlar/options.h"
#include "ashlar/process.h"
#include "ashlar/realms.h"
#include "ashlar/statistics.h"
#include "ashlar/strings.h"
#include "ashlar/theaps.h"
#include "ashlar/trim.h"

#if defined(__cplusplus)
#include "ashlar/heap_stl_allocator.h"
#include "ashlar/stl_allocator.h"
#endif

#endif  // ASHLAR_MIMALLOC_H
