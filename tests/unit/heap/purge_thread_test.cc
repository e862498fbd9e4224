// The purge thread, as those see it who ask for memory to be given back now.
#include "heap/purge_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "heap/allocate.h"
#include "heap_test_support.h"

namespace ashlar {
namespace {

using namespace heap_test;

// What a round has taken to give it back is still resident: who asks for all to be given back has
// to find it gone.
TEST(PurgeThread, ACollectionIsNotOverBeforeARoundIs) {
  std::atomic<bool> round_is_over{false};
  std::atomic<bool> asked{false};
  bool was_over = false;
  std::thread caller;
  {
    LockGuard round(purge_lock());
    caller = std::thread([&] {
      free_block(take(100 * kKiB));
      asked.store(true);
      collect(true);
      was_over = round_is_over.load();
    });
    while (!asked.load()) {
      std::this_thread::yield();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    round_is_over.store(true);
  }
  caller.join();
  EXPECT_TRUE(was_over);
}

}  // namespace
}  // namespace ashlar
