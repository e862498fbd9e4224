// Trimming: the caller's part, and what it asks of other threads.
#include "heap/trim.h"

#include "heap/allocate.h"
#include "heap/hollowing.h"
#include "heap/late_heap.h"
#include "heap/orphans.h"
#include "heap/page_source.h"
#include "heap/process.h"
#include "heap/purge_thread.h"
#include "heap/realm.h"
#include "heap/thread_life.h"

namespace ashlar {
namespace {

// Bytes given back so far.
std::int64_t given_back() {
  std::int64_t bytes = 0;
  for_each_realm([&bytes](const Realm& realm) {
    const MemoryStats& stats = realm.arenas.stats();
    bytes += stats.purged_bytes.total() + stats.reset_bytes.total();
  });
  return bytes;
}

void ask(ThreadHeap& backing, void* arg) {
  const auto level = *static_cast<const TrimLevel*>(arg);
  // relaxed: published by the release below. Of two that ask at once, either level will do.
  backing.trim_asked.store(level, std::memory_order_relaxed);
  // release: pairs with the acquire in settle_thread.
  backing.attention.store(true, std::memory_order_release);
}

void do_own(ThreadHeap* backing, TrimLevel level) {
  for (ThreadHeap* part = backing; part != nullptr; part = part->next_of_thread) {
    collect_part(part);
    hollow_part(part, Hollowing::kAll);
    if (level == TrimLevel::kLetGo) {
      orphan_all(part);
    }
  }
}

}  // namespace

std::size_t trim(TrimLevel level) {
  start_process();
  const std::int64_t before = given_back();
  if (level != TrimLevel::kWaiting) {
    collect_late_heap();
    for_each_thread(ask, &level);
    if (thread_heap != &empty_heap) {
      settle_thread(thread_heap->backing);
    }
    for_each_realm([](Realm& realm) { hollow_orphans(&realm, Hollowing::kAll); });
  }
  unmap_again();
  for_each_realm([](Realm& realm) { purge_now(&realm); });
  const std::int64_t bytes = given_back() - before;
  return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

void trim_own(ThreadHeap* backing) {
  // relaxed: acquired with `attention` by the caller.
  const TrimLevel level =
      backing->trim_asked.exchange(TrimLevel::kWaiting, std::memory_order_relaxed);
  if (level != TrimLevel::kWaiting) {
    do_own(backing, level);
  }
}

}  // namespace ashlar
