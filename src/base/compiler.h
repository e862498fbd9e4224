// Compiler attributes under names of ours, so that no other file spells a compiler's dialect.
// Not a portability layer for systems: that is src/os.
#pragma once

#define ASHLAR_ALWAYS_INLINE [[gnu::always_inline]] inline
#define ASHLAR_NOINLINE [[gnu::noinline]]
#define ASHLAR_COLD [[gnu::cold, gnu::noinline]]
// A host that links the library into its own and keeps it to itself builds with
// ASHLAR_HIDDEN_SYMBOLS (include/ashlar/attributes.h).
#if defined(ASHLAR_HIDDEN_SYMBOLS)
#define ASHLAR_EXPORT [[gnu::visibility("hidden")]]
#else
#define ASHLAR_EXPORT [[gnu::visibility("default")]]
#endif
// For what is defined in another file of ours: the compiler then addresses it directly.
#define ASHLAR_HIDDEN __attribute__((visibility("hidden")))
// For static data that nobody writes to, although its type would let them: the loader makes it
// read-only once addresses in it are right.
#ifdef __ELF__
#define ASHLAR_FIXED __attribute__((section(".data.rel.ro.fixed")))
#else
#define ASHLAR_FIXED
#endif
#define ASHLAR_PRINTF(format_index, first_argument) \
  [[gnu::format(printf, format_index, first_argument)]]

// Clang's thread-safety analysis; other compilers see nothing.
#ifdef __clang__
#define ASHLAR_CAPABILITY(name) __attribute__((capability(name)))
#define ASHLAR_SCOPED_CAPABILITY __attribute__((scoped_lockable))
#define ASHLAR_GUARDED_BY(lock) __attribute__((guarded_by(lock)))
#define ASHLAR_REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define ASHLAR_ACQUIRE(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define ASHLAR_RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#define ASHLAR_TRY_ACQUIRE(...) __attribute__((try_acquire_capability(__VA_ARGS__)))
#define ASHLAR_EXCLUDES(...) __attribute__((locks_excluded(__VA_ARGS__)))
#define ASHLAR_NO_THREAD_SAFETY_ANALYSIS __attribute__((no_thread_safety_analysis))
#else
#define ASHLAR_CAPABILITY(name)
#define ASHLAR_SCOPED_CAPABILITY
#define ASHLAR_GUARDED_BY(lock)
#define ASHLAR_REQUIRES(...)
#define ASHLAR_ACQUIRE(...)
#define ASHLAR_RELEASE(...)
#define ASHLAR_TRY_ACQUIRE(...)
#define ASHLAR_EXCLUDES(...)
#define ASHLAR_NO_THREAD_SAFETY_ANALYSIS
#endif

namespace ashlar {

ASHLAR_ALWAYS_INLINE bool likely(bool condition) { return __builtin_expect(condition, true); }
ASHLAR_ALWAYS_INLINE bool unlikely(bool condition) { return __builtin_expect(condition, false); }

// Keeps a pointer out of the register that a function returns its result in. g++ 12 otherwise
// holds malloc's page there, and ends the fast path with a move that this saves.
template <class T>
ASHLAR_ALWAYS_INLINE void leave_return_register(T*& pointer) {
#if defined(__x86_64__)
  asm("" : "+d"(pointer));
#else
  static_cast<void>(pointer);
#endif
}

}  // namespace ashlar
