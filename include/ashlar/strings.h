// Public interface: C-library functions that return strings, with the result in a block of this
// library, to be freed by mi_free(). Not for use alone: mimalloc.h includes it.
#ifndef ASHLAR_STRINGS_H
#define ASHLAR_STRINGS_H

#include <stddef.h>

#include "ashlar/attributes.h"

#if defined(__cplusplus)
extern "C" {
#endif

/// @name Strings
/// Time linear in the length of the string. A NULL string gives NULL, without an error.
/// Threads: any, while no other writes to the string or, for mi_dupenv_s(), changes the
/// environment.
/// @{

/// A copy of `s`; NULL on failure (ENOMEM).
mi_decl_nodiscard mi_decl_export mi_decl_restrict char* mi_strdup(const char* s)
    mi_attr_noexcept mi_attr_malloc;

/// A copy of at most the first `n` bytes of `s`, with a terminating zero; never reads further
/// than `n` bytes or the first zero.
mi_decl_nodiscard mi_decl_export mi_decl_restrict char* mi_strndup(const char* s, size_t n)
    mi_attr_noexcept mi_attr_malloc;

/**
 * The absolute path of `fname` without symbolic links, `.` and `..`, as realpath(3) finds it.
 * @param resolved_name NULL for a fresh block; else a buffer of PATH_MAX bytes, which is filled
 *                      and returned
 * @return NULL if the path cannot be resolved, with errno as realpath(3) set it (ENOENT, EACCES,
 *         EINVAL for a NULL `fname`, ...), or ENOMEM
 */
mi_decl_nodiscard mi_decl_export char* mi_realpath(const char* fname,
                                                   char* resolved_name) mi_attr_noexcept;

/// A copy of a string of 16-bit units that ends in a zero unit.
mi_decl_nodiscard mi_decl_export mi_decl_restrict unsigned short* mi_wcsdup(const unsigned short* s)
    mi_attr_noexcept mi_attr_malloc;

/// A copy of a multibyte string that ends in a zero byte.
mi_decl_nodiscard mi_decl_export mi_decl_restrict unsigned char* mi_mbsdup(const unsigned char* s)
    mi_attr_noexcept mi_attr_malloc;

/**
 * A copy of an environment variable.
 * @param buf  receives the copy, or NULL if there is no such variable
 * @param size receives the length in bytes without the terminating zero (0 if there is no such
 *             variable); may be NULL
 * @return 0 (also when there is no such variable), EINVAL if `buf` or `name` is NULL, or ENOMEM
 */
mi_decl_export int mi_dupenv_s(char** buf, size_t* size, const char* name) mi_attr_noexcept;

/// mi_dupenv_s() for an environment of 16-bit strings. On systems whose environment is made of
/// bytes (all but Windows) it sets *buf to NULL and *size to 0 and returns EINVAL.
mi_decl_export int mi_wdupenv_s(unsigned short** buf, size_t* size,
                                const unsigned short* name) mi_attr_noexcept;

/// @}

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_STRINGS_H
