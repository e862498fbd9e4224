// Finding and claiming runs of free slices: lock-free, first fit from low addresses (or one of the
// first that fit), with one summary level that skips full words. Only the in_use bits are touched
// here.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "arena/slice_words.h"
#include "base/integer.h"
#include "base/units.h"
#include "os/schedule.h"
#include "support/stats.h"

namespace ashlar {

// Owner:       nobody; every operation may be called by any thread at any time
// Shared:      words_[i].in_use, full_[i]
// Invariants:  a set summary bit says that its word was full when last looked at; a word that is
//              full may have its summary bit clear, never the other way round for good
// Life:        lives in an arena's metadata; bits beyond the arena's end are claimed for ever
class SliceClaim {
 public:
  // Retries after losing a race for a word, and runs over several words that are tried.
  static constexpr int kWordTries = 8;
  static constexpr int kRunTries = 4;

  // One of how many places a number picks: few, so that what is in use stays together, and a page
  // that comes and goes, each time elsewhere, leaves no more behind it than may wait.
  static constexpr std::uint32_t places_for(SliceCount count) {
    return count.value <= 4 ? 8 / count.value : 2;
  }

  constexpr SliceClaim() = default;
  SliceClaim(SliceWords* words, AtomicWord* full, std::uint32_t word_count)
      : words_(words), full_(full), word_count_(word_count) {}

  // Claims `count` free slices in a row whose first is a multiple of `alignment` (a power of
  // two, in slices) from the arena's first slice. False where there is no such run, or where
  // other threads took what was found more often than the tries above allow. `pick` chooses among
  // the first places of the first word that has one; 0: the first of them.
  // Complexity: linear in the number of words of the arena that are not full, and in a
  // sixty-fourth of the others.
  bool claim(SliceCount count, SliceCount alignment, SliceRun* claimed, std::uint64_t pick = 0) {
    const ScheduleWindow window(SchedulePoint::kClaimSlices);
    if (count.value <= kBitsPerWord && claim_within_words(count, alignment, claimed, pick)) {
      return true;
    }
    // A run of up to a word that is aligned to its own size never crosses words.
    if (count.value == 1 || (count.value <= kBitsPerWord && alignment.value >= count.value)) {
      return false;
    }
    return claim_across_words(count, alignment, claimed);
  }

  // Claims exactly this run, or nothing.
  bool claim_at(SliceRun run) {
    std::uint32_t done = 0;
    const bool all = for_each_word(run, [&](std::uint32_t word, std::uint64_t mask) {
      if (!claim_mask(word, mask)) {
        return false;
      }
      done += static_cast<std::uint32_t>(std::popcount(mask));
      return true;
    });
    if (!all && done != 0) {
      release({run.first, {done}});
      undone_.add();
    }
    return all;
  }

  // Claims those of the slices in `mask` of one word that are free; returns which.
  std::uint64_t claim_free_of(std::uint32_t word, std::uint64_t mask) {
    const ScheduleWindow window(SchedulePoint::kClaimSlices);
    // acquire: pairs with the release of who freed the slices; their other bits are ours now.
    const std::uint64_t old = words_[word].in_use.fetch_or(mask, std::memory_order_acquire);
    return mask & ~old;
  }

  void release(SliceRun run) {
    const ScheduleWindow window(SchedulePoint::kReleaseSlices);
    for_each_word(run, [&](std::uint32_t word, std::uint64_t mask) {
      // release: hands the slices' memory and other bits to the next claim's acquire.
      words_[word].in_use.fetch_and(~mask, std::memory_order_release);
      schedule_point(SchedulePoint::kReleaseSlices);
      clear_full(word);
      return true;
    });
  }

  std::uint32_t word_count() const { return word_count_; }

  // Claims that were given up half-way, since other threads held the rest; and a new begin.
  std::int64_t undone() const { return undone_.total(); }
  void forget_undone() { undone_.take(); }

 private:
  // Bit i is set where `count` clear bits follow from bit i on, within the word.
  static std::uint64_t run_starts(std::uint64_t in_use, std::uint32_t count) {
    std::uint64_t starts = ~in_use;
    for (std::uint32_t left = count; left > 1;) {
      const std::uint32_t step = left / 2;
      starts &= starts >> step;
      left -= step;
    }
    return starts;
  }

  // The bits of a word at which a run with this alignment may start. The word's own first bit
  // has to be aligned, which the caller makes sure of.
  static std::uint64_t aligned_starts(std::uint32_t alignment) {
    if (alignment >= kBitsPerWord) {
      return 1;
    }
    // A bit every `alignment` bits: all ones divided by 2^alignment - 1.
    return ~std::uint64_t{0} / low_bits(alignment);
  }

  // The place that a number picks among the first of these, of which there is one at least.
  static std::uint32_t place_of(std::uint64_t starts, SliceCount count, std::uint64_t pick) {
    if (pick != 0) {
      const auto places = static_cast<std::uint32_t>(std::popcount(starts));
      const std::uint32_t most = places_for(count);
      for (std::uint64_t left = pick % (places < most ? places : most); left != 0; --left) {
        starts &= starts - 1;
      }
    }
    return static_cast<std::uint32_t>(std::countr_zero(starts));
  }

