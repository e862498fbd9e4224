// Showing and counting a host's pages.
#include "observe/host_walk.h"

#include "heap/heap.h"
#include "heap/hold.h"
#include "heap/page_source.h"
#include "observe/live_blocks.h"
#include "page/ownership.h"
#include "page/padding.h"

namespace ashlar {
namespace {

bool has_tag(unsigned tags, unsigned tag) { return (tags >> tag & 1) != 0; }

unsigned tag_of(const Page* page) { return static_cast<unsigned>(home_of(page)->tag); }

ashlar_rt_area_t area_of(const Page* page, std::size_t live) {
  return {.size = sizeof(ashlar_rt_area_t),
          .start = page->start,
          .reserved = page_bytes(page),
          .committed = std::size_t{page->capacity} * page->block_size,
          .block_size = page->block_size,
          .usable = room_of(page),
          .live = live,
          .prefix = page->prefix,
          .owner = owner_of(page) & ~kOwnerFlags,
          .tag = tag_of(page)};
}

// What a visit is to show, and to whom.
struct Show {
  ashlar_rt_visit_fun* fun;
  void* arg;
  bool blocks;

  // All frees of the page are collected. Empty pages are not shown.
  bool page(const Page* page) const {
    if (page->is_empty()) {
      return true;
    }
    if (page->is_huge()) {
      ashlar_rt_area_t area = area_of(page, 1);
      area.usable = kActive.pad_blocks ? requested_of(page, page->start) : page->block_size;
      return fun(&area, nullptr, arg) && (!blocks || fun(&area, page->start, arg));
    }
    const LiveBlocks live(page, RemoteList{});
    const ashlar_rt_area_t area = area_of(page, live.count());
    return fun(&area, nullptr, arg) &&
           (!blocks || live.visit_each([&](void* block) { return fun(&area, block, arg); }));
  }
};

// Calls show(page) for the pages of a list, round by round; false when it did.
template <class ShowPage>
bool each_of(const PageQueue& queue, ShowPage show) {
  Page* page = queue.first();
  for (std::uint32_t left = queue.count(); left != 0; --left, page = page->next) {
    if (!show(page)) {
      return false;
    }
  }
  return true;
}

// Pages stay in their lists, so that another visit comes by them in the same order. What has room
// now, or is empty, is put in its place by its owner.
bool walk_part(Attachment* attachment, const ThreadHeap* part, const Show& show) {
  const auto fold_and_show = [&](Page* page) {
    if (has_remote_frees(page)) {
      attachment->looks_again = true;
    }
    collect_page(page);
    return show.page(page);
  };
  if (!each_of(part->full, fold_and_show)) {
    return false;
  }
  for (const PageQueue& queue : part->queues) {
    if (!each_of(queue, fold_and_show)) {
      return false;
    }
  }
  for (const Page* page = attachment->huge; page != nullptr; page = page->next) {
    if (page->heap == part && !show.page(page)) {
      return false;
    }
  }
  return true;
}

// The caller holds the orphan. Should a block have been freed into it meanwhile, against the rules,
// it is collected.
void put_back(Page* page) {
  while (!try_orphan(page)) {
    collect_page(page);
  }
}

std::size_t usable_bytes(const Page* page, std::size_t live) {
  if (!page->is_huge()) {
    return live * room_of(page);
  }
  return live * (kActive.pad_blocks ? requested_of(page, page->start) : page->block_size);
}

void add(const Page* page, ashlar_rt_stats_t* stats) {
  const std::size_t live = page->used() - remote_frees(page).count();
  stats->blocks += live;
  stats->bytes += usable_bytes(page, live);
  stats->bytes_overhead += live * page->block_size;
  stats->reserved += page_bytes(page);
  stats->committed += std::size_t{page->capacity} * page->block_size;
  // Not where a block was handed out since, even if another thread has freed it: its goal went.
  if (page->held_in.get() != HeldIn::kNone && is_standing(page)) {
    ++stats->held_pages;
    stats->held_bytes += block_memory_bytes(page);
  }
}

template <class Counter>
void add(const UseCounts<Counter>& counts, std::int64_t (&sums)[3]) {
  sums[0] += counts.blocks.total();
  sums[1] += counts.bytes.total();
  sums[2] += counts.pages.total();
}

}  // namespace

bool walk_attachment(Attachment* attachment, unsigned tags, bool blocks, ashlar_rt_visit_fun* fun,
                     void* arg) {
  const Show show{fun, arg, blocks};
  for (unsigned tag = 0; tag < kTags; ++tag) {
    const ThreadHeap* const part = attachment->parts[tag];
    if (part != nullptr && has_tag(tags, tag) && !walk_part(attachment, part, show)) {
      return false;
    }
  }
  return true;
}

bool walk_host_orphans(const Realm* realm, unsigned tags, bool blocks, ashlar_rt_visit_fun* fun,
                       void* arg) {
  const Show show{fun, arg, blocks};
  return visit_pages(realm, [&](const Page* found) {
    auto* const page = const_cast<Page*>(found);
    if (!has_tag(tags, tag_of(page))) {
      return true;
    }
    if (is_huge_word(page)) {
      return page->heap != nullptr || show.page(page);
    }
    if (!is_orphan(page) || try_own(&page->remote) == Taken::kNo) {
      return true;
    }
    collect_page(page);
    const bool going_on = show.page(page);
    put_back(page);
    return going_on;
  });
}

ashlar_rt_stats_t count_host_realm(Realm* realm, unsigned tags) {
  ashlar_rt_stats_t stats{};
  look_at_page_entries(realm, [&](const Page* page) {
    if (has_tag(tags, tag_of(page))) {
      add(page, &stats);
    }
  });
  return stats;
}

ashlar_rt_fast_stats_t sum_host_realm(const Realm* realm) {
  std::int64_t sums[3] = {};
  add(realm->embedding->unowned, sums);
  {
    LockGuard guard(embedding_lock());
    for_each_attachment(*realm->embedding,
                        [&sums](const Attachment& each) { add(each.counts, sums); });
  }
  const auto positive = [](std::int64_t sum) {
    return static_cast<std::size_t>(sum > 0 ? sum : 0);
  };
  return {.size = 0,
          .blocks = positive(sums[0]),
          .bytes = positive(sums[1]),
          .pages = positive(sums[2])};
}

}  // namespace ashlar
