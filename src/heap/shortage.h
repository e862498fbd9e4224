// What is done when memory is short: waiting for others to give some back, and failing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "heap/heap.h"

namespace ashlar {

// What every failed allocation ends in: errno, and the error handler. Returns nullptr.
void* fail_out_of_memory(std::size_t size);
void* fail_too_large(std::size_t size);

// For a request that failed although all was collected: waits in steps of 1 to 16 ms, together as
// long as the option retry_on_oom says, for other threads to give memory back (where the system
// does not overcommit: or other processes).
//
// It is not waited where that cannot help: where nobody else is there to free; for heaps that are
// confined to an arena, and processes that are (limit_os_alloc), since the system was not asked;
// for requests larger than all that the realm has from the system, which nobody can give back; with
// a hard limit, for larger ones than that, and in processes without a second thread. Nor
// within a deferred free, where the program may hold a lock of its own. A wait that was in vain
// keeps the process from waiting for four times as long, so that a program which fails over and
// over is slowed down by a fifth at most.
class ShortageWait {
 public:
  ShortageWait(const Heap* heap, std::size_t size);

  // Sleeps for a step; false where there is no more waiting.
  bool next();

 private:
  std::uint32_t left_ms_;
  std::uint32_t step_ms_ = 1;
};

}  // namespace ashlar
