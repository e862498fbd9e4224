// Switching to slow calls while threads have pages.
#include "heap/slow_calls.h"

#include "heap/heap.h"
#include "heap/late_heap.h"
#include "heap/process.h"
#include "heap/thread_heap.h"
#include "heap/thread_life.h"
#include "page/ownership.h"

namespace ashlar {
namespace {

void flag_pages(const Page* first, std::uint32_t count) {
  for (auto* page = const_cast<Page*>(first); count != 0; --count, page = page->next) {
    set_owner_flag(page, kOwnerSlow);
  }
}

void slow_part(ThreadHeap* part) {
  for (Page*& page : part->direct) {
    page = &empty_page;
  }
  flag_pages(part->full.first(), part->full.count());
  for (const PageQueue& queue : part->queues) {
    flag_pages(queue.first(), queue.count());
  }
}

void ask(ThreadHeap& backing, void*) {
  // release: pairs with the acquire in settle_thread, so that the thread finds the mode set.
  backing.attention.store(true, std::memory_order_release);
}

}  // namespace

void make_calls_slow() {
  start_process();
  begin_with_slow_calls();
  for_each_thread(ask, nullptr);
  settle_late_heap();
  if (thread_heap != &empty_heap) {
    slow_own_calls(thread_heap->backing);
  }
}

void slow_own_calls(ThreadHeap* backing) {
  if (!calls_are_slow()) {
    return;
  }
  for (ThreadHeap* part = backing; part != nullptr; part = part->next_of_thread) {
    slow_part(part);
  }
}

}  // namespace ashlar
