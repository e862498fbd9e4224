// Telling live blocks from free ones: a page knows only the free ones, in three lists.
#include "observe/heap_walk.h"

#include <errno.h>

#include <array>
#include <bit>
#include <cstdint>

#include "heap/orphans.h"
#include "heap/page_source.h"
#include "heap/realm.h"
#include "heap/tracked.h"
#include "heap/tuning.h"
#include "page/hollow.h"
#include "page/ownership.h"
#include "page/padding.h"
#include "page/page.h"
#include "policy/layout.h"
#include "support/messages.h"

namespace ashlar {
namespace {

// A bit for each block of a page, set where it is live.
class LiveBlocks {
 public:
  // Reads the lists as they stand. A link that leads nowhere ends its list: the page may be in use
  // by another thread against the rules, and nothing must be followed blindly.
  LiveBlocks(const Page* page, RemoteList remote) : page_(page), count_(page->capacity) {
    const QuietScope quiet;
    for (std::uint32_t i = 0; i < page->capacity; ++i) {
      words_[i / kBits] |= std::uint64_t{1} << (i % kBits);
    }
    take_out(page->free);
    take_out(page->local_free);
    take_out(remote.first(page));
    take_out_withdrawn();
    take_out_waiting();
  }

  // Blocks that were freed and wait in the quarantine: their page counts them as used.
  std::uint32_t waiting() const { return waiting_; }

  std::uint32_t count() const { return count_; }

  // Calls visit(block) for each live block; false when it did.
  template <class Visit>
  bool visit_each(Visit visit) const {
    void* const start = page_->start;
    const std::size_t block_size = page_->block_size;
    for (std::size_t word = 0; word < words_.size(); ++word) {
      for (std::uint64_t bits = words_[word]; bits != 0; bits &= bits - 1) {
        const std::size_t index = word * kBits + static_cast<std::size_t>(std::countr_zero(bits));
        if (!visit(at_offset(start, index * block_size))) {
          return false;
        }
      }
    }
    return true;
  }

 private:
  static constexpr std::size_t kBits = 64;
  static constexpr std::size_t kMostBlocks = kSliceSize / kWordSize;

  void take_out(const Block* block) {
    while (block != nullptr && address_of(block) >= address_of(page_->start)) {
      const std::size_t index = bytes_between(page_->start, block) / page_->block_size;
      if (index >= page_->capacity) {
        return;
      }
      if (!clear(index)) {
        return;
      }
      block = PageLinks::next(block, page_->keys);
    }
  }

  void take_out_withdrawn() {
    for (std::uint32_t i = 0; page_->withdrawn != 0 && i < page_->capacity; ++i) {
      if (is_withdrawn(page_, at_offset(page_->start, i * page_->block_size))) {
        clear(i);
      }
    }
  }

  void take_out_waiting() {
    if constexpr (kActive.check_blocks) {
      for (std::uint32_t i = 0; quarantine_is_on() && i < page_->capacity; ++i) {
        const void* const block = at_offset(page_->start, i * page_->block_size);
        if (find_damage(page_, block).damage == Damage::kFreed && clear(i)) {
          ++waiting_;
        }
      }
    }
  }
  static bool quarantine_is_on() { return tuning.quarantine.get() != 0 && !is_watched(); }

  // False where the bit was clear already.
  bool clear(std::size_t index) {
    std::uint64_t& word = words_[index / kBits];
    const std::uint64_t bit = std::uint64_t{1} << (index % kBits);
    const bool was_set = (word & bit) != 0;
    count_ -= was_set ? 1 : 0;
    word &= ~bit;
    return was_set;
  }

  const Page* const page_;
  std::array<std::uint64_t, kMostBlocks / kBits> words_{};
  std::uint32_t count_;
  std::uint32_t waiting_ = 0;
};

// The lists hold what the page's counts say. For debug builds.
[[maybe_unused]] void check_counts(const Page* page, RemoteList remote, std::uint32_t live) {
  const std::uint32_t expected = page->used() - remote.count() + page->lost;
  if (live != expected) {
    report_error(
        EFAULT,
        "heap visit: of the page at %p %u blocks are live, and not %u: another thread uses "
        "the heap during the visit, or a block was written to after it was freed",
        page->start, live, expected);
  }
}

// Shows a block, as the program sees it.
bool show_block(const PageView& view, void* block, PageVisitor* visitor, void* arg) {
  if (!is_watched()) {
    return visitor(view, block, arg);
  }
  PageView tracked = view;
  void* const seen = seen_by_program(block, &tracked.usable);
  return seen == nullptr || visitor(tracked, seen, arg);
}

bool show_page(const Page* page, bool blocks, PageVisitor* visitor, void* arg,
               Rest rest = Rest::kPromised) {
  PageView view{.start = page->start,
                .reserved = page_bytes(page),
                .committed = page->block_size,
                .live = 1,
                .block_size = page->block_size,
                .usable = room_of(page)};
  if (page->is_huge()) {
    view.usable = kActive.pad_blocks ? requested_of(page, page->start) : page->block_size;
    return visitor(view, nullptr, arg) && (!blocks || show_block(view, page->start, visitor, arg));
  }
  // Taken once: an orphan is owned by who walks, and others may free into it all the while.
  const RemoteList remote = remote_frees(page);
  const LiveBlocks live(page, remote);
  if (kActive.check_invariants && rest == Rest::kPromised) {
    check_counts(page, remote, live.count() + live.waiting());
  }
  view.committed = std::size_t{page->capacity} * page->block_size;
  view.live = live.count();
  // The page may be gone once its last block was freed by the visitor: it is not looked at again.
  return visitor(view, nullptr, arg) && (!blocks || live.visit_each([&](void* block) {
           return show_block(view, block, visitor, arg);
         }));
}

}  // namespace

bool walk_heap(const Heap* heap, bool blocks, PageVisitor* visitor, void* arg, Rest rest) {
  return visit_pages(heap->realm, [&](const Page* page) {
    return !belongs_to(page, heap) || show_page(page, blocks, visitor, arg, rest);
  });
}

bool walk_thread_heap(const ThreadHeap* part, bool blocks, PageVisitor* visitor, void* arg) {
  return visit_pages(part->home->realm, [&](const Page* page) {
    const bool owned = (owner_of(page) & ~kOwnerFlags) == part->id && page->heap == part;
    return !owned || show_page(page, blocks, visitor, arg);
  });
}

bool walk_orphans(Realm* realm, const Heap* heap, int tag, bool blocks, OrphanVisitor* visitor,
                  void* arg) {
  struct Call {
    OrphanVisitor* visitor;
    const Heap* heap;
    void* arg;
  };
  bool going_on = true;
  for_each_page_entry(
      realm,
      [&](Page* page) {
        return going_on && (heap == nullptr || belongs_to(page, heap)) && !is_huge_word(page) &&
               try_own(&page->remote) == Taken::kYes;
      },
      [&](Page* page) {
        // Only the owner may look at the page's heap, and knows whose it is for certain.
        const Heap* const home = home_of(page);
        const bool wanted =
            heap == nullptr ? tag == kAnyTag || home->tag == tag : belongs_to(page, heap);
        Call call{visitor, home, arg};
        const auto call_visitor = [](const PageView& view, void* block, void* call_arg) {
          const Call& to = *static_cast<const Call*>(call_arg);
          return to.visitor(to.heap, view, block, to.arg);
        };
        collect_page(page);
        going_on = going_on &&
                   (!wanted || page->is_empty() || show_page(page, blocks, call_visitor, &call));
        publish(page);
      });
  return going_on;
}

}  // namespace ashlar
