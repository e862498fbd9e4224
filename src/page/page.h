// The page: one or more slices with blocks of one size, and what its owner does with its lists.
// Who may own it, and what other threads may do, is ownership.h's; queues are page_queue.h's.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "arena/arena.h"
#include "base/compiler.h"
#include "base/integer.h"
#include "base/relaxed.h"
#include "base/units.h"
#include "os/system.h"
#include "page/block.h"
#include "page/block_counts.h"
#include "page/size_class.h"
#include "policy/layout.h"
#include "support/noted_stacks.h"

namespace ashlar {

struct Heap;
struct Realm;
struct ThreadHeap;

using SystemArena = Arena<System>;
using PageLinks = Links<kActive>;

// In which of its thread heap's lists a page stands.
enum class PageList : std::uint8_t { kNone, kQueue, kFull };

// In which list of held pages a page stands (heap/hold.h).
enum class HeldIn : std::uint8_t { kNone, kOwners, kRealms };

// Flags in the low bits of the owner word. A free whose page has one of them set does not find
// its own thread there, and takes the slow path: that is the point of them.
inline constexpr std::uintptr_t kOwnerInterior = 1;  // blocks may be freed by an interior pointer
inline constexpr std::uintptr_t kOwnerFull = 2;      // stands in the list of full pages
inline constexpr std::uintptr_t kOwnerSlow = 4;      // every call is slow (heap/slow_calls.h)
inline constexpr std::uintptr_t kOwnerHuge =
    8;  // a huge block of an attached thread (attachment.h)
inline constexpr std::uintptr_t kOwnerFlags = kOwnerInterior | kOwnerFull | kOwnerSlow | kOwnerHuge;
// Those that are the page's, whoever owns it.
inline constexpr std::uintptr_t kOwnerLasting = kOwnerInterior | kOwnerSlow;
inline constexpr std::uintptr_t kNoOwner = 0;

// Where a block was allocated, and last freed, in profiles that note it (padding.h).
struct BlockSites {
  NotedStack allocated;
  NotedStack freed;
};

// What a page had handed out, and in use, when it was last asked whether it is idle.
struct SeenCounts {
  std::uint32_t handed_out;
  std::uint32_t used;
};

// What is noted of a page while its owner decides which blocks are to move (heap/defragment.h).
enum class OfferAnswer : std::uint8_t { kStay, kMove };
struct Offer {
  std::uint64_t sum = 0;     // of the marks of the blocks offered
  std::uint32_t blocks = 0;  // that the program offered to move, one offered twice counted twice
  OfferAnswer answer = OfferAnswer::kStay;
  bool taken = false;  // the page was an orphan until then
};

// The list of blocks freed by other threads than the owner, its length, and whether there is an
// owner: all in one word, so that one atomic operation tells and changes all three. With the
// length at hand the owner takes the list over without walking it, which would fetch a line of
// another processor for each block before any of them is of use.
//
// Shared:      word, by every thread; all operations on it are in ownership.h
// Invariants:  0: owned, no remote frees (so slices that hold no page read as owned);
//              kOrphan: nobody owns the page, and it has no remote frees;
//              kHuge: a huge block's page, which never has an owner or a list;
//              any other value: owned, and a list
// Life:        zero from the start; zero again when the page is released
struct RemoteWord {
  static constexpr std::uint64_t kOrphan = 1;
  static constexpr std::uint64_t kHuge = 3;  // no list of one or more blocks looks like this
  std::atomic<std::uint64_t> word;
};

// Owner:       the thread heap named by owner's id: all plain fields. Without an owner, whoever
//              took the page by its remote word (ownership.h) until it is published again
// Shared:      owner (written by the owner, read by all); the second line is written while the
//              page is made or changes hands and read by all; remote is ownership.h's
// Invariants:  used + |free| + |local_free| + lost + withdrawn = capacity <= reserved, where used
//              counts the blocks in the remote list as long as they are not collected;
//              home is not null while a page is here, and null in every other entry;
//              huge pages have one block, capacity = reserved = 1, used = 1 (0 where it is held),
//              and no owner but the thread that an attachment keeps it for, which is not alone with
//              it
// Life:        zero (no page) -> made -> owned <-> orphan -> zero
struct alignas(kCacheLine) Page {
  // First line: what malloc and a local free write.
  Block* free;             // what malloc pops
  Block* local_free;       // what the owner's frees push
  BlockCounts counts;      // among them: blocks that are not in free or local_free
  std::uint32_t capacity;  // blocks that lists or users may hold: touched so far
  Page* next;              // in the owner's list
  Page* previous;
  std::uint8_t retire_visits;  // slow paths that this page, while empty, is still kept for
  PageList list;
  Contents free_contents;   // what the blocks in free hold behind their first word
  Contents fresh_contents;  // what the page beyond its capacity holds
  std::uint32_t withdrawn;  // free blocks in no list, since they lie in hollow OS pages
  [[no_unique_address]] PageLinks::Keys keys;

