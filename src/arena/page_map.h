// The page map: from any address to the page that holds it, or to nothing, without touching
// the address. A flat window covers where arenas usually are; two levels cover the rest.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/compiler.h"
#include "base/integer.h"
#include "policy/layout.h"
#include "support/sealed.h"
#include "support/touched.h"

namespace ashlar {

struct Page;  // the page room's; only its address is stored here

// The window is one table load instead of two dependent ones, and its bounds check answers for
// NULL, for addresses of others and for addresses beyond the map alike: free's fast path costs
// three instructions less than with the two levels alone (docs/decisions.md has the figures).
//
// Owner:       a slice's entry may be changed by whoever holds the slice
// Shared:      all entries (read by any thread), the leaf pointers; where the window lies is
//              written before there is a second thread, and read by all
// Invariants:  an entry names the page that holds the slice, or is empty (nullptr);
//              sealed.window[i] is for address sealed.window_base + i * kSliceSize
// Life:        a constant-initialised global; leaves and the window are never given back. Where the
//              window lies is said by static data (support/sealed.h), so that the fast path can use
//              it as operands
class ASHLAR_HIDDEN PageMap {
 public:
  // The page that holds an address inside the window; nullptr for any other address.
  ASHLAR_ALWAYS_INLINE Page* find_near(const void* address) const {
    const std::uintptr_t index = slices_into_window(address_of(address));
    if (unlikely(index >= sealed.window_entries)) {
      return nullptr;
    }
    // relaxed: whoever passes a block to another thread passes what led to its entry along; for
    // other addresses the answer may be out of date, as any answer about them may.
    return sealed.window[index].load(std::memory_order_relaxed);
  }

  // The page that holds an address, or nullptr. Any value is a valid argument.
  Page* find(const void* address) const;

  // Whether these addresses can be entered at all. What can't is no memory for blocks.
  static constexpr bool can_hold(std::uintptr_t start, std::size_t size) {
    return start + size - 1 >= start && (start + size - 1) >> kLeafShift < kRootEntries;
  }

  // Enters a page for `size` bytes from `start`, both multiples of kSliceSize; false, and
  // nothing entered, where memory for the map itself can't be had.
  bool enter(const void* start, std::size_t size, Page* page);

  // Empties the entries of a range that was entered. A part of what was entered in one call may
  // be removed alone after split_before said so.
  void remove(const void* start, std::size_t size);

  // Prepares that what was entered from some place on is removed from `start` on only; false,
  // and nothing changed, where memory for the map itself can't be had.
  bool split_before(const void* start);

  // Gives the memory of the map back; it is not used any more.
  void unmap();

  // Places the window, once, before anything is entered; false: no memory, all goes two levels.
  bool open_window(std::uintptr_t base);

 private:
  static constexpr unsigned kLeafShift = 32;  // a leaf covers 4 GiB
  static constexpr std::size_t kLeafSpan = std::size_t{1} << kLeafShift;
  static constexpr std::size_t kLeafEntries = kLeafSpan >> kSliceShift;
  static constexpr std::size_t kRootEntries = std::size_t{1} << 16;  // 48 bits of address
  static constexpr std::uintptr_t kWholeSpan = 1;  // tag: one page fills all 4 GiB of the entry

  // Entries of a table whose OS pages have a bit each in one word.
  static constexpr std::size_t kEntriesPerWord = 64 * kTouchedUnit / sizeof(Page*);

  struct Leaf {
    std::atomic<Page*> pages[kLeafEntries];
    std::atomic<std::uint64_t>
        counted[kLeafEntries / kEntriesPerWord];  // OS pages counted as touched
  };

  // Only below sealed.window_entries is the result an index.
  ASHLAR_ALWAYS_INLINE std::uintptr_t slices_into_window(std::uintptr_t address) const {
    return (address - sealed.window_base) >> kSliceShift;
  }

  Leaf* leaf_for(std::size_t root_index);
  template <class Use, class OnSpan>
  void for_each_table(std::uintptr_t begin, std::uintptr_t end, Use use, OnSpan on_span);
  static void set_entries(std::atomic<Page*>* entries, std::size_t count, Page* page);
  bool enter_span(std::uintptr_t address, Page* page);
  static bool touches_window(std::uintptr_t span);

  // Of each 4 GiB: nothing (0), a leaf, or a page with the tag kWholeSpan. [address >> 32]
  std::atomic<std::uintptr_t> root_[kRootEntries] = {};
  std::atomic<std::uint64_t> counted_[kWindowEntries / kEntriesPerWord] = {};  // as in a leaf
};

ASHLAR_HIDDEN extern constinit PageMap page_map;

}  // namespace ashlar
