// Invariants that debug builds execute: a check that fails stops the program with its text.
// Not for errors of the user's: those go through messages.h.
#pragma once

#include <source_location>

#include "base/compiler.h"
#include "policy/config.h"

namespace ashlar {

[[noreturn]] ASHLAR_COLD void check_failed(const char* law, const char* file, unsigned line);

inline void check([[maybe_unused]] bool holds, [[maybe_unused]] const char* law,
                  [[maybe_unused]] std::source_location where = std::source_location::current()) {
  if constexpr (kActive.check_invariants) {
    if (unlikely(!holds)) {
      check_failed(law, where.file_name(), where.line());
    }
  }
}

}  // namespace ashlar
