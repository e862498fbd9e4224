// The five bits that an arena keeps for each slice, 64 slices a group, and operations on runs of
// them. Knows nothing of addresses; finding and claiming free runs is slice_claim.h's.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/integer.h"
#include "base/units.h"

namespace ashlar {

inline constexpr std::uint32_t kBitsPerWord = 64;

using AtomicWord = std::atomic<std::uint64_t>;

// One group: the bits of slice i of the group are bit i of each word. They lie side by side, so
// that a claim touches a line or two.
//
// Owner:       a slice's other bits may be changed by whoever set its
//              in_use bit, until it clears it again
// Shared:      all words, since 64 slices with different holders share each
// Invariants:  waiting implies dirty, purged excludes dirty; a slice that is not committed is
//              none of them, but for dirty where the arena's memory was not zero from the start
// Life:        zero (free, not committed, all zero bytes, nothing to purge) when an arena is made
struct SliceWords {
  AtomicWord in_use{0};
  AtomicWord committed{0};
  AtomicWord dirty{0};    // may hold bytes that are not zero
  AtomicWord waiting{0};  // free, resident, waiting to be purged
  AtomicWord purged{0};   // purged since it was last claimed: the next use faults again
};

// A group's words as they were read, one after the other.
struct SliceBits {
  std::uint64_t in_use;
  std::uint64_t committed;
  std::uint64_t dirty;
  std::uint64_t waiting;
  std::uint64_t purged;
};

inline SliceBits read_bits(const SliceWords& words) {
  // acquire: what the holder of a slice wrote before it handed anything on is seen.
  const std::uint64_t in_use = words.in_use.load(std::memory_order_acquire);
  // relaxed: for display; slices may change hands between one word and the next.
  return {.in_use = in_use,
          .committed = words.committed.load(std::memory_order_relaxed),
          .dirty = words.dirty.load(std::memory_order_relaxed),
          .waiting = words.waiting.load(std::memory_order_relaxed),
          .purged = words.purged.load(std::memory_order_relaxed)};
}

// Calls visit(word_index, mask) for each word that the run touches; stops at false.
template <class Visit>
constexpr bool for_each_word(SliceRun run, Visit visit) {
  std::uint32_t bit = run.first.value;
  const std::uint32_t end = run.end().value;
  while (bit < end) {
    const std::uint32_t word = bit / kBitsPerWord;
    const std::uint32_t low = bit % kBitsPerWord;
    const std::uint32_t left = end - bit;
    const std::uint32_t count = left < kBitsPerWord - low ? left : kBitsPerWord - low;
    if (!visit(word, low_bits(count) << low)) {
      return false;
    }
    bit += count;
  }
  return true;
}

// Calls visit(run) for each run of set bits of one word, from the lowest.
template <class Visit>
constexpr void for_each_run(std::uint32_t word, std::uint64_t bits, Visit visit) {
  for_each_bit_run(bits, [&](std::uint32_t first, std::uint32_t count) {
    visit(SliceRun{{word * kBitsPerWord + first}, {count}});
  });
}

// The bits of one word without those that stand in runs of fewer than `least`.
constexpr std::uint64_t runs_of_at_least(std::uint32_t least, std::uint64_t bits) {
  if (least <= 1) {
    return bits;
  }
  std::uint64_t kept = 0;
  for_each_bit_run(bits, [&](std::uint32_t first, std::uint32_t count) {
    if (count >= least) {
      kept |= low_bits(count) << first;
    }
  });
  return kept;
}

// Sets the run's bits of one of the words; returns how many were set before.
inline std::uint32_t set_run(SliceWords* words, AtomicWord SliceWords::* bits, SliceRun run) {
  std::uint32_t before = 0;
  for_each_word(run, [&](std::uint32_t word, std::uint64_t mask) {
    // relaxed: only the holder of the slices changes these bits; in_use hands them over.
    const std::uint64_t old = (words[word].*bits).fetch_or(mask, std::memory_order_relaxed);
    before += static_cast<std::uint32_t>(std::popcount(old & mask));
    return true;
  });
  return before;
}

// Clears them; returns how many were set before.
inline std::uint32_t clear_run(SliceWords* words, AtomicWord SliceWords::* bits, SliceRun run) {
  std::uint32_t before = 0;
  for_each_word(run, [&](std::uint32_t word, std::uint64_t mask) {
    // relaxed: a look that spares the write when nothing is set; the bits are the holder's.
    const std::uint64_t seen = (words[word].*bits).load(std::memory_order_relaxed) & mask;
    if (seen != 0) {
      // relaxed: only the holder of the slices changes these bits; in_use hands them over.
      (words[word].*bits).fetch_and(~mask, std::memory_order_relaxed);
      before += static_cast<std::uint32_t>(std::popcount(seen));
    }
    return true;
  });
  return before;
}

// How many of the run's bits are set.
inline std::uint32_t count_run(const SliceWords* words, AtomicWord SliceWords::* bits,
                               SliceRun run) {
  std::uint32_t set = 0;
  for_each_word(run, [&](std::uint32_t word, std::uint64_t mask) {
    // relaxed: the holder reads its own bits; anybody else gets a hint.
    const std::uint64_t seen = (words[word].*bits).load(std::memory_order_relaxed) & mask;
    set += static_cast<std::uint32_t>(std::popcount(seen));
    return true;
  });
  return set;
}

}  // namespace ashlar
