// Asking the host, and releasing what it says nobody reads any more.
#include "heap/hold.h"

#include <errno.h>

#include "heap/attachment.h"
#include "heap/embedding.h"
#include "heap/huge.h"
#include "heap/orphans.h"
#include "heap/page_source.h"
#include "heap/realm.h"
#include "os/thread.h"
#include "page/ownership.h"
#include "support/messages.h"

namespace ashlar {
namespace {

// How deep the calling thread is inside of answers of the host's.
ASHLAR_THREAD_LOCAL int asking = 0;

Embedding& embedding_of(const Page* page) { return *home_of(page)->realm->embedding; }

bool has_ended(const Embedding& embedding) {
  // relaxed: who has to be sure looks again under the lock that it was set under.
  return embedding.ended.load(std::memory_order_relaxed);
}

bool is_reached(const Embedding& embedding, void* context, std::uint64_t goal, bool scan) {
  const HostOps& ops = embedding.ops;
  if (ops.goal_reached == nullptr) {
    return false;
  }
  ++asking;
  const bool reached = ops.goal_reached(ops, context, goal, scan);
  --asking;
  return reached;
}

void report_early_release(const Page* page) {
  report_error(
      EINVAL,
      "page_empty: the page at %p is to be released, but its goal of earlier, %llu, is not "
      "reached; it is held until then",
      page->start, static_cast<unsigned long long>(page->goal));
}

void report_goal_back(const Page* page, std::uint64_t goal, std::uint64_t earlier) {
  report_error(
      EINVAL,
      "page_empty: the goal %llu for the page at %p lies before the goal %llu that was given "
      "earlier; the page is held until the later one",
      static_cast<unsigned long long>(goal), page->start, static_cast<unsigned long long>(earlier));
}

std::uint64_t later_of(const Page* page, std::uint64_t goal, std::uint64_t earlier) {
  if (!is_before(goal, earlier)) {
    return goal;
  }
  report_goal_back(page, goal, earlier);
  return earlier;
}

// Asks the host; where the page is to be held, that is noted in it. `last` is the goal before it in
// the list that it is going to stand in, if goals may not go back there.
Kept ask(Page* page, void* context, const Page* last) {
  const Embedding& embedding = embedding_of(page);
  const HostOps& ops = embedding.ops;
  if (ops.page_empty == nullptr || has_ended(embedding)) {
    return Kept::kNo;
  }
  std::uint64_t goal = 0;
  ++asking;
  const std::size_t bytes = block_memory_bytes(page);
  const HostAnswer answer = ops.page_empty(ops, context, page->start, bytes, &goal);
  --asking;
  if (answer == HostAnswer::kMayGo) {
    if (!page->has_goal || is_reached(embedding, context, page->goal, false)) {
      return Kept::kNo;
    }
    report_early_release(page);
    goal = page->goal;
  }
  goal = page->has_goal ? later_of(page, goal, page->goal) : goal;
  page->goal = last != nullptr ? later_of(page, goal, last->goal) : goal;
  page->has_goal = true;
  page->seen_when_held = handed_out_so_far(page);
  return Kept::kYes;
}

// Held as nobody's; kNo where the realm has ended meanwhile.
Kept enter_realms_list(Page* page) ASHLAR_REQUIRES(embedding_lock()) {
  Embedding& embedding = embedding_of(page);
  if (has_ended(embedding)) {
    return Kept::kNo;
  }
  embedding.held.insert(page, HeldIn::kRealms);
  return Kept::kYes;
}

// Of an attached thread: the page leaves its queue and is released.
std::size_t release_own(Page* page) {
  const std::size_t bytes = block_memory_bytes(page);
  ThreadHeap* const part = page->heap;
  part->remove(page);
  part->queues[page->size_class].note_released();
  release_page(page);
  return bytes;
}

// Releases a page that was taken out of the realm's list.
std::size_t release_unowned(Page* page) {
  const std::size_t bytes = block_memory_bytes(page);
  if (page->is_huge()) {
    release_huge(page);
  } else if (settle_page(page) == Settled::kStays) {
    note_adopted(home_of(page));
    release_page(page);
  }
  return bytes;
}

// Takes pages out of the realm's list, as far as a goal or (nullptr) all; linked by next. Those
// that an adopter has taken already are its own.
Page* take_upto(Embedding& embedding, const std::uint64_t* goal) {
  Page* taken = nullptr;
  LockGuard guard(embedding_lock());
  Page* page = embedding.held.first();
  while (page != nullptr && (goal == nullptr || !is_before(*goal, page->goal))) {
    Page* const next = page->next_held;
    if (is_huge_word(page) || try_own(&page->remote) == Taken::kYes) {
      embedding.held.remove(page);
      page->next = taken;
      taken = page;
    }
    page = next;
  }
  return taken;
}

std::size_t release_taken(Page* taken) {
  std::size_t bytes = 0;
  while (taken != nullptr) {
    Page* const page = taken;
    taken = page->next;
    page->next = nullptr;
    bytes += release_unowned(page);
  }
  return bytes;
}

bool first_goal(Embedding& embedding, std::uint64_t* goal) {
  LockGuard guard(embedding_lock());
  const Page* const first = embedding.held.first();
  if (first == nullptr) {
    return false;
  }
  *goal = first->goal;
  return true;
}

std::size_t poll_unowned(Realm* realm, void* context, bool scan) {
  std::size_t bytes = 0;
  std::uint64_t goal = 0;
  while (first_goal(*realm->embedding, &goal) &&
         is_reached(*realm->embedding, context, goal, scan)) {
    const std::size_t released = release_unowned_upto(realm, goal);
    if (released == 0) {
      break;  // an adopter has what is left up to there
    }
    bytes += released;
  }
  return bytes;
}

// A page whose goal was cancelled leaves the list; where it is empty again the host is asked anew.
std::size_t renew(Attachment* attachment, Page* page) {
  attachment->held.remove(page);
  return page->is_empty() && keep_held_slow(page) == Kept::kNo ? release_own(page) : 0;
}

}  // namespace

bool is_asking_host() { return asking != 0; }

Kept keep_held_slow(Page* page) {
  Attachment* const attachment = attachment_of(page->heap);
  if (attachment == nullptr) {
    return Kept::kNo;
  }
  note_use_slow(page);
  if (page->held_in.get() == HeldIn::kOwners) {
    if (is_standing(page)) {
      return Kept::kYes;
    }
    attachment->held.remove(page);
  }
  const Kept kept = ask(page, attachment->context, attachment->held.last());
  if (kept == Kept::kYes) {
    attachment->held.insert(page, HeldIn::kOwners);
  }
  return kept;
}

Kept keep_held_orphan_slow(Page* page) {
  if (page->held_in.get() == HeldIn::kRealms) {
    if (is_standing(page)) {
      return Kept::kYes;
    }
    forget_held_slow(page);
  }
  if (ask(page, nullptr, nullptr) == Kept::kNo) {
    return Kept::kNo;
  }
  LockGuard guard(embedding_lock());
  return enter_realms_list(page);
}

Kept keep_held_huge(Page* page, void* context) {
  return ask(page, context, nullptr) == Kept::kYes ? enter_realms_list(page) : Kept::kNo;
}

void forget_held_slow(Page* page) {
  if (page->held_in.get() == HeldIn::kOwners) {
    attachment_of(page->heap)->held.remove(page);
    return;
  }
  LockGuard guard(embedding_lock());
  embedding_of(page).held.remove(page);
}

void leave_held_to_realm(Attachment* from, Page* page) {
  from->held.remove(page);
  LockGuard guard(embedding_lock());
  // Where the realm has ended, who lets go of the page releases it.
  static_cast<void>(enter_realms_list(page));
}

std::size_t poll_held(Attachment* attachment, bool scan) {
  if (is_asking_host()) {
    return 0;
  }
  std::size_t bytes = 0;
  while (Page* const page = attachment->held.first()) {
    if (!is_standing(page)) {
      bytes += renew(attachment, page);
    } else if (is_reached(embedding_of(page), attachment->context, page->goal, scan)) {
      bytes += release_held_upto(attachment, page->goal);
    } else {
      break;
    }
  }
  return bytes + poll_unowned(attachment->realm, attachment->context, scan);
}

std::size_t release_held_upto(Attachment* attachment, std::uint64_t goal) {
  std::size_t bytes = 0;
  while (Page* const page = attachment->held.first()) {
    if (is_before(goal, page->goal)) {
      break;
    }
    if (is_standing(page)) {
      bytes += release_own(page);
    } else {
      attachment->held.remove(page);
      attachment->looks_again = attachment->looks_again || page->is_empty();
    }
  }
  return bytes;
}

std::size_t release_unowned_upto(Realm* realm, std::uint64_t goal) {
  return release_taken(take_upto(*realm->embedding, &goal));
}

std::size_t release_whole_realm_upto(Realm* realm, std::uint64_t goal) {
  std::size_t bytes = release_unowned_upto(realm, goal);
  LockGuard guard(attaching_lock());
  for_each_attachment_at_rest(*realm->embedding,
                              [&](Attachment& each) { bytes += release_held_upto(&each, goal); });
  return bytes;
}

void release_all_unowned(Realm* realm) { release_taken(take_upto(*realm->embedding, nullptr)); }

}  // namespace ashlar
