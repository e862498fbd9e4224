// Realms: isolated sets of heaps with arenas of their own. A thread is in one realm at a time, the
// main one unless it joined another; heaps made by it are that realm's.
#pragma once

#include <atomic>
#include <cstdint>

#include "arena/arena_set.h"
#include "heap/heap.h"
#include "os/system.h"
#include "support/stats.h"

namespace ashlar {

struct Embedding;

// A realm is kept as long as anything refers to it: whoever holds its handle, and each of its
// heaps' records, which in turn are kept by their pages and by threads. Memory never crosses
// realms, so when the last record goes nothing lies in its arenas any more.
//
// Owner:       heaps_lock(): heaps, next, previous; main and slot are constant from the start
// Shared:      arenas and stats, each by its own rules; references, by every thread
// Invariants:  references = 1 until given up + 1 for the record of its main heap, which those of
//              all its heaps refer to, + walks that stand at it
//              (the main realm's are not counted: it is never given up);
//              slot differs from that of every other realm there is; the main realm's is 0
// Life:        record -> live -> given up -> last reference dropped -> arenas unmapped, record back
struct Realm {
  ArenaSet<System> arenas{};
  RealmStats stats{};
  Heap* main = nullptr;   // takes what deleted heaps of the realm leave
  Heap* heaps = nullptr;  // all others that are not deleted, the youngest first
  std::atomic<std::int64_t> references{1};
  std::uint32_t slot = 0;
  Embedding* embedding = nullptr;  // of a host's realm (embedding.h), its record goes with it
  Realm* next = nullptr;
  Realm* previous = nullptr;
};

// The realm of all threads that joined no other; first in the list of realms.
ASHLAR_HIDDEN extern constinit Realm main_realm;

// The calling thread's.
inline Realm* current_realm() {
  return thread_heap == &empty_heap ? &main_realm : thread_heap->backing->home->realm;
}

// A new realm with its main heap; nullptr where memory is short.
Realm* make_realm();

// Has the calling thread leave its realm for this one: its pages stay behind as orphans. False, and
// all as it was, where memory is short, the thread has ended, or the call comes from inside of a
// deferred free.
bool join_realm(Realm* realm);

// Gives a realm up. Blocks stay valid, and threads stay in it; when both are gone its memory is
// unmapped. Not for the main realm.
void delete_realm(Realm* realm);

// Frees all that is in a realm. No other thread is in it or uses its heaps and blocks. Where other
// threads are in it an error is reported (EINVAL) and the realm is deleted instead.
void destroy_realm(Realm* realm);

void hold_realm(Realm* realm);
void drop_realm(Realm* realm);

// The realm behind this one in the list, held; lets go of this one. nullptr at the end.
Realm* step_to_next_realm(Realm* realm);

// Calls visit(Realm&) for each realm there is.
template <class Visit>
void for_each_realm(Visit visit) {
  for (Realm* realm = &main_realm; realm != nullptr; realm = step_to_next_realm(realm)) {
    visit(*realm);
  }
}

// Calls visit(heap, arg) for the main heap of a realm, then for its others that are there during
// the whole call; ends when it says false, and says so. No lock is held meanwhile: the visitor may
// delete the heap that it is shown.
bool visit_heaps(const Realm* realm, bool (*visit)(Heap* heap, void* arg), void* arg);

}  // namespace ashlar
