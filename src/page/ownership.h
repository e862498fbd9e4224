// Who owns a page: one word, one protocol, and all atomics that cross threads for a page.
// What an owner then does with its page is decided in src/heap.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/compiler.h"
#include "os/schedule.h"
#include "page/page.h"
#include "policy/layout.h"

namespace ashlar {

// A value of the remote word. Bit 0: orphan. Bits 1 to 31: blocks in the list. Bits 32 to 63: where
// the first block lies, in words from the page's start, plus one; 0 where there is none.
struct RemoteList {
  std::uint64_t value = 0;

  std::uint32_t count() const { return static_cast<std::uint32_t>(value) >> 1; }

  Block* first(const Page* page) const {
    const std::uint64_t words = value >> 32;
    return words == 0 ? nullptr : at_offset<Block>(page->start, (words - 1) * kWordSize);
  }

  // The list with `block` in front.
  RemoteList with(const Page* page, const Block* block) const {
    const std::uint64_t words = bytes_between(page->start, block) / kWordSize + 1;
    return {words << 32 | (std::uint64_t{count()} + 1) << 1};
  }
};

enum class Taken : bool { kNo = false, kYes = true };

// Frees a block into a page of another thread or of nobody. kYes: the page was an orphan, and
// the caller owns it now. Lock-free: a try fails only where another thread's succeeded. Until
// the push the page can't go away, since it holds the block; after it, unless taken, it can.
inline Taken push_remote(Page* page, Block* block) {
  const ScheduleWindow window(SchedulePoint::kPushRemote);
  std::atomic<std::uint64_t>& word = page->remote.word;
  // relaxed: the value is only put into the block and compared; the CAS orders.
  RemoteList seen{word.load(std::memory_order_relaxed)};
  RemoteList fresh;
  do {
    PageLinks::set_next(block, seen.first(page), page->keys);
    fresh = seen.with(page, block);
    schedule_point(SchedulePoint::kPushRemote);
    // acq_rel: release publishes block->next; pairs with the acquire in collect_remote.
    // Acquire: where the page was an orphan, pairs with the release in try_orphan, so that its
    // plain fields are seen as the last owner left them. relaxed: a failure reads again.
  } while (!word.compare_exchange_weak(seen.value, fresh.value, std::memory_order_acq_rel,
                                       std::memory_order_relaxed));
  return seen.value == RemoteWord::kOrphan ? Taken::kYes : Taken::kNo;
}

// Whether there are remote frees to collect. A hint to others than the owner.
inline bool has_remote_frees(const Page* page) {
  const ScheduleWindow window(SchedulePoint::kReadRemote);
  // relaxed: collect_remote reads again.
  return page->remote.word.load(std::memory_order_relaxed) > RemoteWord::kOrphan;
}

// The remote frees as they stand, for readers that take nothing: the list holds still only while no
// other thread frees into the page.
inline RemoteList remote_frees(const Page* page) {
  const ScheduleWindow window(SchedulePoint::kReadRemote);
  // acquire: pairs with the release in push_remote; the links of the list are seen.
  const RemoteList list{page->remote.word.load(std::memory_order_acquire)};
  return list.value == RemoteWord::kOrphan || list.value == RemoteWord::kHuge ? RemoteList{} : list;
}

// What a page had at one moment, as any thread may read it.
struct PageCounts {
  std::uint64_t handed_out = 0;  // blocks, since the page was made; for a huge block its bytes
  std::uint32_t live = 0;        // blocks that the program holds
  std::uint32_t kind = 0;        // size class plus one; 0: no page
};

// Reads them; false where they changed meanwhile. Owner: subtracts the remote list from those in
// use. Reader: sees one of the two only. So the owner brackets that by a change of version, and
// outside of it the remote list only grows: where it was the same before and after the reader
// looked at the blocks in use, all is of that moment.
inline bool try_read_counts(const Page* page, PageCounts* counts) {
  const ScheduleWindow window(SchedulePoint::kReadRemote);
  const std::uint32_t version = page->history.version();
  counts->kind = page->history.kind();
  const std::uint64_t kept = page->history.handed_out();
  // acquire: who sees the list taken sees the version change. The same below.
  const RemoteList before{page->remote.word.load(std::memory_order_acquire)};
  const BlockCounts::Seen seen = page->counts.read();
  const RemoteList after{page->remote.word.load(std::memory_order_acquire)};
  counts->handed_out = kept + seen.handed_out;
  counts->live = seen.used < after.count() ? 0 : seen.used - after.count();
  return version % 2 == 0 && version == page->history.version() && before.value == after.value;
}

// Moves the remote frees to free where that is empty, else to local_free; owner only. False where
// there are more of them than blocks in use: the list is dropped then, since no block in it can
// be trusted. Constant time where one of the two lists is empty, else linear in the remote frees.
bool collect_remote(Page* page);

// Collects all that was freed, so that `used` is exact and `free` has a block if any is free.
inline bool collect_page(Page* page) {
  use_local_frees(page);
  return !has_remote_frees(page) || collect_remote(page);
}

// Sees to it that `free` has a block, if any block of the page is free: what the owner freed
// comes first, since it is still in this processor's cache.
inline bool collect_some(Page* page) {
  use_local_frees(page);
  if (!page->has_free() && has_remote_frees(page)) {
    collect_remote(page);
  }
  return page->has_free();
}

// Lets go of a page: it is nobody's from here on, and the caller must not touch it again. False
// where remote frees came in: then the caller still owns it, and has to collect first.
inline bool try_orphan(Page* page) {
  const ScheduleWindow window(SchedulePoint::kTryOrphan);
  std::uint64_t owned = 0;
  // The next owner sees the plain fields as they are left here; pairs with the acquire in try_own
  // and push_remote. Beyond that: deleter: marks the heap, tries to own the page. Owner: lets the
  // page go, looks at the mark. One of the two must see the other.
  // seq_cst: for that, and release. relaxed: a failure changes nothing and reads nothing.
  return page->remote.word.compare_exchange_strong(
      owned, RemoteWord::kOrphan, std::memory_order_seq_cst, std::memory_order_relaxed);
}

// Takes an orphan; kNo where the page has an owner (or is no page any more).
// Takes the remote word, not the page: its entry may belong to no page, and is not read.
inline Taken try_own(RemoteWord* remote) {
  const ScheduleWindow window(SchedulePoint::kTryOwn);
  std::uint64_t orphan = RemoteWord::kOrphan;
  // seq_cst: as acquire, pairs with the release in try_orphan; and as said there, also where the
  // page is found to be owned.
  return remote->word.compare_exchange_strong(orphan, 0, std::memory_order_seq_cst,
                                              std::memory_order_seq_cst)
             ? Taken::kYes
             : Taken::kNo;
}

// Marks the page of a huge block, which anybody may free and nobody owns.
inline void mark_huge(Page* page) {
  // relaxed: nobody can know of the page yet; its home is the only field that others change.
  page->remote.word.store(RemoteWord::kHuge, std::memory_order_relaxed);
}

// The page is being released: from now on the entry reads as owned, as free slices do.
inline void clear_remote(Page* page) {
  // release: who reads this and took the page for a huge one sees that it has no home any more.
  page->remote.word.store(0, std::memory_order_release);
}

// Whether nobody owns the page. A hint, unless no other thread runs.
inline bool is_orphan(const Page* page) {
  // relaxed: see above.
  return page->remote.word.load(std::memory_order_relaxed) == RemoteWord::kOrphan;
}

// Drops all lists of a page whose owner is gone and left them in an unknown state; what stood in
// them is lost until the page is empty. No other thread runs.
void drop_lists(Page* page);

// Whether the page is a huge block's.
inline bool is_huge_word(const Page* page) {
  // acquire: pairs with the release of whoever handed the slices on; what is not huge any more
  // has a home that changed before.
  return page->remote.word.load(std::memory_order_acquire) == RemoteWord::kHuge;
}

// Whose blocks a page holds, as any thread may read it; nullptr where no page is. The owner's
// answer is exact, any other may be out of date by the time it is used.
inline Heap* home_of(const Page* page) {
  // relaxed: a pointer to a record that stays mapped; who acts on it owns the page first.
  return page->home.load(std::memory_order_relaxed);
}

// The owner word as any thread may read it: the id and the flags. A thread that finds its own id
// wrote it itself, so the answer "mine" is exact; any other answer may be out of date.
ASHLAR_ALWAYS_INLINE std::uintptr_t owner_of(const Page* page) {
  const ScheduleWindow window(SchedulePoint::kReadOwner);
  // relaxed: see above; what the page holds is ordered by how its blocks are handed on.
  return page->owner.load(std::memory_order_relaxed);
}

// Whether the page is the calling thread's, whatever its flags.
inline bool is_own(const Page* page) { return (owner_of(page) & ~kOwnerFlags) == thread_id(); }

// Writes the owner's id (or kNoOwner) and keeps the flags that outlive owners. Owner only. The
// loop is there for a flag that another thread sets meanwhile, which it does once.
inline void set_owner(Page* page, std::uintptr_t id) {
  const ScheduleWindow window(SchedulePoint::kSetOwner);
  std::uintptr_t seen = owner_of(page);
  // relaxed: only the owner writes the id; readers use it as owner_of says. The same on failure.
  while (!page->owner.compare_exchange_weak(seen, id | (seen & kOwnerLasting),
                                            std::memory_order_relaxed, std::memory_order_relaxed)) {
  }
}

// Sets a flag of the owner word: kOwnerFull by the owner only; kOwnerInterior by any thread that
// holds a block of the page, as one does whose block comes from the late heap. Not a load and a
// store: owner: reads its id; other thread: sets the flag; owner: writes the id back without it,
// and the interior pointer is freed as if it were a block.
inline void set_owner_flag(Page* page, std::uintptr_t flag) {
  const ScheduleWindow window(SchedulePoint::kSetFlag);
  // relaxed: as in set_owner. A thread that is handed an interior pointer sees the flag, since
  // it was set before the pointer was returned.
  page->owner.fetch_or(flag, std::memory_order_relaxed);
}
inline void clear_owner_flag(Page* page, std::uintptr_t flag) {
  const ScheduleWindow window(SchedulePoint::kSetFlag);
  // relaxed: as in set_owner.
  page->owner.fetch_and(~flag, std::memory_order_relaxed);
}

}  // namespace ashlar
