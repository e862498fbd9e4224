// What the fuzz targets share: how a target says that something is wrong, and the bytes that fill
// blocks. libFuzzer writes the input down when a target aborts.
#ifndef ASHLAR_FUZZ_EXPECT_H
#define ASHLAR_FUZZ_EXPECT_H

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <source_location>

namespace fuzz {

[[noreturn]] inline void fail(const char* what,
                              std::source_location at = std::source_location::current()) {
  std::fprintf(stderr, "fuzz: %s:%u: not so: %s\n", at.file_name(),
               static_cast<unsigned>(at.line()), what);
  std::abort();
}

inline void expect(bool holds, const char* what,
                   std::source_location at = std::source_location::current()) {
  if (!holds) {
    fail(what, at);
  }
}

// A value that the compiler knows nothing about: it may otherwise remove the very calls that are
// being tested.
template <class T>
T opaque(T value) {
  asm volatile("" : "+r"(value) : : "memory");
  return value;
}

inline std::uintptr_t address_of(const void* p) {
  return reinterpret_cast<std::uintptr_t>(opaque(p));
}

// For functions that throw where they fail.
template <class Call>
void* null_if_thrown(Call call) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace fuzz

#endif  // ASHLAR_FUZZ_EXPECT_H