  bool claim_within_words(SliceCount count, SliceCount alignment, SliceRun* claimed,
                          std::uint64_t pick) {
    const std::uint64_t allowed = aligned_starts(alignment.value);
    const std::uint32_t word_step =
        alignment.value > kBitsPerWord ? alignment.value / kBitsPerWord : 1;
    for (std::uint32_t word = 0; word < word_count_; word += word_step) {
      if (word_step == 1) {
        word = skip_full(word);
        if (word >= word_count_) {
          return false;
        }
      } else if (is_full(word)) {
        continue;
      }
      // acquire: a success below re-reads by CAS; this read only finds candidates.
      std::uint64_t seen = words_[word].in_use.load(std::memory_order_acquire);
      for (int tries = 0; tries < kWordTries; ++tries) {
        const std::uint64_t starts = run_starts(seen, count.value) & allowed;
        if (starts == 0) {
          break;
        }
        const std::uint32_t bit = place_of(starts, count, pick);
        const std::uint64_t taken = seen | (low_bits(count.value) << bit);
        schedule_point(SchedulePoint::kClaimSlices);
        // acquire: pairs with the release of who freed the slices. A failure reads again.
        if (words_[word].in_use.compare_exchange_weak(seen, taken, std::memory_order_acquire,
                                                      std::memory_order_acquire)) {
          if (taken == ~std::uint64_t{0}) {
            set_full(word);
          }
          *claimed = {{word * kBitsPerWord + bit}, count};
          return true;
        }
      }
    }
    return false;
  }

  bool claim_across_words(SliceCount count, SliceCount alignment, SliceRun* claimed) {
    std::uint64_t start = 0;   // of the run of clear bits that reaches up to the word looked at
    std::uint64_t length = 0;  // of that run
    int tries = 0;
    for (std::uint32_t word = 0; tries < kRunTries; ++word) {
      if (const std::uint32_t next = skip_full(word); next != word) {
        word = next;
        length = 0;
      }
      if (word >= word_count_) {
        break;
      }
      // relaxed: finds candidates; claim_at decides.
      const std::uint64_t seen = words_[word].in_use.load(std::memory_order_relaxed);
      const auto low = static_cast<std::uint32_t>(std::countr_zero(seen));
      if (length == 0) {
        start = std::uint64_t{word} * kBitsPerWord;
      }
      length += low;
      const std::uint64_t aligned = align_up(start, alignment.value);
      if (start + length >= aligned + count.value) {
        ++tries;
        const SliceRun run{{static_cast<std::uint32_t>(aligned)}, count};
        if (claim_at(run)) {
          *claimed = run;
          return true;
        }
        length = 0;
        continue;
      }
      if (low != kBitsPerWord) {
        // The run ended in this word; the clear bits at its top begin the next one.
        length = static_cast<std::uint64_t>(std::countl_zero(seen));
        start = (std::uint64_t{word} + 1) * kBitsPerWord - length;
      }
    }
    return false;
  }

  bool claim_mask(std::uint32_t word, std::uint64_t mask) {
    // relaxed: finds out whether to try; the CAS decides.
    std::uint64_t seen = words_[word].in_use.load(std::memory_order_relaxed);
    for (int tries = 0; tries < kWordTries; ++tries) {
      if ((seen & mask) != 0) {
        return false;
      }
      schedule_point(SchedulePoint::kClaimSlices);
      // acquire: pairs with the release of who freed the slices.
      // relaxed: a failure reads again.
      if (words_[word].in_use.compare_exchange_weak(seen, seen | mask, std::memory_order_acquire,
                                                    std::memory_order_relaxed)) {
        if ((seen | mask) == ~std::uint64_t{0}) {
          set_full(word);
        }
        return true;
      }
    }
    return false;
  }

  bool is_full(std::uint32_t word) const {
    // relaxed: a hint that saves looking at the word.
    const std::uint64_t bits = full_[word / kBitsPerWord].load(std::memory_order_relaxed);
    return ((bits >> (word % kBitsPerWord)) & 1) != 0;
  }

  // The first word from `word` on that the summary does not call full, or one beyond the last.
  std::uint32_t skip_full(std::uint32_t word) const {
    while (word < word_count_) {
      // relaxed: a hint that saves looking at the words.
      const std::uint64_t bits = full_[word / kBitsPerWord].load(std::memory_order_relaxed);
      const auto full = static_cast<std::uint32_t>(std::countr_one(bits >> word % kBitsPerWord));
      word += full;
      if (full == 0 || word % kBitsPerWord != 0) {
        break;
      }
    }
    return word;
  }

  void set_full(std::uint32_t word) {
    const std::uint64_t bit = std::uint64_t{1} << (word % kBitsPerWord);
    const ScheduleWindow window(SchedulePoint::kMarkFull);
    // acq_rel: claimer: in_use := full. Freer: in_use := not full, summary cleared. Claimer:
    // summary set, and free slices would hide behind it for good. With acq_rel, a claimer whose
    // set comes after that clear also sees what was freed before it, and takes the bit back.
    full_[word / kBitsPerWord].fetch_or(bit, std::memory_order_acq_rel);
    schedule_point(SchedulePoint::kMarkFull);
    // acquire: reads at least what the freer of the last clear wrote.
    if (words_[word].in_use.load(std::memory_order_acquire) != ~std::uint64_t{0}) {
      clear_full(word);
    }
  }

  void clear_full(std::uint32_t word) {
    const std::uint64_t bit = std::uint64_t{1} << (word % kBitsPerWord);
    // acq_rel: see set_full; the write must not be skipped on the strength of a plain look,
    // since a claimer's set may come between the look and our release of the slices.
    full_[word / kBitsPerWord].fetch_and(~bit, std::memory_order_acq_rel);
  }

  SliceWords* words_ = nullptr;
  AtomicWord* full_ = nullptr;  // bit i of word j: word 64 j + i is full
  std::uint32_t word_count_ = 0;
  EventCounter undone_;
};

}  // namespace ashlar
