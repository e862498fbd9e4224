// Looking for a heap by its address alone.
#include "heap/heap_check.h"

#include <errno.h>

#include "heap/realm.h"
#include "support/messages.h"

namespace ashlar {
namespace {

// Records that parts refer to are not given back.
[[maybe_unused]] bool is_used_by_thread(const Heap* heap) {
  const ThreadHeap* const backing = thread_heap->backing;
  const ThreadHeap* part = thread_heap == &empty_heap ? nullptr : backing;
  while (part != nullptr && part->home != heap) {
    part = part->next_of_thread;
  }
  return part != nullptr;
}

[[maybe_unused]] bool is_listed(const Heap* heap) {
  LockGuard guard(heaps_lock());
  for (const Realm* realm = &main_realm; realm != nullptr; realm = realm->next) {
    if (realm->main == heap) {
      return true;
    }
    for (const Heap* other = realm->heaps; other != nullptr; other = other->next) {
      if (other == heap) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

bool is_usable(const Heap* heap) {
  if constexpr (kActive.stop_on_misuse) {
    if (thread_heap->home != heap && !is_used_by_thread(heap) && !is_listed(heap)) {
      return false;
    }
  }
  return !is_deleted(heap);
}

bool check_heap(const Heap* heap) {
  if (likely(heap == nullptr || is_usable(heap))) {
    return true;
  }
  report_error(EINVAL,
               "mi_heap: deleted heap %p: no heap has this handle (any more); mi_heap_delete and "
               "mi_heap_destroy end it for all threads",
               static_cast<const void*>(heap));
  errno = EINVAL;
  return false;
}

}  // namespace ashlar
