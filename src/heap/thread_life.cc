// Threads come and go: their heaps are records of the metadata pool.
#include "heap/thread_life.h"

#include "heap/orphans.h"
#include "heap/process.h"
#include "os/system.h"
#include "support/stats.h"

namespace ashlar {
namespace {

// Set when the system has told us that the thread ends: what it still allocates comes from the
// late heap, since nobody would give a heap of its own back.
ASHLAR_THREAD_LOCAL bool ended = false;

void give_back(ThreadHeap* heap) {
  // First, so that nothing that runs below finds a heap that is being taken apart.
  thread_heap = &empty_heap;
  orphan_all(heap);
  metadata_pool.release(heap, sizeof(ThreadHeap));
  process_stats.threads.sub(1);
}

void thread_exits(void* record) {
  ended = true;
  if (thread_heap == record) {
    give_back(thread_heap);
  }
}

}  // namespace

ThreadHeap* start_thread() {
  if (ended) {
    return nullptr;
  }
  start_process();
  note_thread();
  auto* const heap = static_cast<ThreadHeap*>(metadata_pool.allocate(sizeof(ThreadHeap)));
  if (heap == nullptr) {
    return nullptr;
  }
  heap->start(thread_id());
  thread_heap = heap;
  process_stats.threads.add(1);
  // The heap is in place by now, since libc may allocate for this. Where it fails, the heap's
  // pages stay owned when the thread ends: frees into them still count, but are not collected.
  System::at_thread_exit(thread_exits, heap);
  return heap;
}

void end_thread() {
  if (thread_heap != &empty_heap) {
    System::at_thread_exit(thread_exits, nullptr);
    give_back(thread_heap);
  }
}

bool thread_has_ended() { return ended; }

}  // namespace ashlar
