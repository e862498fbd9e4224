// For one source file at a time: from here on the file's calls of malloc, free and their relatives
// are calls of this library's. Nothing else in the program changes. Include it last, after all
// headers of the system, and in every file that frees what such a file allocated.
//
// The names are macros with arguments, so `malloc(n)` is renamed, and neither `p->free` nor
// `&malloc` is. In C++ `std::malloc(n)` does not compile any more: write `malloc(n)`.
#ifndef ASHLAR_MIMALLOC_OVERRIDE_H
#define ASHLAR_MIMALLOC_OVERRIDE_H

// Declared before the names change, so that including them later is harmless.
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "mimalloc.h"

// The C standard's.
#define malloc(n) mi_malloc(n)
#define calloc(n, c) mi_calloc(n, c)
#define realloc(p, n) mi_realloc(p, n)
#define free(p) mi_free(p)
#define aligned_alloc(a, n) mi_aligned_alloc(a, n)
#define free_sized(p, n) mi_free_size(p, n)
#define free_aligned_sized(p, a, n) mi_free_size_aligned(p, n, a)
#undef strdup
#define strdup(s) mi_strdup(s)
#undef strndup
#define strndup(s, n) mi_strndup(s, n)

// POSIX's, BSD's, glibc's and macOS's.
#define realpath(f, r) mi_realpath(f, r)
#define posix_memalign(p, a, n) mi_posix_memalign(p, a, n)
#define memalign(a, n) mi_memalign(a, n)
#define valloc(n) mi_valloc(n)
#define pvalloc(n) mi_pvalloc(n)
#define reallocf(p, n) mi_reallocf(p, n)
#define reallocarray(p, c, n) mi_reallocarray(p, c, n)
#define reallocarr(p, c, n) mi_reallocarr(p, c, n)
#define cfree(p) mi_cfree(p)
#define malloc_usable_size(p) mi_usable_size(p)
#define malloc_size(p) mi_usable_size(p)
#define malloc_good_size(n) mi_malloc_good_size(n)

// Microsoft's.
#define _expand(p, n) mi_expand(p, n)
#define _msize(p) mi_usable_size(p)
#define _recalloc(p, n, c) mi_recalloc(p, n, c)
#define _strdup(s) mi_strdup(s)
#define _strndup(s, n) mi_strndup(s, n)
#define _mbsdup(s) mi_mbsdup(s)
#define _dupenv_s(b, n, v) mi_dupenv_s(b, n, v)
#if WCHAR_MAX <= 0xFFFF  // wide characters of 16 bits, as these calls expect
#define _wcsdup(s) ((wchar_t*)mi_wcsdup((const unsigned short*)(s)))
#define _wdupenv_s(b, n, v) mi_wdupenv_s((unsigned short**)(b), n, (const unsigned short*)(v))
#endif
#define _aligned_malloc(n, a) mi_malloc_aligned(n, a)
#define _aligned_realloc(p, n, a) mi_realloc_aligned(p, n, a)
#define _aligned_recalloc(p, c, n, a) mi_aligned_recalloc(p, c, n, a)
#define _aligned_msize(p, a, o) mi_usable_size(p)
#define _aligned_free(p) mi_free(p)
#define _aligned_offset_malloc(n, a, o) mi_malloc_aligned_at(n, a, o)
#define _aligned_offset_realloc(p, n, a, o) mi_realloc_aligned_at(p, n, a, o)
#define _aligned_offset_recalloc(p, c, n, a, o) mi_aligned_offset_recalloc(p, c, n, a, o)

#endif  // ASHLAR_MIMALLOC_OVERRIDE_H
