// The lists that a thread heap keeps its pages in: circular, doubly linked through the pages.
// Plain fields of the owner; nothing here is seen by other threads.
#pragma once

#include "page/page.h"

namespace ashlar {

// Owner:       the thread heap that it is part of
// Invariants:  first == nullptr and count == 0, or following next `count` times leads back
//              to first, every page has `list` set to kind, and no page stands in two queues
// Life:        empty, zero-initialised, filled and emptied by its owner
class PageQueue {
 public:
  Page* first() const { return first_; }
  Page* last() const { return first_ == nullptr ? nullptr : first_->previous; }
  std::uint32_t count() const { return count_; }
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

  void remove(Page* page) {
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
  Page* first_ = nullptr;
  std::uint32_t count_ = 0;
};

}  // namespace ashlar
