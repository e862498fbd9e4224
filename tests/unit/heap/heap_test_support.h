// What the heap's tests share: work done in a thread that ends, and counters that are read as
// differences, since the test program itself allocates from the same heap.
#ifndef ASHLAR_TEST_HEAP_SUPPORT_H
#define ASHLAR_TEST_HEAP_SUPPORT_H

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "heap/allocate.h"
#include "heap/free.h"
#include "heap/huge.h"
#include "heap/orphans.h"
#include "heap/page_source.h"
#include "heap/process.h"
#include "heap/reallocate.h"
#include "heap/realm.h"
#include "heap/thread_heap.h"
#include "heap/thread_life.h"
#include "support/stats.h"

namespace ashlar::heap_test {

// Runs it in a thread, and returns when that thread is gone for good.
template <class Work>
void in_thread(Work work) {
  std::thread thread(std::move(work));
  thread.join();
}

// Runs it in a forked child; whether it said yes.
inline bool holds_in_child(const std::function<bool()>& law) {
  const pid_t child = fork();
  if (child == 0) {
    _exit(law() ? 0 : 1);
  }
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

[[nodiscard]] inline void* take(std::size_t size) { return allocate<Contents::kUnknown>(size); }

inline Page* page_of(const void* block) { return page_map.find(block); }

// Blocks of one size that fill `pages` whole pages and are the only ones in them: blocks that the
// program holds already may share the first page, so these take more than that.
inline std::vector<void*> take_pages(std::size_t size, std::size_t pages) {
  const SizeClass size_class = class_for(size);
  const std::size_t blocks =
      pages * (page_slices_of(size_class).value * kSliceSize / block_size_of(size_class));
  std::vector<void*> held;
  held.reserve(blocks);
  for (std::size_t i = 0; i < blocks; ++i) {
    held.push_back(take(size));
  }
  return held;
}

inline void free_all(const std::vector<void*>& blocks) {
  for (void* const block : blocks) {
    free_block(block);
  }
}

inline std::int64_t pages_in_use() { return main_realm.stats.pages.current(); }

}  // namespace ashlar::heap_test

#endif  // ASHLAR_TEST_HEAP_SUPPORT_H
