// What operator new does when memory is short: the program's new handler, then bad_alloc.
#pragma once

#include <cstddef>

#include "base/compiler.h"

namespace ashlar {

// Tries again after each call of the program's new handler, for as long as there is one; then
// throws std::bad_alloc. In a process without a C++ runtime it stops with a message.
// `try_again` allocates as the failed call did and returns nullptr on failure.
struct NewRequest {
  void* (*try_again)(std::size_t size, std::size_t alignment, void* old);
  std::size_t size;
  std::size_t alignment;
  void* old;
};
ASHLAR_NOINLINE void* new_or_throw(const NewRequest& request);

// The same, but ends in nullptr; catches what the handler throws.
ASHLAR_NOINLINE void* new_or_null(const NewRequest& request) noexcept;

// No request at all: a product overflowed. The handler is called once, since it can't help.
[[noreturn]] ASHLAR_NOINLINE void throw_overflow(std::size_t count, std::size_t size);

// What all of them end in: for failures that no handler can help.
[[noreturn]] ASHLAR_NOINLINE void throw_bad_alloc();

}  // namespace ashlar
