// Memory that a function of the program commits and decommits, and when that function may be
// called: it is foreign code, which may allocate in its turn.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "os/thread.h"

namespace ashlar {

// `commit`: make the range accessible, and say in *is_zero whether it reads as zero; else give its
// pages back, so that it is not touched any more. False: it failed, and all is as it was.
using CommitFunction = bool(bool commit, void* start, std::size_t size, bool* is_zero, void* arg);

// How many reasons the calling thread has not to call foreign code: locks that it holds, such a
// call that is going on.
ASHLAR_EXTERN_THREAD_LOCAL std::uint32_t foreign_code_bars;

// While it lives, this thread calls no commit function: claims of memory that would need one fail.
class ForeignCodeBar {
 public:
  ForeignCodeBar() { ++foreign_code_bars; }
  ~ForeignCodeBar() { --foreign_code_bars; }
  ForeignCodeBar(const ForeignCodeBar&) = delete;
  ForeignCodeBar& operator=(const ForeignCodeBar&) = delete;
};
inline bool foreign_code_allowed() { return foreign_code_bars == 0; }

struct CommitHook {
  CommitFunction* function = nullptr;
  void* arg = nullptr;

  explicit operator bool() const { return function != nullptr; }

  // True: the range may be touched, and *contents says what it holds.
  bool commit(void* start, std::size_t size, Contents* contents) const {
    bool zero = false;
    if (!call(true, start, size, &zero)) {
      return false;
    }
    *contents = zero ? Contents::kZero : Contents::kUnknown;
    return true;
  }

  bool decommit(void* start, std::size_t size) const {
    bool zero = false;
    return call(false, start, size, &zero);
  }

 private:
  bool call(bool commit, void* start, std::size_t size, bool* zero) const {
    if (!foreign_code_allowed()) {
      return false;
    }
    // What the function allocates must not come from memory that needs it.
    const ForeignCodeBar bar;
    return function(commit, start, size, zero, arg);
  }
};

}  // namespace ashlar