  // Second line: read by every free.
  alignas(kCacheLine) std::atomic<std::uintptr_t> owner;  // thread id, or 0, with flags
  void* start;                                            // of block 0
  std::size_t block_size;                                 // bytes from block to block
  SystemArena* arena;       // that holds the slices; nullptr: a mapping of its own
  ThreadHeap* heap;         // of the owner
  std::atomic<Heap*> home;  // whose blocks these are; changed by the owner (heap/heap.h)
  std::uint32_t reserved;   // blocks that fit
  SliceCount slices;
  SizeClass size_class;  // kHugeClass for a huge block's page
  std::uint32_t lost;    // blocks in no list until the page is empty: what a fork left behind

  // Second pair of lines: what other threads write. The word is not reset when a page is made: a
  // stale hint may look at it at any time, and finds 0, "owned", from the release of the last page.
  alignas(kCacheLine) RemoteWord remote;
  PageHistory history;  // the owner's; readers of statistics look at it
  // Units of each slice that may be resident (Arena::untouched); not of huge pages.
  std::uint8_t touched[kMediumPageSlices.value];
  bool guarded;  // an OS page at its end is not accessible
  // Of pages of attached threads' heaps; what is said of them is in heap/hold.h. The prefix is
  // constant from when the page is made, so that any thread may read it.
  RelaxedNumber<HeldIn> held_in;
  bool has_goal;  // one was given since the page was made
  std::uint8_t prefix;
  std::uint32_t counted;         // blocks in use, as its thread's sums have it
  std::uint32_t seen_when_held;  // blocks handed out when it was held
  std::uint64_t goal;            // constant while it stands in a list of held pages
  Page* next_held;
  Page* previous_held;

  // Fourth line: the list of pages that lie in no arena, under its lock (heap/page_source.h), what
  // is constant, and what the owner rarely needs.
  alignas(kCacheLine) Page* next_lone;
  Page* previous_lone;
  Realm* realm;  // whose memory it is: who holds a block may not look at the page's home for that
  Offer offer;   // left over from the last decision, until the next begins
  std::uint64_t hollow;  // OS pages that went back to the system, a bit each (hollow.h)
  union {
    SeenCounts seen;   // of a page of blocks
    BlockSites sites;  // of a huge block
  };
  std::size_t requested;  // of a huge block, in profiles that pad (padding.h)

