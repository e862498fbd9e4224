// Held pages: empty pages that stay what they are until the host says that a goal is reached, since
// readers without locks may still look at blocks that were freed in them.
//
// A held page of an attached thread stays in the queue of its class, with all its blocks free, so
// the next request takes one of them as if nothing were. Fast paths know nothing of holds: that a
// block was handed out, and the goal cancelled with it, is found when the page is next looked at,
// by what it has handed out. A page that empties again comes by here again. An orphan that is held
// is found by its hint, as any other; who adopts it takes it out of the realm's list.
#pragma once

#include <cstddef>
#include <cstdint>

#include "heap/attachment.h"
#include "heap/embedding.h"
#include "heap/heap.h"
#include "page/page.h"

namespace ashlar {

// Whether the page of a part may go now that it is empty: kYes where it is not to be held. Else it
// is held; it may stand in its queue. Owner only (or who abandons in its place).
enum class Kept : bool { kNo = false, kYes = true };
[[nodiscard]] Kept keep_held_slow(Page* page);
[[nodiscard]] inline Kept keep_held(Page* page) {
  return likely(!home_of(page)->holds.get()) ? Kept::kNo : keep_held_slow(page);
}

// The same for an orphan that the caller has taken.
[[nodiscard]] Kept keep_held_orphan_slow(Page* page);
[[nodiscard]] inline Kept keep_held_orphan(Page* page) {
  return likely(!home_of(page)->holds.get()) ? Kept::kNo : keep_held_orphan_slow(page);
}

// The block of a huge page was freed: held, or kNo. The caller holds embedding_lock() and has taken
// the page out of its thread's list.
[[nodiscard]] Kept keep_held_huge(Page* page, void* context) ASHLAR_REQUIRES(embedding_lock());

// The page is held no longer: its caller is about to release it, or has adopted it.
void forget_held_slow(Page* page);
inline void forget_held(Page* page) {
  if (unlikely(page->held_in.get() != HeldIn::kNone)) {
    forget_held_slow(page);
  }
}

// A page that the thread gives up stays held, as nobody's. It stands in no queue.
void leave_held_to_realm(Attachment* from, Page* page);

// Whether the page still is as it was when its goal was given: no block was handed out since. Owner
// only, or at rest.
inline bool is_standing(const Page* page) {
  return page->is_empty() && handed_out_so_far(page) == page->seen_when_held;
}

// Releases what is held, oldest first, as far as the host says that goals are reached: of the
// thread, and of what nobody owns in its realm. Bytes released. Nothing within the host's answers.
std::size_t poll_held(Attachment* attachment, bool scan);

// The same as far as a goal, without asking. The thread's; the realm's that nobody owns.
std::size_t release_held_upto(Attachment* attachment, std::uint64_t goal);
std::size_t release_unowned_upto(Realm* realm, std::uint64_t goal);

// Both, of a realm whose threads are at rest.
std::size_t release_whole_realm_upto(Realm* realm, std::uint64_t goal);

// All that nobody owns, whatever the goals. The realm has ended.
void release_all_unowned(Realm* realm);

// Whether the calling thread is inside of one of the host's answers.
bool is_asking_host();

}  // namespace ashlar
