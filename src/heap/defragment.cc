// Choosing pages to empty: which are offered as a whole, which fit into the others.
#include "heap/defragment.h"

#include "heap/allocate.h"
#include "heap/heap.h"
#include "heap/orphans.h"
#include "heap/thread_life.h"
#include "page/hollow.h"
#include "page/ownership.h"
#include "support/check.h"
#include "support/tracker.h"

namespace ashlar {
namespace {

// The mark of a block, by where it lies in its page: sums of marks are equal only if they are of
// the same blocks, but for a chance of one in 2^64.
std::uint64_t mark_of(const Page* page, const void* block) {
  std::uint64_t mark = bytes_between(page->start, block) + 1;
  mark *= 0x9e3779b97f4a7c15u;
  mark ^= mark >> 29;
  mark *= 0xbf58476d1ce4e5b9u;
  return mark ^ mark >> 32;
}

// The marks of a page's live blocks: of all that there are, without those in its lists. Blocks that
// other threads free meanwhile count as live; lost ones do too, so no page that has any is chosen.
std::uint64_t sum_of_live(const Page* page) {
  const QuietScope quiet;
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < page->capacity; ++i) {
    const void* const block = at_offset(page->start, std::size_t{i} * page->block_size);
    sum += is_withdrawn(page, block) ? 0 : mark_of(page, block);
  }
  // A corrupted list must not lead us round for ever, nor out of the page.
  std::uint32_t left = page->capacity;
  for (const Block* list :
       {static_cast<const Block*>(page->free), static_cast<const Block*>(page->local_free)}) {
    for (const Block* at = list; at != nullptr && left != 0; --left) {
      sum -= mark_of(page, at);
      at = PageLinks::next(at, page->keys);
      if (at != nullptr && !is_block_start(page, at)) {
        break;
      }
    }
  }
  return sum;
}

// Whether all live blocks of a page were offered, each once, and nothing else of it.
bool is_offered(const Page* page) {
  return page->offer.blocks != 0 && page->offer.blocks == page->used() &&
         page->offer.sum == sum_of_live(page);
}

std::uint32_t usable_room(const Page* page) { return page->room() - page->lost; }

// Where moved blocks go first: to the fullest pages, then to low addresses.
bool fills_first(const Page* a, const Page* b) {
  return a->used() != b->used() ? a->used() > b->used()
                                : address_of(a->start) < address_of(b->start);
}

// The part of the thread that decides, and what it found out. All pages in its queues are its own:
// nobody else touches their plain fields.
class Decision {
 public:
  // The pages as they are, those with room in the queues, the empty ones gone.
  explicit Decision(ThreadHeap* backing) : backing_(backing) {
    for (ThreadHeap* part = backing_; part != nullptr; part = part->next_of_thread) {
      collect_part(part);
      for (const PageQueue& queue : part->queues) {
        for_each(queue, [](Page* page) { page->offer = {}; });
      }
    }
  }

  void note_offer(void* pointer) {
    Page* const page = page_map.find(pointer);
    if (page == nullptr) {
      return;
    }
    if (!is_own(page)) {
      if (take_orphan(page) == Taken::kNo) {
        return;
      }
      page->offer = {};
      page->offer.taken = true;
    }
    if (const void* const block = candidate(page, pointer)) {
      ++page->offer.blocks;
      page->offer.sum += mark_of(page, block);
    }
    offered_[page->size_class] = true;
  }

  MoveAdvice choose() {
    for (ThreadHeap* part = backing_; part != nullptr; part = part->next_of_thread) {
      for (SizeClass c = 0; c < kSizeClassCount; ++c) {
        if (offered_[c] && part->queues[c].first() != nullptr) {
          choose_in(part, c);
        }
      }
    }
    return advice_;
  }

  static bool answer(void* pointer) {
    Page* const page = page_map.find(pointer);
    return page != nullptr && is_own(page) && candidate(page, pointer) != nullptr &&
           page->offer.answer == OfferAnswer::kMove;
  }

