// The thread heap's own bookkeeping: the direct table and the queues.
#include "heap/thread_heap.h"

#include <utility>

#include "heap/heap.h"
#include "heap/slow_calls.h"

namespace ashlar {
namespace {

template <std::size_t... kWords>
constexpr ThreadHeap make_empty_heap(std::index_sequence<kWords...>) {
  return ThreadHeap{.direct = {((void)kWords, &empty_page)...},
                    .queues = {},
                    .full = {},
                    .id = kNoOwner,
                    .home = nullptr,
                    .least = 0,
                    .backing = &empty_heap,
                    .next_of_thread = nullptr,
                    .next_in_bucket = nullptr,
                    .part_index = nullptr,
                    .next_of_heap = nullptr,
                    .previous_of_heap = nullptr,
                    .retired_from = 0,
                    .retired_to = 0,
                    .until_guarded = 0,
                    .retired = 0,
                    .passed_over = 0,
                    .stats = {},
                    .destroyed = false,
                    .attached = false,
                    .in_deferred_free = false,
                    .in_pool = false,
                    .attention = false,
                    .trim_asked = TrimLevel::kWaiting,
                    .collections_left_out = 0,
                    .heartbeat = 0,
                    .hollow_due_ms = 0};
}

}  // namespace

ASHLAR_FIXED constinit Page empty_page{};
ASHLAR_FIXED constinit ThreadHeap empty_heap =
    make_empty_heap(std::make_index_sequence<kDirectWords + 1>());
ASHLAR_THREAD_LOCAL ThreadHeap* thread_heap = &empty_heap;

void ThreadHeap::start(std::uintptr_t owner_id, Heap* heap, ThreadHeap* main_part) {
  for (Page*& page : direct) {
    page = &empty_page;
  }
  id = owner_id;
  home = heap;
  least = kActive.pad_blocks ? heap->prefix : 0;
  backing = main_part;
}

void ThreadHeap::update_direct(SizeClass size_class) {
  const std::size_t size = block_size_of(size_class);
  if (size > kDirectMax || size_class < kFirstClass || calls_are_slow()) {
    return;
  }
  Page* const first = queues[size_class].first();
  Page* const entry = first == nullptr ? &empty_page : first;
  const std::size_t to = size / kWordSize;
  if (direct[to] == entry) {
    return;
  }
  const std::size_t from =
      size_class == kFirstClass ? 0 : block_size_of(size_class - 1) / kWordSize + 1;
  for (std::size_t words = from; words <= to; ++words) {
    direct[words] = entry;
  }
}

namespace {

// A page that is kept although it is empty stays at the end of its queue, where it was until now:
// those with blocks in use fill up before it. One that is in use again is looked at when it is
// empty the next time.
void keep_at_end(PageQueue* queue, Page* page) {
  if (page == nullptr || queue->last() == page) {
    return;
  }
  if (is_kept(page)) {
    queue->remove(page);
    queue->push_back(page, PageList::kQueue);
  } else {
    page->retire_visits = 0;
  }
}

}  // namespace

void ThreadHeap::push_front(Page* page) {
  queues[page->size_class].push_front(page, PageList::kQueue);
  update_direct(page->size_class);
}

void ThreadHeap::push_back(Page* page) {
  PageQueue& queue = queues[page->size_class];
  Page* const last = queue.last();
  queue.push_back(page, PageList::kQueue);
  keep_at_end(&queue, last);
  update_direct(page->size_class);
}

void ThreadHeap::begin_with(Page* page) {
  PageQueue& queue = queues[page->size_class];
  Page* const last = queue.last();
  queue.begin_with(page);
  keep_at_end(&queue, last);
  update_direct(page->size_class);
}

void ThreadHeap::remove(Page* page) {
  if (page->list == PageList::kFull) {
    full.remove(page);
    clear_owner_flag(page, kOwnerFull);
  } else if (page->list == PageList::kQueue) {
    queues[page->size_class].remove(page);
    update_direct(page->size_class);
  }
}

}  // namespace ashlar
