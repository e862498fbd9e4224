// What a host's thread keeps in a realm through the embedding interface: its parts of the realm's
// heaps, by tag, and what it holds. Any OS thread may have several. What holds are is hold.h's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/owned_count.h"
#include "heap/embedding.h"
#include "heap/held_list.h"
#include "heap/thread_heap.h"
#include "page/page.h"

namespace ashlar {

// A heap that a thread wants to have.
struct HeapSpec {
  unsigned tag = 0;
  std::uint8_t prefix = 0;
  bool holds = false;
};

// Owner:       its OS thread: all fields but those named next; whoever abandons it in its place,
// while
//              the thread is stopped, and holds attaching_lock()
// Shared:      counts, read by all; next, previous and huge are guarded by embedding_lock()
// Invariants:  parts[tag] is the backing part or one that it leads to; all pages of these have the
//              OS thread's id in their owner words;
//              huge leads through the pages of all live huge blocks of the parts;
//              counts = sums over the pages of the parts of what Page::counted says
// Life:        record -> attached, with pages and without -> record back
struct Attachment {
  ThreadHeap backing;  // the first of the parts; stands first, so that the parts lead back to here
  Realm* realm;
  void* context;
  ThreadHeap* parts[kTags];
  HeldList held;
  Page* huge;  // linked by next and previous
  Attachment* next;
  Attachment* previous;
  UseCounts<OwnedCount> counts;
  bool looks_again;  // a visit has found pages empty, which stand where they stood
};

// The attachment of a part; nullptr for other threads' parts.
inline Attachment* attachment_of(ThreadHeap* part) {
  return part == nullptr || !part->attached ? nullptr
                                            : reinterpret_cast<Attachment*>(part->backing);
}

// Whether a page lies in a host's realm. For who owns the page, or holds a block of it.
bool is_embedded(const Page* page);

// Held while a thread is attached, abandoned or detached.
Lock& attaching_lock();

// Why a thread was not attached.
enum class Attached : std::uint8_t { kYes, kNoMemory, kSpecDiffers };

// Attaches the calling thread; on success *attachment.
Attached attach(Realm* realm, void* context, const HeapSpec* specs, std::size_t count,
                Attachment** attachment);

// Makes all its pages orphans; and gives its record back.
void abandon(Attachment* attachment);
void detach(Attachment* attachment);

// The calling OS thread ends: abandons all that it has attached.
void abandon_own_attachments();

// Whether it ever attached anything, so that its end has to be told.
bool has_attached();

// In a forked child where the host had not said that its threads were at rest: those that it lacks
// have no pages any more, since these are dealt with already.
void forget_pages_of_vanished();

Attachment* first_attachment(const Embedding& embedding);

// The attached threads of a realm under the lock: calls visit(attachment).
template <class Visit>
void for_each_attachment(const Embedding& embedding, Visit visit)
    ASHLAR_REQUIRES(embedding_lock()) {
  for (Attachment* each = embedding.attachments; each != nullptr; each = each->next) {
    visit(*each);
  }
}

// A page of a host's realm was made; and is about to be released: what the files above keep of it.
void enter_embedding(Page* page);
void leave_embedding(Page* page);

// The same under the lock that the list changes under as well, for what may release pages.
template <class Visit>
void for_each_attachment_at_rest(const Embedding& embedding, Visit visit)
    ASHLAR_REQUIRES(attaching_lock()) {
  for (Attachment* each = first_attachment(embedding); each != nullptr; each = each->next) {
    visit(*each);
  }
}

// Brings the sums of who owns the page up to date with the page. Owner only.
void note_use_slow(Page* page);
inline void note_use(Page* page) {
  if (unlikely(page->heap->attached)) {
    note_use_slow(page);
  }
}

// An owned page changes hands: its share of the sums goes along. nullptr: nobody's.
void move_between_sums(Page* page, ThreadHeap* from, ThreadHeap* to);

// A huge block of an attached thread's, made just now; and before its page is released, by whoever
// freed it: true where it is held instead.
void own_huge(ThreadHeap* part, Page* page);
bool leave_huge_slow(Page* page);

}  // namespace ashlar
