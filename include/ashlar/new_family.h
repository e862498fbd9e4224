// Public interface: allocation that fails the way C++'s `new` does, callable from C too.
// The operators themselves need no header. Not for use alone: mimalloc.h includes it.
#ifndef ASHLAR_NEW_FAMILY_H
#define ASHLAR_NEW_FAMILY_H

#include <stddef.h>

#include "ashlar/attributes.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * @name The `new` family
 *
 * When memory is short these call the function given to std::set_new_handler() and try again, as
 * often as there is one; without a handler they throw std::bad_alloc, the `nothrow` forms return
 * NULL instead and catch what a handler throws. In a process without a C++ runtime the throwing
 * forms print a message and abort. errno is ENOMEM after a failure. Blocks are freed by mi_free()
 * or by `delete`.
 * Threads: as mi_malloc() and mi_realloc(). The handler is called by the thread that allocates,
 * with no lock held; it may allocate, free, and set another handler.
 */
/// @{

/// mi_malloc(), or std::bad_alloc.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_new(size_t size) mi_attr_malloc
    mi_attr_alloc_size(1);

/// mi_malloc_aligned(), or std::bad_alloc (at once, without the handler, if `alignment` is not a
/// power of two).
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_new_aligned(
    size_t size, size_t alignment) mi_attr_malloc mi_attr_alloc_size(1) mi_attr_alloc_align(2);

/// mi_malloc() after calling the handler as often as it helps; NULL on failure.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_new_nothrow(size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);

/// mi_malloc_aligned() in the same way; NULL on failure.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_new_aligned_nothrow(size_t size,
                                                                               size_t alignment)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1) mi_attr_alloc_align(2);

/// mi_new() of count * size bytes. A product that overflows calls the handler once (no memory it
/// could free would help) and throws std::bad_alloc.
mi_decl_nodiscard mi_decl_export mi_decl_restrict void* mi_new_n(size_t count,
                                                                 size_t size) mi_attr_malloc
    mi_attr_alloc_size2(1, 2);

/// mi_realloc(), or std::bad_alloc with `p` as it was.
mi_decl_nodiscard mi_decl_export void* mi_new_realloc(void* p, size_t newsize)
    mi_attr_alloc_size(2);

/// mi_new_realloc() to newcount * size bytes; overflow as in mi_new_n().
mi_decl_nodiscard mi_decl_export void* mi_new_reallocn(void* p, size_t newcount, size_t size)
    mi_attr_alloc_size2(2, 3);

/// @}

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_NEW_FAMILY_H
