// The late heap and its lock.
#include "heap/late_heap.h"

#include "heap/allocate.h"
#include "heap/process.h"
#include "heap/thread_heap.h"

namespace ashlar {
namespace {

constinit Lock lock{LockRank::kLateHeap};
constinit ThreadHeap late_heap ASHLAR_GUARDED_BY(lock){};

// The thread is inside the late heap: a message or a deferred free that allocates gets nothing,
// rather than waiting for itself.
ASHLAR_THREAD_LOCAL bool inside = false;

}  // namespace

Lock& late_heap_lock() { return lock; }

void* allocate_late(std::size_t size, Contents contents) {
  if (inside) {
    return nullptr;
  }
  start_process();
  LockGuard guard(lock);
  inside = true;
  if (late_heap.id == kNoOwner) {
    // Its own address is no thread's id, so frees never take its pages for their own.
    late_heap.start(address_of(&late_heap));
    late_heap.in_deferred_free = true;  // never call out from under the lock
  }
  void* const block = allocate_from(&late_heap, size, contents);
  inside = false;
  return block;
}

void collect_late_heap(bool force) {
  if (inside) {
    return;
  }
  LockGuard guard(lock);
  inside = true;
  if (late_heap.id != kNoOwner) {
    collect_heap(&late_heap, force);
  }
  inside = false;
}

}  // namespace ashlar