 private:
  // The block that a pointer leads to, if it is one of a page of this thread that has room.
  static const void* candidate(const Page* page, const void* pointer) {
    if (page->list != PageList::kQueue) {
      return nullptr;
    }
    const bool interior = (owner_of(page) & kOwnerInterior) != 0;
    const void* const block = interior ? block_at(page, pointer) : pointer;
    return is_block_start(page, block) ? block : nullptr;
  }

  // visit(page) may take the page out of the queue, or put it at its end.
  template <class Visit>
  static void for_each(const PageQueue& queue, Visit visit) {
    Page* page = queue.first();
    for (std::uint32_t left = queue.count(); left != 0; --left) {
      Page* const next = page->next;
      visit(page);
      page = next;
    }
  }

  // What a page holds, live or not, is constant: so each page that is emptied takes one page's
  // worth of the room there is in all of them, itself included. The emptiest have the fewest blocks
  // to move.
  void choose_in(ThreadHeap* part, SizeClass size_class) {
    PageQueue& queue = part->queues[size_class];
    queue.sort(fills_first);
    part->update_direct(size_class);
    std::size_t room = 0;
    for_each(queue, [&](const Page* page) { room += usable_room(page); });
    std::size_t moving = 0;
    Page* page = queue.last();
    for (std::uint32_t left = queue.count(); left != 0 && room >= page->reserved; --left) {
      if (is_offered(page)) {
        page->offer.answer = OfferAnswer::kMove;
        room -= page->reserved;
        moving += page->used();
        advice_.bytes += page->capacity * page->block_size;
      }
      page = page->previous;
    }
    advice_.blocks += moving;
    arrange(part, &queue, moving);
  }

  // Pages to empty go to the end of the queue, lest the blocks moved come to lie there. Adopted
  // ones that neither are to be emptied nor to be filled are nobody's again.
  static void arrange(ThreadHeap* part, PageQueue* queue, std::size_t moving) {
    for_each(*queue, [&](Page* page) {
      if (page->offer.answer == OfferAnswer::kMove) {
        part->remove(page);
        part->push_back(page);
        check(!is_allocated_from(page), "blocks move to other pages than they leave");
      } else if (page->offer.taken && (moving == 0 || usable_room(page) == 0)) {
        part->remove(page);
        let_go(page);
      } else {
        const std::size_t room = usable_room(page);
        moving -= room < moving ? room : moving;
      }
    });
  }

  ThreadHeap* const backing_;
  bool offered_[kSizeClassCount] = {};
  MoveAdvice advice_;
};

}  // namespace

MoveAdvice advise_moves(void* const* blocks, std::size_t count, bool* move) {
  for (std::size_t i = 0; i < count; ++i) {
    move[i] = false;
  }
  if (count == 0 || (thread_heap == &empty_heap && start_thread() == nullptr)) {
    return {};
  }
  ThreadHeap* const backing = thread_heap->backing;
  // relaxed: settle_thread acquires it again.
  if (backing->attention.load(std::memory_order_relaxed)) {
    settle_thread(backing);
  }
  Decision decision(backing);
  for (std::size_t i = 0; i < count; ++i) {
    decision.note_offer(blocks[i]);
  }
  const MoveAdvice advice = decision.choose();
  for (std::size_t i = 0; advice.blocks != 0 && i < count; ++i) {
    move[i] = Decision::answer(blocks[i]);
  }
  return advice;
}

bool is_allocated_from(const Page* page) {
  const ThreadHeap* const part = find_thread_heap(home_of(page));
  return part != nullptr && page->size_class < kSizeClassCount &&
         part->queues[page->size_class].first() == page;
}

bool is_under_utilized(const Page* page, std::size_t percent) {
  PageCounts counts;
  // What changes meanwhile is a hint all the same.
  static_cast<void>(try_read_counts(page, &counts));
  return std::size_t{counts.live} * 100 <= percent * page->reserved;
}

}  // namespace ashlar
