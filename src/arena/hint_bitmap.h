// A set of hints, one bit a slice: "an orphan page with room starts here". A bit may be stale;
// who takes one must make sure by other means that the page is what it says.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

#include "arena/slice_words.h"
#include "base/units.h"
#include "os/schedule.h"

namespace ashlar {

// The words of the bitmaps of all size classes lie side by side (word 0 of each class, then
// word 1 of each), so that an arena whose low slices are in use touches little memory; hence
// the stride.
//
// Shared:      all words, by every thread
// Invariants:  a word with a set bit has its summary bit set, or somebody is about to set it
class HintBitmap {
 public:
  constexpr HintBitmap() = default;
  HintBitmap(AtomicWord* words, std::uint32_t stride, AtomicWord* summary, std::uint32_t word_count)
      : words_(words), summary_(summary), stride_(stride), word_count_(word_count) {}

  void set(SliceIndex slice) {
    const ScheduleWindow window(SchedulePoint::kSetHint);
    const std::uint32_t index = slice.value / kBitsPerWord;
    const std::uint64_t bit = std::uint64_t{1} << (slice.value % kBitsPerWord);
    // release: who takes the hint sees the page as it was published.
    word(index).fetch_or(bit, std::memory_order_release);
    schedule_point(SchedulePoint::kSetHint);
    // release: who sees the summary bit also sees the word.
    summary_[index / kBitsPerWord].fetch_or(std::uint64_t{1} << (index % kBitsPerWord),
                                            std::memory_order_release);
  }

  bool is_set(SliceIndex slice) const {
    const ScheduleWindow window(SchedulePoint::kReadHint);
    // relaxed: hints only.
    const std::uint64_t bits =
        words_[std::size_t{slice.value / kBitsPerWord} * stride_].load(std::memory_order_relaxed);
    return ((bits >> (slice.value % kBitsPerWord)) & 1) != 0;
  }

  // True where the bit was set and this call cleared it.
  bool clear(SliceIndex slice) {
    const ScheduleWindow window(SchedulePoint::kClearHint);
    const std::uint64_t bit = std::uint64_t{1} << (slice.value % kBitsPerWord);
    // acquire: pairs with the release in set.
    return (word(slice.value / kBitsPerWord).fetch_and(~bit, std::memory_order_acquire) & bit) != 0;
  }

  // Finds the lowest hint at or after *slice, and leaves it in the set; false where there is none.
  bool find(SliceIndex* slice) {
    for (std::uint32_t index = slice->value / kBitsPerWord; index < word_count_;) {
      // acquire: pairs with the release in set.
      const std::uint64_t any =
          summary_[index / kBitsPerWord].load(std::memory_order_acquire) >> (index % kBitsPerWord);
      if (any == 0) {
        index = (index / kBitsPerWord + 1) * kBitsPerWord;
        continue;
      }
      schedule_point(SchedulePoint::kTakeHint);
      index += static_cast<std::uint32_t>(std::countr_zero(any));
      if (find_in(index, slice)) {
        return true;
      }
      ++index;
    }
    return false;
  }

  // Takes the lowest hint at or after *slice out of the set; false where there is none.
  bool take(SliceIndex* slice) {
    for (; find(slice); ++slice->value) {
      if (clear(*slice)) {
        return true;
      }
    }
    return false;
  }

 private:
  bool find_in(std::uint32_t index, SliceIndex* slice) {
    const ScheduleWindow window(SchedulePoint::kTakeHint);
    // acquire: pairs with the release in set; the page is seen as it was published.
    std::uint64_t bits = word(index).load(std::memory_order_acquire);
    if (bits == 0) {
      forget_if_empty(index);
      return false;
    }
    if (index == slice->value / kBitsPerWord) {
      bits &= ~std::uint64_t{0} << (slice->value % kBitsPerWord);
    }
    if (bits == 0) {
      return false;
    }
    slice->value = index * kBitsPerWord + static_cast<std::uint32_t>(std::countr_zero(bits));
    return true;
  }

  // Clears the summary bit of an empty word, and sets it again where a hint came in between.
  void forget_if_empty(std::uint32_t index) {
    const std::uint64_t bit = std::uint64_t{1} << (index % kBitsPerWord);
    const ScheduleWindow window(SchedulePoint::kForgetHints);
    // acq_rel: orders the clear before the look below against set's word-then-summary.
    summary_[index / kBitsPerWord].fetch_and(~bit, std::memory_order_acq_rel);
    schedule_point(SchedulePoint::kForgetHints);
    // acquire: if set's summary write came before our clear, its word write is seen here.
    if (word(index).load(std::memory_order_acquire) != 0) {
      // release: as in set.
      summary_[index / kBitsPerWord].fetch_or(bit, std::memory_order_release);
    }
  }

  AtomicWord& word(std::uint32_t index) { return words_[std::size_t{index} * stride_]; }

  AtomicWord* words_ = nullptr;
  AtomicWord* summary_ = nullptr;
  std::uint32_t stride_ = 1;
  std::uint32_t word_count_ = 0;
};

}  // namespace ashlar
