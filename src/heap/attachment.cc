// Attaching, abandoning and detaching a host's thread, and the sums that it keeps.
#include "heap/attachment.h"

#include <errno.h>

#include <new>

#include "heap/heap.h"
#include "heap/hold.h"
#include "heap/orphans.h"
#include "heap/page_source.h"
#include "heap/part_index.h"
#include "heap/process.h"
#include "heap/realm.h"
#include "heap/slow_calls.h"
#include "heap/thread_life.h"
#include "os/thread.h"
#include "page/ownership.h"
#include "support/messages.h"

namespace ashlar {
namespace {

constinit Lock lock{LockRank::kAttaching};

ASHLAR_THREAD_LOCAL bool ever_attached = false;

void enter(Attachment* attachment) {
  Embedding& embedding = *attachment->realm->embedding;
  LockGuard guard(embedding_lock());
  attachment->next = embedding.attachments;
  if (attachment->next != nullptr) {
    attachment->next->previous = attachment;
  }
  embedding.attachments = attachment;
}

void add_to_unowned(Embedding& embedding, const UseCounts<OwnedCount>& counts) {
  embedding.unowned.add(counts.blocks.total(), counts.bytes.total(), counts.pages.total());
}

void leave(Attachment* attachment) {
  Embedding& embedding = *attachment->realm->embedding;
  LockGuard guard(embedding_lock());
  (attachment->previous == nullptr ? embedding.attachments : attachment->previous->next) =
      attachment->next;
  if (attachment->next != nullptr) {
    attachment->next->previous = attachment->previous;
  }
  // What an unprepared fork left uncounted.
  add_to_unowned(embedding, attachment->counts);
}

// Gives the parts back, which have no pages.
void drop_parts(Attachment* attachment) {
  while (ThreadHeap* const part = attachment->backing.next_of_thread) {
    remove_part(&attachment->backing, &attachment->backing.next_of_thread);
    leave_heap(part);
    drop_thread_heap(part);
  }
  leave_heap(&attachment->backing);
  drop_embedded_part(&attachment->backing);
  metadata_pool.release(attachment, sizeof(Attachment));
}

// The page is nobody's from here on, unless it is empty and need not be held. While it still is the
// part's, so that the host hears whose it was.
void abandon_page(Attachment* attachment, Page* page) {
  collect_page(page);
  if (page->is_empty() && keep_held(page) == Kept::kNo) {
    release_page(page);
    return;
  }
  if (page->is_empty() && page->held_in.get() == HeldIn::kOwners) {
    leave_held_to_realm(attachment, page);
  } else {
    forget_held(page);  // a block was handed out since: the goal is cancelled
  }
  let_go(page);
}

void abandon_part(Attachment* attachment, ThreadHeap* part) {
  while (Page* const page = part->full.first()) {
    part->remove(page);
    abandon_page(attachment, page);
  }
  for (PageQueue& queue : part->queues) {
    while (Page* const page = queue.first()) {
      part->remove(page);
      abandon_page(attachment, page);
    }
  }
}

void abandon_huge(Attachment* attachment) {
  LockGuard guard(embedding_lock());
  while (Page* const page = attachment->huge) {
    attachment->huge = page->next;
    page->next = nullptr;
    page->previous = nullptr;
    page->heap = nullptr;
    set_owner(page, kNoOwner);
  }
}

void abandon_locked(Attachment* attachment) ASHLAR_REQUIRES(lock) {
  for (ThreadHeap* part = &attachment->backing; part != nullptr; part = part->next_of_thread) {
    abandon_part(attachment, part);
  }
  abandon_huge(attachment);
  attachment->looks_again = false;
}

std::int64_t bytes_in(const Page* page, std::int64_t blocks) {
  return blocks * static_cast<std::int64_t>(page->is_huge() ? page->block_size : room_of(page));
}

template <class Counts>
void add_page(Counts& counts, const Page* page, std::int64_t sign) {
  const auto blocks = sign * static_cast<std::int64_t>(page->counted);
  counts.add(blocks, bytes_in(page, blocks), sign * static_cast<std::int64_t>(page_bytes(page)));
}

// To or from the sums of who owns the page.
void count_page(Page* page, const ThreadHeap* part, std::int64_t sign) {
  Attachment* const attachment = attachment_of(const_cast<ThreadHeap*>(part));
  if (attachment != nullptr) {
    add_page(attachment->counts, page, sign);
  } else {
    add_page(home_of(page)->realm->embedding->unowned, page, sign);
  }
}

}  // namespace

Lock& attaching_lock() { return lock; }

bool is_embedded(const Page* page) {
  // Its home may change at any time: only whether there is one is read.
  return home_of(page) != nullptr && page->realm->embedding != nullptr;
}

Attached attach(Realm* realm, void* context, const HeapSpec* specs, std::size_t count,
                Attachment** attachment) {
  // So that this thread's end is told.
  if (thread_heap == &empty_heap && start_thread() == nullptr) {
    return Attached::kNoMemory;
  }
  note_thread();
  LockGuard guard(lock);
  Heap* heaps[kTags] = {};
  for (std::size_t i = 0; i < count; ++i) {
    bool known = false;
    heaps[i] = host_heap(realm, specs[i].tag, specs[i].prefix, specs[i].holds, &known);
    if (heaps[i] == nullptr) {
      return known ? Attached::kSpecDiffers : Attached::kNoMemory;
    }
  }
  void* const record = metadata_pool.allocate(sizeof(Attachment));
  if (record == nullptr) {
    return Attached::kNoMemory;
  }
  auto* const fresh = new (record) Attachment{};
  fresh->realm = realm;
  fresh->context = context;
  fresh->backing.attached = true;
  fresh->backing.start(thread_id(), heaps[0], &fresh->backing);
  enter_heap(&fresh->backing);
  for (std::size_t i = 0; i < count; ++i) {
    ThreadHeap* const part = part_of(&fresh->backing, heaps[i]);
    if (part == nullptr) {
      drop_parts(fresh);
      return Attached::kNoMemory;
    }
    fresh->parts[specs[i].tag] = part;
  }
  enter(fresh);
  ever_attached = true;
  *attachment = fresh;
  return Attached::kYes;
}

void abandon(Attachment* attachment) {
  LockGuard guard(lock);
  abandon_locked(attachment);
}

void detach(Attachment* attachment) {
  LockGuard guard(lock);
  abandon_locked(attachment);
  leave(attachment);
  drop_parts(attachment);
}

Attachment* first_attachment(const Embedding& embedding) {
  LockGuard guard(embedding_lock());
  return embedding.attachments;
}

bool has_attached() { return ever_attached; }

void abandon_own_attachments() {
  if (!ever_attached) {
    return;
  }
  LockGuard guard(lock);
  for_each_realm([](const Realm& realm) ASHLAR_NO_THREAD_SAFETY_ANALYSIS {
    if (realm.embedding != nullptr) {
      for_each_attachment_at_rest(*realm.embedding,
                                  [](Attachment& each) ASHLAR_NO_THREAD_SAFETY_ANALYSIS {
                                    if (each.backing.id == thread_id()) {
                                      abandon_locked(&each);
                                    }
                                  });
    }
  });
}

void forget_pages_of_vanished() {
  for_each_realm([](const Realm& realm) ASHLAR_NO_THREAD_SAFETY_ANALYSIS {
    if (realm.embedding == nullptr) {
      return;
    }
    for_each_attachment(*realm.embedding, [&realm](Attachment& each) {
      if (each.backing.id == thread_id()) {
        return;
      }
      for (ThreadHeap* part = &each.backing; part != nullptr; part = part->next_of_thread) {
        part->full = {};
        for (SizeClass c = 0; c < kSizeClassCount; ++c) {
          part->queues[c] = {};
          part->update_direct(c);
        }
      }
      each.held.clear();
      UseCounts<OwnedCount>& counts = each.counts;
      add_to_unowned(*realm.embedding, counts);
      counts.add(-counts.blocks.total(), -counts.bytes.total(), -counts.pages.total());
    });
  });
}

void enter_embedding(Page* page) { count_page(page, page->is_huge() ? nullptr : page->heap, 1); }

void leave_embedding(Page* page) {
  forget_held(page);
  count_page(page, page->is_huge() ? nullptr : page->heap, -1);
}

void note_use_slow(Page* page) {
  Attachment* const attachment = attachment_of(page->heap);
  const std::int64_t change = std::int64_t{page->used()} - page->counted;
  attachment->counts.add(change, bytes_in(page, change), 0);
  page->counted = page->used();
}

void move_between_sums(Page* page, ThreadHeap* from, ThreadHeap* to) {
  count_page(page, from, -1);
  page->counted = page->used();
  count_page(page, to, 1);
}

void own_huge(ThreadHeap* part, Page* page) {
  Attachment* const attachment = attachment_of(part);
  LockGuard guard(embedding_lock());
  page->heap = part;
  page->next = attachment->huge;
  if (page->next != nullptr) {
    page->next->previous = page;
  }
  attachment->huge = page;
  // relaxed: nobody knows of the block yet.
  page->owner.store(part->id | kOwnerHuge, std::memory_order_relaxed);
}

bool leave_huge_slow(Page* page) {
  if (page->is_empty()) {
    report_error(EAGAIN, "free: double free of %p, a block of %zu bytes", page->start,
                 page->block_size);
    return true;
  }
  if (is_asking_host()) {
    report_error(EINVAL,
                 "free: %p, a block of %zu bytes, is freed from within page_empty or goal_reached; "
                 "it is lost",
                 page->start, page->block_size);
    return true;
  }
  LockGuard guard(embedding_lock());
  Attachment* const attachment = attachment_of(page->heap);
  if (attachment != nullptr) {
    (page->previous == nullptr ? attachment->huge : page->previous->next) = page->next;
    if (page->next != nullptr) {
      page->next->previous = page->previous;
    }
    page->next = nullptr;
    page->previous = nullptr;
  }
  void* const context = attachment == nullptr ? nullptr : attachment->context;
  page->heap = nullptr;
  set_owner(page, kNoOwner);
  // Held or not, no block of it is in use.
  Embedding& embedding = *home_of(page)->realm->embedding;
  embedding.unowned.add(-1, -bytes_in(page, 1), 0);
  page->counted = 0;
  if (!home_of(page)->holds.get()) {
    return false;
  }
  page->counts.set_used(0);
  return keep_held_huge(page, context) == Kept::kYes;
}

}  // namespace ashlar
