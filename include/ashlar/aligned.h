// Public interface: allocation with an alignment, in the library's own forms and in POSIX's.
// The rules of mimalloc.h hold here too. Not for use alone: mimalloc.h includes it.
#ifndef ASHLAR_ALIGNED_H
#define ASHLAR_ALIGNED_H

#include <stddef.h>

#include "ashlar/attributes.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * @name Aligned allocation
 *
 * `alignment` is any power of two, up to gigabytes; any other value fails with NULL and
 * errno EINVAL. In the `_at` forms it is `p + offset` that is aligned,
 * `offset` being at most the size. The block may be freed by any free function and resized by any
 * resizing function; only the aligned ones keep the alignment.
 * Cost: as mi_malloc() where the size class is aligned enough by itself; otherwise a block of up
 * to size + alignment - 1 bytes is taken.
 * Threads: any, at any time; a block that is resized must not be used by another thread meanwhile.
 */
/// @{

/// mi_malloc() aligned to `alignment`.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_malloc_aligned(size_t size,
                                                                          size_t alignment)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1) mi_attr_alloc_align(2);

/// mi_malloc() with `p + offset` aligned.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_malloc_aligned_at(
    size_t size, size_t alignment, size_t offset) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(1);

/// mi_zalloc() aligned to `alignment`.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_zalloc_aligned(size_t size,
                                                                          size_t alignment)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1) mi_attr_alloc_align(2);

/// mi_zalloc() with `p + offset` aligned.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_zalloc_aligned_at(
    size_t size, size_t alignment, size_t offset) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(1);

/// mi_calloc() aligned to `alignment`.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_calloc_aligned(size_t count, size_t size,
                                                                          size_t alignment)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size2(1, 2) mi_attr_alloc_align(3);

/// mi_calloc() with `p + offset` aligned.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_calloc_aligned_at(
    size_t count, size_t size, size_t alignment, size_t offset) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size2(1, 2);

/// mi_realloc() whose result is aligned, whether `p` was or not; NULL for `p` allocates.
mi_decl_nodiscard mi_decl_export void* mi_realloc_aligned(void* p, size_t newsize,
                                                          size_t alignment) mi_attr_noexcept
    mi_attr_alloc_size(2) mi_attr_alloc_align(3);

/// mi_realloc() with `result + offset` aligned.
mi_decl_nodiscard mi_decl_export void* mi_realloc_aligned_at(void* p, size_t newsize,
                                                             size_t alignment,
                                                             size_t offset) mi_attr_noexcept
    mi_attr_alloc_size(2);

/// mi_rezalloc() whose result is aligned.
mi_decl_nodiscard mi_decl_export void* mi_rezalloc_aligned(void* p, size_t newsize,
                                                           size_t alignment) mi_attr_noexcept
    mi_attr_alloc_size(2) mi_attr_alloc_align(3);

/// mi_rezalloc() with `result + offset` aligned.
mi_decl_nodiscard mi_decl_export void* mi_rezalloc_aligned_at(void* p, size_t newsize,
                                                              size_t alignment,
                                                              size_t offset) mi_attr_noexcept
    mi_attr_alloc_size(2);

/// mi_recalloc() whose result is aligned.
mi_decl_nodiscard mi_decl_export void* mi_recalloc_aligned(void* p, size_t newcount, size_t size,
                                                           size_t alignment) mi_attr_noexcept
    mi_attr_alloc_size2(2, 3) mi_attr_alloc_align(4);

/// mi_recalloc() with `result + offset` aligned.
mi_decl_nodiscard mi_decl_export void* mi_recalloc_aligned_at(void* p, size_t newcount, size_t size,
                                                              size_t alignment,
                                                              size_t offset) mi_attr_noexcept
    mi_attr_alloc_size2(2, 3);

/// mi_recalloc_aligned() under the name that Windows' C library uses.
mi_decl_nodiscard mi_decl_export void* mi_aligned_recalloc(void* p, size_t newcount, size_t size,
                                                           size_t alignment) mi_attr_noexcept
    mi_attr_alloc_size2(2, 3) mi_attr_alloc_align(4);

/// mi_recalloc_aligned_at() under the name that Windows' C library uses.
mi_decl_nodiscard mi_decl_export void* mi_aligned_offset_recalloc(void* p, size_t newcount,
                                                                  size_t size, size_t alignment,
                                                                  size_t offset) mi_attr_noexcept
    mi_attr_alloc_size2(2, 3);

/// @}
/// @name POSIX and C forms
/// Threads: any, at any time, all at once.
/// @{

/**
 * POSIX's aligned allocation.
 * @param p         where the block's address goes; written on success only
 * @param alignment a power of two and a multiple of sizeof(void*)
 * @return 0, or EINVAL for a bad alignment or a NULL `p`, or ENOMEM. As POSIX has it, the code is
 *         returned, and errno means nothing.
 */
mi_decl_export int mi_posix_memalign(void** p, size_t alignment, size_t size) mi_attr_noexcept;

/// C's aligned allocation. Any power of two, and any size (no multiple needed); NULL and EINVAL
/// for another alignment.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_aligned_alloc(size_t alignment,
                                                                         size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(2) mi_attr_alloc_align(1);

/// The older spelling of mi_aligned_alloc().
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_memalign(size_t alignment, size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(2) mi_attr_alloc_align(1);

/// mi_malloc() aligned to an OS page.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_valloc(size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);

/// mi_valloc() of `size` rounded up to whole OS pages (one at least). A size that cannot be
/// rounded up fails (ENOMEM).
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_pvalloc(size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);

/// @}

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_ALIGNED_H
