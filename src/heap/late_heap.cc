// The late heap and its lock.
#include "heap/late_heap.h"

#include "arena/commit_hook.h"
#include "heap/allocate.h"
#include "heap/heap.h"
#include "heap/process.h"
#include "heap/thread_heap.h"

namespace ashlar {
namespace {

constinit Lock lock{LockRank::kLateHeap};
constinit ThreadHeap late_heap{};  // guarded by lock, but for its address

// The thread is inside the late heap: a message or a deferred free that allocates gets nothing,
// rather than waiting for itself.
ASHLAR_THREAD_LOCAL bool inside = false;

}  // namespace

Lock& late_heap_lock() { return lock; }

// Its own address is no thread's id, so frees never take its pages for their own.
std::uintptr_t late_heap_id() { return address_of(&late_heap); }

bool is_late(const ThreadHeap* part) { return part->backing == &late_heap; }

void* allocate_late(Heap* heap, std::size_t size, Contents contents) {
  if (inside) {
    return nullptr;
  }
  start_process();
  LockGuard guard(lock);
  const ForeignCodeBar bar;
  inside = true;
  if (late_heap.id == kNoOwner) {
    late_heap.start(late_heap_id(), &main_heap, &late_heap);
    late_heap.in_deferred_free = true;  // never call out from under the lock
  }
  ThreadHeap* const part = part_of(&late_heap, heap);
  void* const block = part == nullptr ? nullptr : allocate_from(part, size, contents);
  inside = false;
  return block;
}

void collect_late_heap() {
  if (inside) {
    return;
  }
  LockGuard guard(lock);
  inside = true;
  if (late_heap.id != kNoOwner) {
    collect_thread(&late_heap, false);
  }
  inside = false;
}

void forget_late_heap() {
  LockGuard guard(lock);
  late_heap.id = kNoOwner;
  late_heap.next_of_thread = nullptr;
  late_heap.part_index = nullptr;
  late_heap.full = {};
  for (PageQueue& queue : late_heap.queues) {
    queue = {};
  }
}

void settle_late_heap() {
  LockGuard guard(lock);
  if (late_heap.id != kNoOwner) {
    settle_thread(&late_heap);
  }
}

}  // namespace ashlar
