// Setting guards and taking them away, and counting them.
#include "heap/guard_pages.h"

#include <atomic>

#include "heap/tuning.h"
#include "os/system.h"
#include "page/padding.h"

namespace ashlar {
namespace {

constinit std::atomic<std::uint32_t> guards{0};

bool is_wanted(const Page* page) {
  const GuardLevel level = tuning.guard_level.get();
  if (level == GuardLevel::kNone || page->arena == nullptr || page->arena->is_pinned() ||
      !page->arena->is_owned() || page->arena->has_hook()) {
    return false;
  }
  return level == GuardLevel::kAll || page->slices != kSmallPageSlices;
}

bool take_one() {
  // relaxed: a bound on their number, and no more.
  if (guards.fetch_add(1, std::memory_order_relaxed) < kGuardMax) {
    return true;
  }
  // relaxed: as above.
  guards.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

// relaxed: as above.
void give_one_back() { guards.fetch_sub(1, std::memory_order_relaxed); }

// Where a page's guard is or would be; nullptr: there is no room for it.
void* guard_of(const Page* page) {
  const std::size_t size = System::page_size();
  if (!page->is_huge()) {
    return at_offset(page->start, page_bytes(page) - size);
  }
  return page->block_size + size <= page_bytes(page) ? at_offset(page->start, page->block_size)
                                                     : nullptr;
}

}  // namespace

std::size_t guard_bytes() {
  return kActive.guard_pages && tuning.guard_level.get() != GuardLevel::kNone ? System::page_size()
                                                                              : 0;
}

void add_guard(Page* page) {
  void* const guard = kActive.guard_pages && is_wanted(page) ? guard_of(page) : nullptr;
  if (guard == nullptr || !take_one()) {
    return;
  }
  if (!System::protect(guard, System::page_size(), Access::kNone)) {
    give_one_back();
    return;
  }
  page->guarded = true;
  if (!page->is_huge()) {
    page->reserved =
        static_cast<std::uint32_t>((page_bytes(page) - System::page_size()) / page->block_size);
  }
}

bool remove_guard(Page* page) {
  if (!kActive.guard_pages || !page->guarded) {
    return true;
  }
  if (!System::protect(guard_of(page), System::page_size(), Access::kReadWrite)) {
    return false;
  }
  page->guarded = false;
  give_one_back();
  return true;
}

}  // namespace ashlar
