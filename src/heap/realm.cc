// The life of realms, and the list of all of them.
#include "heap/realm.h"

#include <errno.h>

#include <new>

#include "heap/embedding.h"
#include "heap/late_heap.h"
#include "heap/process.h"
#include "heap/thread_life.h"
#include "support/messages.h"

namespace ashlar {

constinit Realm main_realm{.main = &main_heap};

namespace {

// The lowest number that no realm has. Realms stand in the list in rising order of their numbers.
Realm* last_before_gap() ASHLAR_REQUIRES(heaps_lock()) {
  Realm* realm = &main_realm;
  while (realm->next != nullptr && realm->next->slot == realm->slot + 1) {
    realm = realm->next;
  }
  return realm;
}

void enter(Realm* realm) {
  LockGuard guard(heaps_lock());
  Realm* const before = last_before_gap();
  realm->slot = before->slot + 1;
  realm->next = before->next;
  realm->previous = before;
  if (before->next != nullptr) {
    before->next->previous = realm;
  }
  before->next = realm;
}

void leave(const Realm* realm) {
  LockGuard guard(heaps_lock());
  realm->previous->next = realm->next;
  if (realm->next != nullptr) {
    realm->next->previous = realm->previous;
  }
}

bool try_hold(Realm* realm) {
  // relaxed: compared again below.
  std::int64_t count = realm->references.load(std::memory_order_relaxed);
  // relaxed: under the lock, which whoever takes the realm out of the list takes too.
  while (count != 0 &&
         !realm->references.compare_exchange_weak(count, count + 1, std::memory_order_relaxed,
                                                  std::memory_order_relaxed)) {
  }
  return count != 0;
}

Heap* first_heap(const Realm* realm) {
  LockGuard guard(heaps_lock());
  return realm->heaps;
}

// The next older heap. The one at hand may be gone by now, so the list is looked through.
Heap* heap_older_than(const Realm* realm, std::uint64_t number, Heap* at_hand) {
  LockGuard guard(heaps_lock());
  // relaxed: written under the lock, where it matters.
  if (at_hand->number == number &&
      at_hand->state.load(std::memory_order_relaxed) == HeapState::kLive) {
    return at_hand->next;
  }
  Heap* heap = realm->heaps;
  while (heap != nullptr && heap->number >= number) {
    heap = heap->next;
  }
  return heap;
}

template <class End>
void for_each_heap_until_none(Realm* realm, End end) {
  while (Heap* const heap = first_heap(realm)) {
    end(heap);
  }
}

}  // namespace

Realm* make_realm() {
  start_process();
  void* const record = metadata_pool.allocate(sizeof(Realm));
  if (record == nullptr) {
    return nullptr;
  }
  auto* const realm = new (record) Realm{};
  realm->arenas.configure(arena_policy());
  realm->main = make_main_heap(realm);
  if (realm->main == nullptr) {
    metadata_pool.release(record, sizeof(Realm));
    return nullptr;
  }
  enter(realm);
  return realm;
}

void hold_realm(Realm* realm) {
  if (realm != &main_realm) {
    // relaxed: the caller has a reference, so the count is not 0.
    realm->references.fetch_add(1, std::memory_order_relaxed);
  }
}

void drop_realm(Realm* realm) {
  // acq_rel: what others did in the realm comes before its end, and what we did before others' end
  // of it.
  if (realm == &main_realm || realm->references.fetch_sub(1, std::memory_order_acq_rel) != 1) {
    return;
  }
  leave(realm);
  realm->arenas.unmap_unless([](const SystemArena&) { return false; });
  if (realm->embedding != nullptr) {
    metadata_pool.release(realm->embedding, sizeof(Embedding));
  }
  metadata_pool.release(realm, sizeof(Realm));
}

Realm* step_to_next_realm(Realm* realm) {
  Realm* next = nullptr;
  {
    LockGuard guard(heaps_lock());
    next = realm->next;
    while (next != nullptr && !try_hold(next)) {
      next = next->next;
    }
  }
  drop_realm(realm);
  return next;
}

void delete_realm(Realm* realm) {
  if (realm == &main_realm) {
    return;
  }
  for_each_heap_until_none(realm, delete_heap);
  close_main_heap(realm->main);
  drop_realm(realm);
}

void destroy_realm(Realm* realm) {
  if (realm == &main_realm || (current_realm() == realm && !join_realm(&main_realm))) {
    return;
  }
  const std::int64_t threads = realm->stats.threads.current();
  if (threads != 0) {
    report_error(
        EINVAL,
        "mi_subproc_destroy: %ld threads are in the realm at %p; it is deleted instead, and "
        "its memory comes back when they have ended or left it",
        static_cast<long>(threads), static_cast<void*>(realm));
    delete_realm(realm);
    return;
  }
  for_each_heap_until_none(realm, end_heap_at_once);
  end_heap_at_once(realm->main);
  drop_realm(realm);
}

bool visit_heaps(const Realm* realm, bool (*visit)(Heap* heap, void* arg), void* arg) {
  if (!visit(realm->main, arg)) {
    return false;
  }
  for (Heap* heap = first_heap(realm); heap != nullptr;) {
    const std::uint64_t number = heap->number;
    if (!visit(heap, arg)) {
      return false;
    }
    heap = heap_older_than(realm, number, heap);
  }
  return true;
}

}  // namespace ashlar
