// Collecting what other threads freed.
#include "page/ownership.h"

#include <errno.h>

#include "page/hollow.h"
#include "support/messages.h"
#include "support/tracker.h"

namespace ashlar {
namespace {

void report_corrupted(const Page* page) {
  report_error(EFAULT,
               "free: corrupted list of blocks of %zu bytes freed by other threads, in the page at "
               "%p: a block was freed twice or written after it was freed; the list is dropped",
               page->block_size, page->start);
}

// Whether following the links `count` times stays on blocks of the page and ends there.
[[maybe_unused]] bool is_intact(const Page* page, const Block* first, std::uint32_t count) {
  const Block* block = first;
  for (; count != 0 && block != nullptr; --count) {
    if (address_of(block) - address_of(page->start) >= page_bytes(page) ||
        !is_block_start(page, block)) {
      return false;
    }
    block = PageLinks::next(block, page->keys);
  }
  return count == 0 && block == nullptr;
}

}  // namespace

void drop_lists(Page* page) {
  // relaxed: there is no other thread.
  const RemoteList remote{page->remote.word.exchange(0, std::memory_order_relaxed)};
  page->capacity = page->capacity < page->reserved ? page->capacity : page->reserved;
  const PageHistory::Change change(page->history);
  const std::uint32_t used = page->used() < page->capacity ? page->used() : page->capacity;
  page->counts.set_used(used - (remote.count() < used ? remote.count() : used));
  page->lost = page->capacity - page->used();
  forget_hollow(page);  // what was withdrawn is lost as well
  page->free = nullptr;
  page->local_free = nullptr;
  page->next = nullptr;
  page->previous = nullptr;
  page->retire_visits = 0;
  page->list = PageList::kNone;
  clear_owner_flag(page, kOwnerFull);
}

bool collect_remote(Page* page) {
  const QuietScope quiet;
  const ScheduleWindow window(SchedulePoint::kCollectRemote);
  const PageHistory::Change change(page->history);
  // acq_rel: acquire pairs with the release of each push; the links of the list are seen. Release:
  // who reads the counts and sees the list gone sees the change. An exchange and not a CAS: the
  // owner takes whatever is there, so it never has to try again.
  const RemoteList list{page->remote.word.exchange(0, std::memory_order_acq_rel)};
  schedule_point(SchedulePoint::kCollectRemote);
  Block* const first = list.first(page);
  if (first == nullptr) {
    return true;
  }
  // used counts every block of the list, so a longer one holds a block twice.
  bool intact = list.count() <= page->used();
  if constexpr (kActive.check_blocks) {
    intact = intact && is_intact(page, first, list.count());
  }
  if (!intact) {
    report_corrupted(page);
    return false;
  }
  page->counts.note_collected(list.count());
  if (page->free == nullptr) {
    keep_counts(page);
    page->free = first;
    page->free_contents = Contents::kUnknown;
    return true;
  }
  if (page->local_free != nullptr) {
    Block* last = first;
    for (std::uint32_t left = list.count(); left > 1; --left) {
      last = PageLinks::next(last, page->keys);
    }
    PageLinks::set_next(last, page->local_free, page->keys);
  }
  page->local_free = first;
  return true;
}

}  // namespace ashlar
