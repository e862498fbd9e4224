// Choosing pages to hollow.
#include "heap/hollowing.h"

#include "heap/heap.h"
#include "heap/orphans.h"
#include "heap/page_source.h"
#include "heap/realm.h"
#include "heap/thread_heap.h"
#include "page/hollow.h"
#include "page/ownership.h"

namespace ashlar {
namespace {

// What `seen.used` says of a page that was not hollowed since a block of it was handed out.
constexpr std::uint32_t kNotSince = UINT32_MAX;

// Milliseconds between two looks for idle pages, at least, and how many times as long as the last
// look took.
constexpr std::uint64_t kLeastPauseMs = 1000;
constexpr std::uint64_t kPauseShare = 20;

// When somebody has to look for idle orphans again.
constinit RelaxedNumber<std::uint64_t> orphans_due_ms;

bool is_idle(Page* page) {
  const std::uint32_t handed_out = handed_out_so_far(page);
  if (handed_out != page->seen.handed_out) {
    page->seen.handed_out = handed_out;
    page->seen.used = kNotSince;
    return false;
  }
  const bool changed = page->seen.used != page->used();
  page->seen.used = page->used();
  return changed;
}

// Whether as much as an OS page is free in lists, in memory that may go back in parts. What readers
// without locks may look at stays as it is.
bool may_be_hollow(const Page* page) {
  if (page->prefix != 0 || home_of(page)->holds.get()) {
    return false;
  }
  const std::size_t listed = page->capacity - page->used() - page->withdrawn - page->lost;
  return listed * page->block_size >= System::page_size() &&
         (page->arena == nullptr || page->arena->gives_back_parts(first_slice_of(page)));
}

void hollow(Page* page) {
  if (may_be_hollow(page)) {
    home_of(page)->realm->arenas.note_given_back(hollow_page(page));
  }
}

}  // namespace

void hollow_part(ThreadHeap* part, Hollowing which) {
  if (!part->home->realm->arenas.gives_back_at_once()) {
    return;
  }
  for (const PageQueue& queue : part->queues) {
    Page* page = queue.first();
    for (std::uint32_t left = queue.count(); left != 0; --left, page = page->next) {
      if (which == Hollowing::kAll || is_idle(page)) {
        hollow(page);
      }
    }
  }
}

void hollow_parts(ThreadHeap* backing, Hollowing which) {
  for (ThreadHeap* part = backing; part != nullptr; part = part->next_of_thread) {
    hollow_part(part, which);
  }
}

void hollow_if_due(ThreadHeap* backing) {
  const std::uint64_t begin = System::clock_ms();
  if (begin < backing->hollow_due_ms) {
    return;
  }
  hollow_parts(backing, Hollowing::kIdle);
  const std::uint64_t due = orphans_due_ms.get();
  if (begin >= due && orphans_due_ms.replace(due, begin + kLeastPauseMs)) {
    hollow_orphans(backing->home->realm, Hollowing::kIdle);
  }
  const std::uint64_t end = System::clock_ms();
  const std::uint64_t pause = (end - begin) * kPauseShare;
  backing->hollow_due_ms = end + (pause > kLeastPauseMs ? pause : kLeastPauseMs);
}

void hollow_orphans(Realm* realm, Hollowing which) {
  if (!realm->arenas.gives_back_at_once()) {
    return;
  }
  for_each_page_entry(
      realm, [](Page* page) { return is_orphan(page) && try_own(&page->remote) == Taken::kYes; },
      [which](Page* page) {
        // All frees of an orphan are collected.
        if (which == Hollowing::kAll || is_idle(page)) {
          hollow(page);
        }
        publish(page);
      });
}

}  // namespace ashlar
