// The slow side of the page map: two levels, and entering and removing ranges.
#include "arena/page_map.h"

#include "arena/guarded_records.h"
#include "os/system.h"

namespace ashlar {

constinit PageMap page_map;

Page* PageMap::find(const void* address) const {
  const std::uintptr_t value = address_of(address);
  const std::uintptr_t near = slices_into_window(value);
  if (near < sealed.window_entries) {
    // relaxed: as in find_near.
    return sealed.window[near].load(std::memory_order_relaxed);
  }
  const std::uintptr_t index = value >> kLeafShift;
  if (index >= kRootEntries) {
    return nullptr;
  }
  // acquire: pairs with the release in leaf_for; the leaf is zeroed.
  const std::uintptr_t entry = root_[index].load(std::memory_order_acquire);
  if (entry == 0) {
    return nullptr;
  }
  if ((entry & kWholeSpan) != 0) {
    return reinterpret_cast<Page*>(entry - kWholeSpan);
  }
  const auto* leaf = reinterpret_cast<const Leaf*>(entry);
  // relaxed: as in find_near.
  return leaf->pages[(value >> kSliceShift) % kLeafEntries].load(std::memory_order_relaxed);
}

bool PageMap::open_window(std::uintptr_t base) {
  if (sealed.window_entries != 0) {
    return true;
  }
  void* const table = reserve_records<System>(kWindowEntries * sizeof(Page*));
  if (table == nullptr) {
    return false;
  }
  LockGuard guard(messages_lock());
  return change_sealed([=] {
    sealed.window = static_cast<std::atomic<Page*>*>(table);
    sealed.window_base = base;
    sealed.window_entries = kWindowEntries;
  });
}

void PageMap::unmap() {
  if (sealed.window_entries != 0) {
    LockGuard guard(messages_lock());
    release_records<System>(sealed.window, sealed.window_entries * sizeof(Page*));
    static_cast<void>(change_sealed([] { sealed.window_entries = 0; }));
  }
  for (std::atomic<std::uintptr_t>& root : root_) {
    // relaxed: no other thread uses the map.
    const std::uintptr_t entry = root.load(std::memory_order_relaxed);
    if (entry != 0 && (entry & kWholeSpan) == 0) {
      release_records<System>(reinterpret_cast<void*>(entry), sizeof(Leaf));
    }
  }
}

PageMap::Leaf* PageMap::leaf_for(std::size_t root_index) {
  // acquire: pairs with the release below.
  std::uintptr_t entry = root_[root_index].load(std::memory_order_acquire);
  if (entry != 0) {
    return (entry & kWholeSpan) == 0 ? reinterpret_cast<Leaf*>(entry) : nullptr;
  }
  void* const fresh = reserve_records<System>(sizeof(Leaf));
  if (fresh == nullptr) {
    return nullptr;
  }
  // release: publishes the zeroed leaf. acquire on failure: another thread's leaf is used.
  if (root_[root_index].compare_exchange_strong(entry, address_of(fresh), std::memory_order_release,
                                                std::memory_order_acquire)) {
    return static_cast<Leaf*>(fresh);
  }
  release_records<System>(fresh, sizeof(Leaf));
  return (entry & kWholeSpan) == 0 ? reinterpret_cast<Leaf*>(entry) : nullptr;
}

// Whether any address of the span of 4 GiB that begins here is the window's business.
bool PageMap::touches_window(std::uintptr_t span) {
  return sealed.window_entries != 0 && span + kLeafSpan > sealed.window_base &&
         span < sealed.window_base + sealed.window_entries * kSliceSize;
}

// A span of 4 GiB that one page fills is one tagged root entry, if no leaf was made there.
bool PageMap::enter_span(std::uintptr_t address, Page* page) {
  std::uintptr_t empty = 0;
  // release: as in leaf_for. acquire: a leaf of another thread is used below.
  return root_[address >> kLeafShift].compare_exchange_strong(empty, address_of(page) | kWholeSpan,
                                                              std::memory_order_release,
                                                              std::memory_order_acquire) ||
         (empty & kWholeSpan) == 0;
}

// Goes through the tables that hold the entries of a range: calls use(their entries, their words of
// counted OS pages, first entry, how many) for the window and for each leaf, and on_span(its root
// entry) for each span that one page fills.
template <class Use, class OnSpan>
void PageMap::for_each_table(std::uintptr_t begin, std::uintptr_t end, Use use, OnSpan on_span) {
  const std::uintptr_t window_end = sealed.window_base + sealed.window_entries * kSliceSize;
  while (begin < end) {
    const std::uintptr_t near = slices_into_window(begin);
    std::uintptr_t next = end;
    if (near < sealed.window_entries) {
      next = end < window_end ? end : window_end;
      use(sealed.window, counted_, near, divide_up(next - begin, kSliceSize));
    } else {
      const std::uintptr_t span_end = align_down(begin, kLeafSpan) + kLeafSpan;
      next = span_end < next ? span_end : next;
      next = begin < sealed.window_base && sealed.window_base < next ? sealed.window_base : next;
      std::atomic<std::uintptr_t>& root = root_[begin >> kLeafShift];
      // acquire: pairs with leaf_for; the leaf was made when the range was entered. Only the holder
      // of a span changes a tagged entry.
      const std::uintptr_t entry = root.load(std::memory_order_acquire);
      if ((entry & kWholeSpan) != 0) {
        on_span(root);
      } else if (entry != 0) {
        auto* const leaf = reinterpret_cast<Leaf*>(entry);
        use(leaf->pages, leaf->counted, begin / kSliceSize % kLeafEntries,
            divide_up(next - begin, kSliceSize));
      }
    }
    begin = next;
  }
}

bool PageMap::enter(const void* start, std::size_t size, Page* page) {
  const std::uintptr_t begin = address_of(start);
  const std::uintptr_t end = begin + size;
  const bool all_near = slices_into_window(begin) < sealed.window_entries &&
                        slices_into_window(end - 1) < sealed.window_entries;
  if (!can_hold(begin, size)) {
    return false;
  }
  // First what may fail (leaves and spans), then what may not (entries).
  for (std::uintptr_t at = begin; !all_near && at < end;
       at = align_down(at, kLeafSpan) + kLeafSpan) {
    const bool whole = is_aligned(at, kLeafSpan) && end - at >= kLeafSpan && !touches_window(at);
    if (whole ? !enter_span(at, page) : leaf_for(at >> kLeafShift) == nullptr) {
      remove(start, at - begin);
      return false;
    }
  }
  const std::size_t os_page = System::page_size();
  const auto set = [page, os_page](std::atomic<Page*>* pages, std::atomic<std::uint64_t>* counted,
                                   std::uintptr_t first, std::size_t count) {
    note_table_touched(counted, first * sizeof(Page*), count * sizeof(Page*), os_page);
    set_entries(pages + first, count, page);
  };
  // Spans were entered above.
  for_each_table(begin, end, set, [](std::atomic<std::uintptr_t>&) {});
  return true;
}

bool PageMap::split_before(const void* start) {
  const std::uintptr_t at = address_of(start);
  std::atomic<std::uintptr_t>& root = root_[(at >> kLeafShift) % kRootEntries];
  // relaxed: only the holder of the span changes a tagged entry.
  const std::uintptr_t entry = root.load(std::memory_order_relaxed);
  if ((entry & kWholeSpan) == 0 || is_aligned(at, kLeafSpan)) {
    return true;
  }
  auto* const leaf = static_cast<Leaf*>(reserve_records<System>(sizeof(Leaf)));
  if (leaf == nullptr) {
    return false;
  }
  for (std::atomic<Page*>& page : leaf->pages) {
    // relaxed: published by the root entry below.
    page.store(reinterpret_cast<Page*>(entry - kWholeSpan), std::memory_order_relaxed);
  }
  note_table_touched(leaf->counted, 0, sizeof leaf->pages, System::page_size());
  // release: who sees the leaf sees it filled.
  root.store(address_of(leaf), std::memory_order_release);
  return true;
}

void PageMap::remove(const void* start, std::size_t size) {
  const std::uintptr_t begin = address_of(start);
  const auto clear = [](std::atomic<Page*>* pages, std::atomic<std::uint64_t>*,
                        std::uintptr_t first,
                        std::size_t count) { set_entries(pages + first, count, nullptr); };
  for_each_table(begin, begin + size, clear, [](std::atomic<std::uintptr_t>& span) {
    // release: what the page was is over before another may be entered.
    span.store(0, std::memory_order_release);
  });
}

// A block of 64 MiB has a thousand entries: each costs a store and no more.
void PageMap::set_entries(std::atomic<Page*>* entries, std::size_t count, Page* page) {
  for (std::size_t i = 0; i < count; ++i) {
    // release: a reader that finds the page finds its metadata written.
    entries[i].store(page, std::memory_order_release);
  }
}

}  // namespace ashlar
