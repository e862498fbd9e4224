// Looking at pages that other threads are using, without stopping them.
#include "observe/block_census.h"

#include "heap/page_source.h"
#include "heap/thread_heap.h"
#include "os/system.h"
#include "page/ownership.h"

namespace ashlar {
namespace {

// Looks at a page that changes all the time, and how often we sleep for a millisecond between them:
// its owner may have lost the processor in the midst of a change, and has to have it to finish.
// Beyond that the counts are taken as they are: off by no more than what was freed meanwhile.
constexpr int kLooks = 512;
constexpr int kLooksBetweenSleeps = 16;

PageCounts read_counts(const Page* page) {
  PageCounts counts;
  for (int i = 1; !try_read_counts(page, &counts) && i < kLooks; ++i) {
    if (i % kLooksBetweenSleeps == 0) {
      System::sleep_ms(1);
    }
  }
  return counts;
}

void add_page(const Page* page, Census* census) {
  const PageCounts counts = read_counts(page);
  if (counts.kind == 0) {
    return;
  }
  const SizeClass size_class = counts.kind - 1;
  if (size_class == kHugeClass) {
    ++census->huge_blocks;
    census->huge_bytes += static_cast<std::int64_t>(counts.handed_out);
    return;
  }
  ClassCount& count = census->classes[size_class];
  count.live += counts.live;
  count.handed_out += static_cast<std::int64_t>(counts.handed_out);
  ++count.pages;
  ++count.pages_made;
}

// Whose pages are counted: all of a realm, or those of one heap.
struct Scope {
  Realm* realm;
  const Heap* heap;  // nullptr: all

  bool holds(const Page* page) const { return heap == nullptr || belongs_to(page, heap); }
};

void look_at_pages(const Scope& scope, Census* census) {
  look_at_page_entries(scope.realm, [&](const Page* page) {
    if (scope.holds(page)) {
      add_page(page, census);
    }
  });
}

void add_gone(const HeapStats& stats, Census* census) {
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    census->classes[c].handed_out += stats.blocks[c].total();
    census->classes[c].pages_made += stats.pages[c].total();
  }
  census->huge_blocks_made += stats.huge_blocks.total();
  census->huge_bytes_made += stats.huge_bytes.total();
  census->guarded_blocks_made += stats.guarded_blocks.total();
}

Census gone_of(const Scope& scope) {
  Census census;
  if (scope.heap != nullptr) {
    add_gone(scope.heap->stats, &census);
    return census;
  }
  // Under the lock, so that a heap that is given up is not looked for in both places.
  LockGuard guard(heaps_lock());
  add_gone(scope.realm->stats.gone, &census);
  add_gone(scope.realm->main->stats, &census);
  for (const Heap* heap = scope.realm->heaps; heap != nullptr; heap = heap->next) {
    add_gone(heap->stats, &census);
  }
  return census;
}

bool same_pages_gone(const Census& a, const Census& b) {
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    if (a.classes[c].pages_made != b.classes[c].pages_made ||
        a.classes[c].handed_out != b.classes[c].handed_out) {
      return false;
    }
  }
  return true;
}

// A page that is released takes its counts to its heap before it goes. So where the heaps' counts
// are the same before and after a look at the pages, no page was seen twice or missed.
Census take_census_in(const Scope& scope) {
  for (int tries = 1;; ++tries) {
    Census census = gone_of(scope);
    const Census gone = census;
    look_at_pages(scope, &census);
    if (tries == kCensusTries || same_pages_gone(gone, gone_of(scope))) {
      return census;
    }
  }
}

}  // namespace

std::int64_t Census::normal_bytes() const {
  std::int64_t bytes = 0;
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    bytes += classes[c].live * static_cast<std::int64_t>(block_size_of(c));
  }
  return bytes;
}

std::int64_t Census::normal_bytes_made() const {
  std::int64_t bytes = 0;
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    bytes += classes[c].handed_out * static_cast<std::int64_t>(block_size_of(c));
  }
  return bytes;
}

Census take_census(const Heap* heap) { return take_census_in({heap->realm, heap}); }

Census take_census(const Realm* realm) {
  return take_census_in({const_cast<Realm*>(realm), nullptr});
}

Census census_of_gone(const Realm* realm) {
  Census census;
  add_gone(realm->stats.gone, &census);
  return census;
}

Census take_census_of_thread() {
  Census census;
  if (thread_heap == &empty_heap) {
    return census;
  }
  const auto add_list = [&census](const PageQueue& queue) {
    const Page* page = queue.first();
    for (std::uint32_t left = queue.count(); left != 0; --left, page = page->next) {
      add_page(page, &census);
    }
  };
  for (const ThreadHeap* part = thread_heap->backing; part != nullptr;
       part = part->next_of_thread) {
    add_list(part->full);
    for (const PageQueue& queue : part->queues) {
      add_list(queue);
    }
  }
  return census;
}

}  // namespace ashlar
