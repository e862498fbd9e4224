// The ring of freed blocks.
#include "heap/held_back.h"

#include <atomic>

#include "arena/page_map.h"
#include "base/relaxed.h"
#include "heap/free.h"
#include "heap/tuning.h"
#include "os/system.h"
#include "page/ownership.h"
#include "support/options.h"
#include "support/tracker.h"

namespace ashlar {
namespace {

// Places in the ring; of its memory only what is in use is touched.
constexpr std::size_t kMostHeld = std::size_t{1} << 20;

// Owner:       who holds `lock`
// Invariants:  blocks[first .. first + count), round the end, are held, the longest held first
//              (nullptr: given back out of turn); bytes is the sum of their sizes
// Life:        no memory until the first block comes; kept until the process ends
struct Ring {
  Block** blocks = nullptr;
  std::size_t first = 0;
  std::size_t count = 0;
  std::size_t bytes = 0;

  Block*& at(std::size_t i) const { return blocks[(first + i) % kMostHeld]; }
};

constinit Lock lock{LockRank::kHeldBack};
constinit Ring ring ASHLAR_GUARDED_BY(lock);

// Whether one ever was. Who destroys a heap is ordered behind the frees of its blocks.
constinit RelaxedNumber<bool> any_held;

// Threads that took a block out of the ring and have not given it back yet. Who destroys a heap
// waits for them, so that none frees into a page that is gone.
constinit std::atomic<std::uint32_t> giving_back{0};

// Of the calling thread: a free may release a page, which may run code of the program.
ASHLAR_THREAD_LOCAL std::uint32_t own_giving_back = 0;

void give_back(Block* block) {
  const QuietScope quiet;
  ++own_giving_back;
  free_untracked(page_map.find(block), block);
  --own_giving_back;
  // release: who waits sees the block freed.
  giving_back.fetch_sub(1, std::memory_order_release);
}

void note_giving_back() ASHLAR_REQUIRES(lock) {
  // relaxed: the lock orders it before a wait that has to see it.
  giving_back.fetch_add(1, std::memory_order_relaxed);
}

Block* take(std::size_t i) ASHLAR_REQUIRES(lock) {
  Block* const block = ring.at(i);
  ring.at(i) = nullptr;
  if (block != nullptr) {
    ring.bytes -= page_map.find(block)->block_size;
    note_giving_back();
  }
  return block;
}

// The longest held block, while there are more than `most` bytes or no place is left.
Block* take_first(std::size_t most) {
  LockGuard guard(lock);
  while (ring.count != 0 &&
         (ring.bytes > most || ring.count == kMostHeld || ring.at(0) == nullptr)) {
    Block* const block = take(0);
    ring.first = (ring.first + 1) % kMostHeld;
    --ring.count;
    if (block != nullptr) {
      return block;
    }
  }
  return nullptr;
}

// All blocks of the heap (nullptr: of all), chained by their first words: one pass over the ring.
Block* take_of(const Heap* heap) {
  const QuietScope quiet;
  Block* chain = nullptr;
  LockGuard guard(lock);
  for (std::size_t i = 0; i < ring.count; ++i) {
    if (ring.at(i) != nullptr && (heap == nullptr || home_of(page_map.find(ring.at(i))) == heap)) {
      Block* const block = take(i);
      // relaxed: nobody else knows of the chain; readers without locks may look at the word.
      __atomic_store_n(&block->code, address_of(chain), __ATOMIC_RELAXED);
      chain = block;
    }
  }
  return chain;
}

bool enter(const Page* page, Block* block) {
  any_held.set(true);
  LockGuard guard(lock);
  if (ring.blocks == nullptr) {
    ring.blocks = static_cast<Block**>(
        System::reserve(nullptr, kMostHeld * sizeof(Block*), kSliceSize, Access::kReadWrite));
  }
  if (ring.blocks == nullptr || ring.count == kMostHeld) {
    note_giving_back();
    return false;
  }
  ring.at(ring.count) = block;
  ++ring.count;
  ring.bytes += page->block_size;
  return true;
}

}  // namespace

Lock& held_back_lock() { return lock; }

void hold_back(Page* page, Block* block) {
  if (!enter(page, block)) {
    give_back(block);
  }
  const std::size_t quarantine = is_watched() ? 0 : tuning.quarantine.get();
  const std::size_t most = quarantine != 0 ? quarantine : option_get_size(Option::kToolHeldBack);
  while (Block* const first = take_first(most)) {
    give_back(first);
  }
}

void give_back_held(const Heap* heap) {
  if (!any_held.get()) {
    return;
  }
  const QuietScope quiet;
  for (Block* block = take_of(heap); block != nullptr;) {
    auto* const next = reinterpret_cast<Block*>(block->code);
    give_back(block);
    block = next;
  }
  // acquire: pairs with the release in give_back.
  while (giving_back.load(std::memory_order_acquire) > own_giving_back) {
    System::yield();
  }
}

void forget_others_giving_back() {
  // relaxed: there is no other thread.
  giving_back.store(own_giving_back, std::memory_order_relaxed);
}

}  // namespace ashlar
