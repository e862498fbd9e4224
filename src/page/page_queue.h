// The lists that a thread heap keeps its pages in: circular, doubly linked through the pages.
// Plain fields of the owner; nothing here is seen by other threads.
#pragma once

#include <cstdint>

#include "page/page.h"
#include "page/page_record.h"

namespace ashlar {

// Whether a page is kept although it is empty. Owner only.
inline bool is_kept(const Page* page) { return page->retire_visits != 0 && page->is_empty(); }

// Owner:       the thread heap that it is part of
// Invariants:  first == nullptr and count == 0, or following next `count` times leads back
//              to first, every page has `list` set to kind, and no page stands in two queues
// Life:        empty, zero-initialised, filled and emptied by its owner
class PageQueue {
 public:
  Page* first() const { return first_; }
  Page* last() const { return first_ == nullptr ? nullptr : first_->previous; }
  std::uint32_t count() const { return count_; }

  // How many more pages of the class than it released the thread got of late: each release halves
  // it. A sign of how many it will still need.
  std::uint32_t growth() const { return growth_; }
  void note_fresh() {
    if (growth_ < kMostGrowth) {
      ++growth_;
    }
    if (released_ && returns_ < kReturns) {
      ++returns_;
    }
    released_ = false;
  }
  void note_released() {
    growth_ /= 2;
    released_ = true;
  }

  // Whether pages of the class were released only to be made again, some times over; until a page
  // that was kept for that is released without having been of use.
  bool comes_in_waves() const { return returns_ == kReturns; }
  void note_kept_in_vain() { returns_ = 0; }

  bool is_only(const Page* page) const { return first_ == page && page->next == page; }

  void push_back(Page* page, PageList kind) {
    page->list = kind;
    ++count_;
    if (first_ == nullptr) {
      page->next = page;
      page->previous = page;
      first_ = page;
      return;
    }
    page->next = first_;
    page->previous = first_->previous;
    first_->previous->next = page;
    first_->previous = page;
  }

  void push_front(Page* page, PageList kind) {
    push_back(page, kind);
    first_ = page;
  }

  // Makes a page of the queue the first; those before it follow at the end.
  void begin_with(Page* page) { first_ = page; }

  // Puts the pages in order; before(a, b): whether a has to stand in front of b. Pages of which
  // neither has to keep their places. Time n log n, no memory: lists of 1, 2, 4, ... pages that are
  // in order each are merged.
  template <class Before>
  void sort(Before before) {
    if (count_ < 2) {
      return;
    }
    Page* sorted[kSortedLists] = {};  // [i]: empty or of 2^i pages
    first_->previous->next = nullptr;
    for (Page *page = first_, *next = nullptr; page != nullptr; page = next) {
      next = page->next;
      page->next = nullptr;
      std::uint32_t i = 0;
      for (; sorted[i] != nullptr; ++i) {
        page = merged(sorted[i], page, before);
        sorted[i] = nullptr;
      }
      sorted[i] = page;
    }
    Page* all = nullptr;
    for (Page* const list : sorted) {
      all = merged(list, all, before);
    }
    first_ = all;
    Page* last = all;
    for (; last->next != nullptr; last = last->next) {
      last->next->previous = last;
    }
    last->next = all;
    all->previous = last;
  }

  void remove(Page* page) {
    if constexpr (kActive.check_blocks) {
      if (unlikely(page->next->previous != page || page->previous->next != page)) {
        stop_at_damaged_record(page, "its place among the pages of its thread");
      }
    }
    page->list = PageList::kNone;
    --count_;
    if (page->next == page) {
      first_ = nullptr;
    } else {
      page->previous->next = page->next;
      page->next->previous = page->previous;
      if (first_ == page) {
        first_ = page->next;
      }
    }
    page->next = nullptr;
    page->previous = nullptr;
  }

 private:
  static constexpr std::uint16_t kMostGrowth = 1024;
  static constexpr std::uint8_t kReturns = 4;
  static constexpr std::uint32_t kSortedLists = 33;  // one for each bit of a count, and one more

  // Two lists in order as one, by `next`; of equal pages those of `a` come first.
  template <class Before>
  static Page* merged(Page* a, Page* b, Before before) {
    Page* all = nullptr;
    Page** end = &all;
    while (a != nullptr && b != nullptr) {
      Page** const from = before(b, a) ? &b : &a;
      *end = *from;
      end = &(*end)->next;
      *from = *end;
    }
    *end = a != nullptr ? a : b;
    return all;
  }

  Page* first_ = nullptr;
  std::uint32_t count_ = 0;
  std::uint16_t growth_ = 0;
  std::uint8_t returns_ = 0;  // times that a page was made after one had been released
  bool released_ = false;     // one was, since a page was made last
};

}  // namespace ashlar
