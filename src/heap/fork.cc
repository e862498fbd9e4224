// Forking: locks are taken before and released after, and in the child the pages of the threads
// that it lacks become orphans.
//
// The child's memory is a copy of the parent's at one moment, in the middle of whatever the other
// threads were doing. So the lists of pages that they owned are not followed any more: what was
// free in them is lost until the page's last block is freed, and with it the page is. Lost as
// well, for each such thread: one block that it was taking or freeing, and one run of slices that
// it was claiming, releasing or (up to 64 slices) purging. Blocks that the program had are never
// lost, since they were handed out before the moment of the copy.
#include "heap/fork.h"

#include "heap/attachment.h"
#include "heap/embedding.h"
#include "heap/guards.h"
#include "heap/heap.h"
#include "heap/held_back.h"
#include "heap/late_heap.h"
#include "heap/orphans.h"
#include "heap/page_source.h"
#include "heap/process.h"
#include "heap/purge_thread.h"
#include "heap/realm.h"
#include "heap/thread_life.h"
#include "os/thread.h"
#include "support/messages.h"
#include "support/stats.h"

namespace ashlar {
namespace {

// All locks are taken, outermost first, so that none is held by a thread that the child lacks. The
// program's own handlers may run before or after these, and allocate.
void before_fork() ASHLAR_NO_THREAD_SAFETY_ANALYSIS {
  process_lock().lock();
  purge_lock().lock();
  late_heap_lock().lock();
  attaching_lock().lock();
  heaps_lock().lock();
  embedding_lock().lock();
  lone_pages_lock().lock();
  ArenaSet<System>::lock().lock();
  metadata_pool.lock().lock();
  guard_pool.lock().lock();
  held_back_lock().lock();
  random_lock().lock();
  messages_lock().lock();
  Lock::hold_for_fork();
}

void after_fork() ASHLAR_NO_THREAD_SAFETY_ANALYSIS {
  Lock::let_go_after_fork();
  messages_lock().unlock();
  random_lock().unlock();
  guard_pool.lock().unlock();
  held_back_lock().unlock();
  metadata_pool.lock().unlock();
  ArenaSet<System>::lock().unlock();
  lone_pages_lock().unlock();
  embedding_lock().unlock();
  heaps_lock().unlock();
  attaching_lock().unlock();
  late_heap_lock().unlock();
  purge_lock().unlock();
  process_lock().unlock();
}

// Whether the page was in the hands of a thread that is gone: by its owner word, or because its
// remote word says that it has an owner while none is named (it was changing hands).
bool was_a_vanished_threads(const Page* page) {
  if (is_huge_word(page) || page_map.find(page->start) != page) {
    return false;
  }
  const std::uintptr_t owner = owner_of(page) & ~kOwnerFlags;
  if (owner != kNoOwner && hosts_rest() && is_embedded(page)) {
    return false;
  }
  return owner == kNoOwner ? !is_orphan(page) : owner != thread_id() && owner != late_heap_id();
}

void orphan_torn_page(Page* page) {
  drop_lists(page);
  if (page->held_in.get() == HeldIn::kOwners) {
    page->held_in.set(HeldIn::kNone);  // its list is forgotten already
  }
  page->heap = nullptr;
  set_owner(page, kNoOwner);
  home_of(page)->realm->stats.orphan_pages.add(1);
  note_unowned(home_of(page), 1);
  publish(page);
}

void after_fork_in_child() {
  after_fork();
  note_single_thread();
  forget_purge_thread();
  forget_others_giving_back();
  if (!hosts_rest()) {
    forget_pages_of_vanished();
  }
  for_each_realm(
      [](Realm& realm) { for_each_page_entry(&realm, was_a_vanished_threads, orphan_torn_page); });
  forget_vanished_threads();
}

}  // namespace

void watch_forks() { System::at_fork(before_fork, after_fork, after_fork_in_child); }

}  // namespace ashlar
