// A list of held pages in the order of their goals. What a page is held for, and until when, is
// hold.h's; here are the links alone.
#pragma once

#include <cstdint>

#include "page/page.h"

namespace ashlar {

// Whether goal a comes before goal b: they are sequence numbers, and may wrap.
constexpr bool is_before(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::int64_t>(a - b) < 0;
}

// Owner:       who keeps it: an attached thread, or whoever holds embedding_lock()
// Invariants:  following next_held from first leads through all its pages to last, and back by
//              previous_held; each has held_in set to its list's kind; no goal is before that of
//              the page in front of it
// Life:        zero is empty
class HeldList {
 public:
  Page* first() const { return first_; }
  Page* last() const { return last_; }

  // At its place: at the end, but for pages that come from another list.
  void insert(Page* page, HeldIn kind) {
    Page* before = last_;
    while (before != nullptr && is_before(page->goal, before->goal)) {
      before = before->previous_held;
    }
    page->held_in.set(kind);
    page->previous_held = before;
    page->next_held = before == nullptr ? first_ : before->next_held;
    (page->next_held == nullptr ? last_ : page->next_held->previous_held) = page;
    (before == nullptr ? first_ : before->next_held) = page;
  }

  void remove(Page* page) {
    page->held_in.set(HeldIn::kNone);
    (page->previous_held == nullptr ? first_ : page->previous_held->next_held) = page->next_held;
    (page->next_held == nullptr ? last_ : page->next_held->previous_held) = page->previous_held;
    page->next_held = nullptr;
    page->previous_held = nullptr;
  }

  // Forgets all its pages, which are nobody's any more.
  void clear() { first_ = last_ = nullptr; }

 private:
  Page* first_;
  Page* last_;
};

}  // namespace ashlar
