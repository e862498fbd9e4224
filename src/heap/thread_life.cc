// Threads come and go: what they keep are records of the metadata pool.
#include "heap/thread_life.h"

#include "heap/attachment.h"
#include "heap/heap.h"
#include "heap/orphans.h"
#include "heap/part_index.h"
#include "heap/process.h"
#include "heap/purge_thread.h"
#include "heap/realm.h"
#include "heap/tuning.h"
#include "os/system.h"
#include "support/stats.h"

namespace ashlar {
namespace {

// Set when the system has told us that the thread ends: what it still allocates comes from the
// late heap, since nobody would give a heap of its own back.
ASHLAR_THREAD_LOCAL bool ended = false;

// The heartbeat goes on from here should the thread begin again after it was ended by hand.
ASHLAR_THREAD_LOCAL std::uint64_t last_heartbeat = 0;

// The parts for the main heap of all threads, by the threads' ids, linked by next_of_heap. A
// thread whose end we are not told of (it called us first when its keys were being destroyed)
// stays here until another thread gets the same id, and all that it left.
constexpr std::size_t kRegisterSize = 64;
constinit ThreadHeap* registered[kRegisterSize] = {};  // guarded by heaps_lock()

ThreadHeap*& row_of(std::uintptr_t id) {
  // Ids are addresses of thread control blocks, which lie at least a stack apart.
  return registered[(id >> 12 ^ id >> 20) % kRegisterSize];
}

ThreadHeap* find_registered(std::uintptr_t id) {
  LockGuard guard(heaps_lock());
  ThreadHeap* part = row_of(id);
  while (part != nullptr && part->id != id) {
    part = part->next_of_heap;
  }
  return part;
}

void enter(ThreadHeap* backing) {
  LockGuard guard(heaps_lock());
  ThreadHeap*& row = row_of(backing->id);
  backing->next_of_heap = row;
  row = backing;
}

void leave(const ThreadHeap* backing) {
  LockGuard guard(heaps_lock());
  ThreadHeap** link = &row_of(backing->id);
  while (*link != backing) {
    link = &(*link)->next_of_heap;
  }
  *link = backing->next_of_heap;
}

// Counts a thread's part of a main heap that came or goes.
void note_backing(const Heap* home, bool comes) {
  RealmStats& stats = home->realm->stats;
  if (comes) {
    stats.threads.add(1);
    stats.thread_heaps.add(1);
  } else {
    stats.threads.sub(1);
    stats.thread_heaps.sub(1);
  }
}

void give_back(ThreadHeap* backing) {
  // First, so that nothing that runs below finds a heap that is being taken apart.
  thread_heap = &empty_heap;
  while (ThreadHeap* const part = backing->next_of_thread) {
    remove_part(backing, &backing->next_of_thread);
    if (!leave_heap(part)) {
      orphan_all(part);
    }
    drop_thread_heap(part);
  }
  orphan_all(backing);
  last_heartbeat = backing->heartbeat;
  leave(backing);
  note_backing(backing->home, false);
  if (tuning.purges_at_thread_end.get()) {
    purge_now(backing->home->realm);
  }
  drop_thread_heap(backing);
  note_thread_gone();
}

// Threads whose end is being dealt with, and whether the library is being unloaded, so that ends
// mean nothing any more.
constinit std::atomic<std::uint32_t> ending{0};
constinit std::atomic<bool> unloading{false};

// Looks at `ending` before an unloading library goes on without waiting any longer.
constexpr int kEndWaits = 10'000;

void thread_exits(void* record) {
  // seq_cst: this thread says that it is here, and looks whether it may be; who unloads says that
  // nobody may, and looks who is here. One of the two sees the other.
  ending.fetch_add(1, std::memory_order_seq_cst);
  ended = true;
  // seq_cst: as above.
  if (!unloading.load(std::memory_order_seq_cst)) {
    abandon_own_attachments();
    if (thread_heap != &empty_heap && thread_heap->backing == record) {
      give_back(thread_heap->backing);
    }
  }
  // release: what was done is seen by who waits for it.
  ending.fetch_sub(1, std::memory_order_release);
}

ThreadHeap* make_backing(Heap* home) {
  auto* const backing = static_cast<ThreadHeap*>(metadata_pool.allocate(sizeof(ThreadHeap)));
  if (backing != nullptr) {
    hold_heap(home);
    backing->start(thread_id(), home, backing);
    backing->heartbeat = last_heartbeat;
    enter(backing);
    note_backing(home, true);
  }
  return backing;
}

// Makes it the calling thread's. The heap is in place before the system is asked to tell of the
// thread's end, since libc may allocate for that. Where it fails, the thread's pages stay owned
// when it ends, until a thread with the same id comes.
void begin(ThreadHeap* backing) {
  thread_heap = backing;
  System::at_thread_exit(thread_exits, backing);
}

}  // namespace

ThreadHeap* start_thread() {
  if (ended) {
    return nullptr;
  }
  start_process();
  note_thread();
  ThreadHeap* backing = find_registered(thread_id());
  if (backing != nullptr && backing->home != &main_heap) {
    give_back(backing);
    backing = nullptr;
  }
  if (backing == nullptr) {
    backing = make_backing(&main_heap);
  }
  if (backing != nullptr) {
    begin(backing);
  }
  return backing;
}

bool join_realm(Realm* realm) {
  if (current_realm() == realm && thread_heap != &empty_heap) {
    return true;
  }
  if ((thread_heap == &empty_heap && start_thread() == nullptr) ||
      thread_heap->backing->in_deferred_free) {
    return false;
  }
  ThreadHeap* const old = thread_heap->backing;
  ThreadHeap* const fresh = old->home->realm == realm ? old : make_backing(realm->main);
  if (fresh == nullptr) {
    return false;
  }
  if (fresh != old) {
    fresh->in_pool = old->in_pool;
    fresh->heartbeat = old->heartbeat;
    give_back(old);
    begin(fresh);
  }
  return true;
}

void end_thread() {
  if (thread_heap == &empty_heap) {
    return;
  }
  if (thread_heap->backing->in_deferred_free) {
    // Called from inside of an allocation, which goes on with the record afterwards.
    park_thread();
    thread_heap = thread_heap->backing;
    return;
  }
  // What it has attached still is to be abandoned when the thread ends.
  System::at_thread_exit(thread_exits, has_attached() ? &ended : nullptr);
  give_back(thread_heap->backing);
}

void park_thread() {
  if (thread_heap == &empty_heap) {
    return;
  }
  ThreadHeap* const backing = thread_heap->backing;
  settle_thread(backing);
  for (ThreadHeap* part = backing; part != nullptr; part = part->next_of_thread) {
    orphan_all(part);
  }
}

void note_pool_thread() {
  if (thread_heap != &empty_heap || start_thread() != nullptr) {
    thread_heap->backing->in_pool = true;
  }
}

void for_each_thread(void (*visit)(ThreadHeap& part, void* arg), void* arg) {
  LockGuard guard(heaps_lock());
  for (ThreadHeap* row : registered) {
    for (ThreadHeap* part = row; part != nullptr; part = part->next_of_heap) {
      visit(*part, arg);
    }
  }
}

bool thread_has_ended() { return ended; }

void stop_thread_ends() {
  System::forget_thread_exits();
  // seq_cst: see thread_exits.
  unloading.store(true, std::memory_order_seq_cst);
  // seq_cst: as above.
  for (int i = 0; ending.load(std::memory_order_seq_cst) != 0 && i < kEndWaits; ++i) {
    System::yield();
  }
}

void forget_all_threads() {
  System::at_thread_exit(thread_exits, nullptr);
  LockGuard guard(heaps_lock());
  for (ThreadHeap*& row : registered) {
    row = nullptr;
  }
}

void forget_vanished_threads() {
  const std::uintptr_t id = thread_id();
  forget_other_threads(id);
  for (ThreadHeap*& row : registered) {
    for (ThreadHeap** link = &row; *link != nullptr;) {
      ThreadHeap* const part = *link;
      if (part->id == id) {
        link = &part->next_of_heap;
      } else {
        *link = part->next_of_heap;
        note_backing(part->home, false);
        drop_thread_heap(part);
      }
    }
  }
}

}  // namespace ashlar
