// The words in front of and behind every public declaration: visibility, exceptions, and what
// the compiler may assume about a result. Not for use alone: mimalloc.h includes it.
#ifndef ASHLAR_ATTRIBUTES_H
#define ASHLAR_ATTRIBUTES_H

// The mi_ spellings are the ones that programs written for this interface already use.

#if defined(__GNUC__)
#define ASHLAR_ATTRIBUTE(...) __attribute__((__VA_ARGS__))
#else
#define ASHLAR_ATTRIBUTE(...)
#endif

/// A function that the library exports; or, with ASHLAR_HIDDEN_SYMBOLS, that the program or library
/// which it is linked into keeps to itself.
#if defined(ASHLAR_HIDDEN_SYMBOLS)
#define mi_decl_export ASHLAR_ATTRIBUTE(visibility("hidden"))
#else
#define mi_decl_export ASHLAR_ATTRIBUTE(visibility("default"))
#endif

/// Dropping the result is a mistake: the block would be lost.
#if defined(__cplusplus) && __cplusplus >= 201703L
#define mi_decl_nodiscard [[nodiscard]]
#elif !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ > 201710L
#define mi_decl_nodiscard [[nodiscard]]
#else
#define mi_decl_nodiscard ASHLAR_ATTRIBUTE(warn_unused_result)
#endif

/// The result aliases nothing that is live. Compilers that want this word in front of the
/// declaration get it here; GCC and clang take mi_attr_malloc behind it.
#define mi_decl_restrict

/// The calling convention of callbacks; only some 32-bit systems have more than one.
#define mi_cdecl

/// Never throws. In C there is nothing to say.
#if defined(__cplusplus)
#define mi_attr_noexcept noexcept
#else
#define mi_attr_noexcept
#endif

/// The result is a fresh block, or NULL.
#define mi_attr_malloc ASHLAR_ATTRIBUTE(malloc)
/// Parameter `at` (counted from 1) holds the size of the block in bytes.
#define mi_attr_alloc_size(at) ASHLAR_ATTRIBUTE(alloc_size(at))
/// The size of the block is the product of these two parameters.
#define mi_attr_alloc_size2(count_at, size_at) ASHLAR_ATTRIBUTE(alloc_size(count_at, size_at))
/// Parameter `at` holds the alignment of the block in bytes.
#define mi_attr_alloc_align(at) ASHLAR_ATTRIBUTE(alloc_align(at))

#endif  // ASHLAR_ATTRIBUTES_H
