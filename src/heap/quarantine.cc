// A ring of blocks, and how many bytes they are.
#include "heap/quarantine.h"

#include "heap/free.h"
#include "heap/tuning.h"

namespace ashlar {
namespace {

constexpr std::uint32_t kEntries = kActive.check_blocks ? kQuarantineMax : 1;
constexpr std::size_t kFreedAtOnce = 4;

// Owner:       who holds the lock
// Invariants:  blocks[first] to blocks[first + count - 1], round the ring, wait; `bytes` is the sum
//              of their block sizes; their pages count them as used
// Life:        static
struct Ring {
  Block* blocks[kEntries];
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::size_t bytes = 0;

  Block* pop() {
    Block* const block = blocks[first];
    first = (first + 1) % kEntries;
    --count;
    bytes -= page_map.find(block)->block_size;
    return block;
  }
  void push(const Page* page, Block* block) {
    blocks[(first + count) % kEntries] = block;
    ++count;
    bytes += page->block_size;
  }
};

constinit Lock lock{LockRank::kQuarantine};
constinit Ring ring ASHLAR_GUARDED_BY(lock) = {};

// Takes out what has to make room for so many bytes more.
std::size_t take_out(Block* (&gone)[kFreedAtOnce], std::size_t more, std::size_t budget)
    ASHLAR_REQUIRES(lock) {
  std::size_t taken = 0;
  while (taken < kFreedAtOnce && ring.count != 0 &&
         (ring.count == kEntries || ring.bytes + more > budget)) {
    gone[taken++] = ring.pop();
  }
  return taken;
}

void free_all(Block* const (&gone)[kFreedAtOnce], std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    free_marked(page_map.find(gone[i]), gone[i]);
  }
}

}  // namespace

void quarantine_slow(Page* page, Block* block) {
  Block* gone[kFreedAtOnce];
  std::size_t count = 0;
  {
    LockGuard guard(lock);
    count = take_out(gone, page->block_size, tuning.quarantine.get());
    ring.push(page, block);
  }
  free_all(gone, count);
}

void flush_quarantine() {
  if constexpr (kActive.check_blocks) {
    Block* gone[kFreedAtOnce];
    std::size_t count = 0;
    do {
      {
        LockGuard guard(lock);
        count = take_out(gone, 0, 0);
      }
      free_all(gone, count);
    } while (count != 0);
  }
}

Lock& quarantine_lock() { return lock; }

}  // namespace ashlar
