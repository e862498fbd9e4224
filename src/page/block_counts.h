// How many blocks of a page are in use, and how many were handed out in all: counted by the fast
// paths with the one instruction that counting those in use takes anyway.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/compiler.h"
#include "base/owned_word.h"
#include "policy/layout.h"

namespace ashlar {

// One word holds both counts. Blocks in use are kept as a negative number in the high half, so that
// the count's going to zero is a carry, which the processor reports for free; zero is the word of
// an unused page. The low half counts the blocks handed out since the last `take_handed_out`, which
// the owner calls whenever a free list was used up: no list is longer than the half can count.
//
// Owner:       the page's
// Shared:      the word, read by all: a reader sees both counts of one moment
// Invariants:  used() is as Page says
class BlockCounts {
 public:
  std::uint32_t used() const { return used_of(word_.own()); }

  // Of any thread: both counts of one moment.
  struct Seen {
    std::uint32_t used;
    std::uint32_t handed_out;
  };
  Seen read() const {
    const std::uint32_t word = word_.get();
    return {used_of(word), word & kLow};
  }

  ASHLAR_ALWAYS_INLINE void note_handed_out() { word_.add(1 - kOneUsed); }
  // True: it was the last one.
  ASHLAR_ALWAYS_INLINE bool note_freed() { return word_.add_carries(kOneUsed); }

  void note_collected(std::uint32_t count) { word_.set(word_.own() + count * kOneUsed); }
  void set_used(std::uint32_t count) { word_.set((word_.own() & kLow) - count * kOneUsed); }

  // Blocks handed out since the last call.
  std::uint32_t handed_out() const { return word_.own() & kLow; }
  void forget_handed_out() { word_.set(word_.own() & ~kLow); }
  void clear() { word_.set(0); }

 private:
  static constexpr std::uint32_t kOneUsed = 0x10000;
  static constexpr std::uint32_t kLow = kOneUsed - 1;
  static_assert(kSliceSize / kWordSize < kLow && kMediumPageSlices.value < 8,
                "the blocks of a page can be counted in half a word");

  static std::uint32_t used_of(std::uint32_t word) { return (0 - (word >> 16)) & kLow; }

  OwnedWord word_;
};

// What is counted of a page apart from its fast paths, and how others read all its counts at once.
//
// Owner:       the page's
// Shared:      all fields, written by the owner between begin and end, and read by all
// Invariants:  version_ is odd while the counts are being changed;
//              kind_ = the page's size class plus one; 0: no page
// Life:        zero from the start; the version goes on from page to page
class PageHistory {
 public:
  class Change {
   public:
    explicit Change(PageHistory& history) : history_(history) {
      // relaxed: every store that follows is a release, so who sees one sees that we are at it.
      history_.version_.store(history_.own_version() | 1, std::memory_order_relaxed);
    }
    ~Change() {
      // release: who sees the new version sees all that was changed.
      history_.version_.store((history_.own_version() | 1) + 1, std::memory_order_release);
    }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

   private:
    PageHistory& history_;
  };

  // For readers; a page whose version is odd, or another one afterwards, has to be read again.
  std::uint32_t version() const {
    // acquire: pairs with the release in ~Change.
    return version_.load(std::memory_order_acquire);
  }
  std::uint32_t kind() const {
    // acquire: who sees a change sees that its version is odd.
    return kind_.load(std::memory_order_acquire);
  }
  std::uint64_t handed_out() const {
    // acquire: as above.
    return handed_out_.load(std::memory_order_acquire);
  }

  // Within a Change.
  void set_kind(std::uint32_t kind) {
    // release: see Change.
    kind_.store(kind, std::memory_order_release);
  }
  void set_handed_out(std::uint64_t count) {
    // release: see Change.
    handed_out_.store(count, std::memory_order_release);
  }

 private:
  std::uint32_t own_version() const {
    // relaxed: the owner's own.
    return version_.load(std::memory_order_relaxed);
  }

  std::atomic<std::uint32_t> version_{0};
  std::atomic<std::uint32_t> kind_{0};
  // Blocks, up to the last used up free list; for a huge block its bytes.
  std::atomic<std::uint64_t> handed_out_{0};
};

}  // namespace ashlar