  bool is_huge() const;
  std::uint32_t used() const { return counts.used(); }
  bool is_empty() const { return used() == 0; }
  bool has_free() const { return free != nullptr; }
  bool can_add_blocks() const { return capacity < reserved; }
  bool can_extend() const { return can_add_blocks() || withdrawn != 0; }
  // Blocks that could still be handed out.
  std::uint32_t room() const { return reserved - used(); }
};

inline constexpr SizeClass kHugeClass = kSizeClassCount;

// What a slow path counts for empty pages of more than one slice, so that all are kept for so long
// as the profile says although they all begin with the same number.
inline constexpr std::uint8_t kLargeVisit = kActive.retire_visits / kActive.retire_visits_large;
static_assert(kActive.retire_visits % kActive.retire_visits_large == 0);

inline bool Page::is_huge() const { return size_class == kHugeClass; }

static_assert(sizeof(Page) == kPageEntrySize, "arenas keep one entry of this size a slice");
static_assert(offsetof(Page, owner) == kCacheLine);
static_assert(offsetof(Page, remote) == kLinePair, "apart from what the owner writes and all read");

// The slice at which a page of an arena starts.
inline SliceIndex first_slice_of(const Page* page) { return page->arena->slice_of(page->start); }

inline std::size_t page_bytes(const Page* page) {
  return std::size_t{page->slices.value} * kSliceSize;
}

// Of these what its blocks may take up: of a huge page, the block alone.
inline std::size_t block_memory_bytes(const Page* page) {
  return page->is_huge() ? page->block_size : page_bytes(page);
}

// The links of `free` led out of the page: all but its first block, which is popped, count as lost.
// Reported, and nullptr.
ASHLAR_NOINLINE Block* drop_free_list(Page* page);

// Whether what a link leads to can be a block of the page, or the end of its list: looked at in
// profiles that check blocks.
ASHLAR_ALWAYS_INLINE bool may_follow([[maybe_unused]] const Page* page,
                                     [[maybe_unused]] const Block* next) {
  if constexpr (kActive.check_blocks) {
    // One comparison tells whether it lies in the page, and at a word: what is no multiple of eight
    // becomes a large number.
    const std::uintptr_t offset = address_of(next) - address_of(page->start);
    static_assert(kWordSize == 8);
    return next == nullptr || std::rotr(offset, 3) < page_bytes(page) / kWordSize;
  }
  return true;
}

// Pops a block; the page has one in free. nullptr, and all as it was, where its link is no good:
// what is left to do then is a slow path's, so that a fast one keeps nothing for after a call.
ASHLAR_ALWAYS_INLINE Block* try_pop_block(Page* page) {
  Block* const block = page->free;
  Block* const next = PageLinks::next(block, page->keys);
  if (unlikely(!may_follow(page, next))) {
    return nullptr;
  }
  page->free = next;
  page->counts.note_handed_out();
  return block;
}

// The same, where a bad link ends the list.
ASHLAR_ALWAYS_INLINE Block* pop_block(Page* page) {
  Block* const block = page->free;
  Block* const next = PageLinks::next(block, page->keys);
  page->free = likely(may_follow(page, next)) ? next : drop_free_list(page);
  page->counts.note_handed_out();
  return block;
}

// Pushes a block that the owner freed; true where the page is empty now.
ASHLAR_ALWAYS_INLINE bool push_local(Page* page, Block* block) {
  PageLinks::set_next(block, page->local_free, page->keys);
  page->local_free = block;
  return page->counts.note_freed();
}

// Makes a page of fresh slices, empty and without capacity. `keys` are random where used.
void make_page(Page* page, SystemArena* arena, void* start, SliceCount slices, SizeClass size_class,
               Contents contents, Heap* home, const PageLinks::Keys& keys);

// Makes the page of a huge block: one block, handed out already.
void make_huge_page(Page* page, SystemArena* arena, void* start, SliceCount slices,
                    std::size_t usable, Contents contents, Heap* home);

// Notes the size of a huge block, new or resized. Whoever holds the block only.
void set_huge_size(Page* page, std::size_t usable);

// Makes about one OS page's worth of further blocks available in free, which is empty: what is
// hollow first. The page can extend. Where OS pages are not in place yet, `ahead` more than these
// blocks need are put there with them, for those that come next: one call of the system where each
// would be a page fault. False, and all as before, where the hard limit of memory forbids that.
// Owner only.
bool extend_page(Page* page, std::size_t ahead = 0);

// Takes what is known of the slices of a page that was made just now over from its arena, and gives
// it back when the page goes; of a mapping nothing counts any more then.
void take_touched(Page* page);
void leave_touched(Page* page);

// Keeps what the fast paths counted, whenever a free list was used up. Within a change.
inline void keep_counts(Page* page) {
  const std::uint32_t count = page->counts.handed_out();
  if (count != 0) {
    page->history.set_handed_out(page->history.handed_out() + count);
    page->counts.forget_handed_out();
  }
}

// Moves the owner's frees to free where that is empty. Owner only.
inline void use_local_frees(Page* page) {
  if (page->free == nullptr && page->local_free != nullptr) {
    const PageHistory::Change change(page->history);
    keep_counts(page);
    page->free = page->local_free;
    page->local_free = nullptr;
    page->free_contents = Contents::kUnknown;
  }
}

// Blocks handed out so far, so that a change shows: of one look to the next it can't come round to
// the same number. Owner only.
inline std::uint32_t handed_out_so_far(const Page* page) {
  return static_cast<std::uint32_t>(page->history.handed_out() + page->counts.handed_out());
}

// The block that an address in the page's blocks belongs to.
inline Block* block_at(const Page* page, const void* address) {
  const std::size_t offset = bytes_between(page->start, address);
  return at_offset<Block>(page->start, offset - offset % page->block_size);
}

// Whether a pointer is the start of a block that was handed out at some time.
inline bool is_block_start(const Page* page, const void* address) {
  const std::size_t offset = bytes_between(page->start, address);
  return offset % page->block_size == 0 && offset / page->block_size < page->capacity;
}

// Whether the block is free: in free or local_free, or withdrawn. Linear in the lists.
bool is_in_free_lists(const Page* page, const Block* block);

// Debug's check of the invariants above; stops the program with a message. No side effects.
void check_page(const Page* page);

}  // namespace ashlar
