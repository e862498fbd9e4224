// The queue of pages, against a deque.
#include "page/page_queue.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace ashlar {
namespace {

constexpr std::size_t kPages = 8;

void expect_same(const PageQueue& queue, const std::deque<Page*>& model, PageList kind) {
  RC_ASSERT(queue.count() == model.size());
  RC_ASSERT(queue.first() == (model.empty() ? nullptr : model.front()));
  RC_ASSERT(queue.last() == (model.empty() ? nullptr : model.back()));
  const Page* at = queue.first();
  for (Page* const page : model) {
    RC_ASSERT(at == page);
    RC_ASSERT(page->list == kind);
    RC_ASSERT(page->next->previous == page);
    RC_ASSERT(queue.is_only(page) == (model.size() == 1));
    at = at->next;
  }
  RC_ASSERT(at == queue.first());
}

TEST(PageQueueGrowth, EachFreshPageAddsOneAndAReleaseHalvesIt) {
  PageQueue queue;
  for (int i = 0; i < 10; ++i) {
    queue.note_fresh();
  }
  EXPECT_EQ(queue.growth(), 10U);
  queue.note_released();
  EXPECT_EQ(queue.growth(), 5U);
  for (int i = 0; i < 10; ++i) {
    queue.note_released();
  }
  EXPECT_EQ(queue.growth(), 0U);
}

RC_GTEST_PROP(PageQueue, BehavesAsADeque, ()) {
  std::array<Page, kPages> pages{};
  PageQueue queue;
  std::deque<Page*> model;
  const auto steps = *rc::gen::container<std::vector<std::pair<int, std::size_t>>>(
      rc::gen::pair(rc::gen::inRange(0, 3), rc::gen::inRange<std::size_t>(0, kPages)));
  for (const auto& [kind, which] : steps) {
    Page* const page = &pages[which];
    const auto at = std::find(model.begin(), model.end(), page);
    if (at != model.end()) {
      queue.remove(page);
      model.erase(at);
      RC_ASSERT(page->list == PageList::kNone);
      RC_ASSERT(page->next == nullptr);
      RC_ASSERT(page->previous == nullptr);
    } else if (kind == 0) {
      queue.push_front(page, PageList::kFull);
      model.push_front(page);
    } else {
      queue.push_back(page, PageList::kFull);
      model.push_back(page);
    }
    expect_same(queue, model, PageList::kFull);
  }
}

RC_GTEST_PROP(PageQueue, SortsAndKeepsTheOrderOfEquals, (const std::vector<std::uint8_t>& keys)) {
  std::vector<Page> pages(keys.size());
  PageQueue queue;
  std::deque<Page*> model;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    pages[i].capacity = keys[i] % 16;
    queue.push_back(&pages[i], PageList::kQueue);
    model.push_back(&pages[i]);
  }
  const auto before = [](const Page* a, const Page* b) { return a->capacity > b->capacity; };
  std::stable_sort(model.begin(), model.end(), before);
  queue.sort(before);
  expect_same(queue, model, PageList::kQueue);
}

RC_GTEST_PROP(PageQueue, BeginsWithAnyPage, ()) {
  std::array<Page, kPages> pages{};
  PageQueue queue;
  std::deque<Page*> model;
  for (Page& page : pages) {
    queue.push_back(&page, PageList::kQueue);
    model.push_back(&page);
  }
  const auto first = *rc::gen::inRange<std::size_t>(0, kPages);
  std::rotate(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(first), model.end());
  queue.begin_with(&pages[first]);
  expect_same(queue, model, PageList::kQueue);
}

TEST(PageQueue, AnEmptyQueueHasNoPages) {
  PageQueue queue;
  Page page{};
  EXPECT_EQ(queue.first(), nullptr);
  EXPECT_EQ(queue.last(), nullptr);
  EXPECT_EQ(queue.count(), 0u);
  EXPECT_FALSE(queue.is_only(&page));
  queue.sort([](const Page*, const Page*) { return true; });
  EXPECT_EQ(queue.first(), nullptr);
}

}  // namespace
}  // namespace ashlar
