// The bytes of memory that may be resident, of the whole process: one sum, and the hard limit that
// it is held against. Who counts what is said in docs/limits.md.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/compiler.h"
#include "base/integer.h"
#include "base/relaxed.h"
#include "base/units.h"
#include "policy/layout.h"

namespace ashlar {

// How much of a slice is touched is kept in units of this many bytes, so that it fits a byte.
inline constexpr std::size_t kTouchedUnit = 4 * kKiB;
inline constexpr std::size_t kTouchedUnitsOfSlice = kSliceSize / kTouchedUnit;

// The units that hold the first `bytes` of a slice, in whole OS pages.
constexpr std::uint8_t touched_units(std::size_t bytes, std::size_t os_page) {
  return static_cast<std::uint8_t>(align_up(bytes < kSliceSize ? bytes : kSliceSize, os_page) /
                                   kTouchedUnit);
}

// Shared:      all fields, by every thread, on slow paths
// Invariants:  now_ <= hard_ after each try_add that succeeded, but for what `add` brought;
//              now_ <= peak_, but for calls in progress
// Life:        constant-initialised
class TouchedBytes {
 public:
  // More than any system has addresses for, so that no sum of a few of these overflows.
  static constexpr std::size_t kMost = std::size_t{1} << 60;

  // Counts memory that is about to be touched; false, and nothing counted, where the hard limit
  // forbids it, or it is more than kMost.
  [[nodiscard]] bool try_add(std::size_t bytes) {
    std::int64_t before = 0;
    if (bytes == 0) {
      return true;
    }
    if (!try_count(bytes, &before)) {
      return false;
    }
    raise_peak(before + static_cast<std::int64_t>(bytes));
    return true;
  }

  // The same for memory that the system may still refuse: it is no part of the peak before
  // keep_held(), and sub() lets go of it.
  [[nodiscard]] bool try_hold(std::size_t bytes) {
    std::int64_t before = 0;
    return bytes == 0 || try_count(bytes, &before);
  }
  void keep_held() {
    // relaxed: a sum.
    raise_peak(now_.load(std::memory_order_relaxed));
  }

  // The same for our own records, which no limit holds back.
  void add(std::size_t bytes) {
    const auto amount = static_cast<std::int64_t>(bytes);
    // relaxed: a sum; the result is exact, so that no level is missed below.
    raise_peak(now_.fetch_add(amount, std::memory_order_relaxed) + amount);
  }

  // Counts memory that was given back.
  void sub(std::size_t bytes) {
    if (bytes != 0) {
      // relaxed: a sum.
      now_.fetch_sub(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
    }
  }

  std::size_t now() const {
    // relaxed: a sum.
    const std::int64_t now = now_.load(std::memory_order_relaxed);
    return now > 0 ? static_cast<std::size_t>(now) : 0;
  }
  std::size_t peak() const { return peak_.get() > 0 ? static_cast<std::size_t>(peak_.get()) : 0; }

  // Bytes; 0: none.
  std::size_t hard() const { return hard_.get(); }
  void set_hard(std::size_t bytes) { hard_.set(bytes); }

  // Whether there is a limit of any kind: then memory is purged, not reset.
  bool is_limited() const { return limited_.get(); }
  void set_limited(bool limited) { limited_.set(limited); }

  // Changes whenever try_add says no. Some of two at once may be missed, but not both.
  std::size_t refusals() const { return refusals_.get(); }

 private:
  bool try_count(std::size_t bytes, std::int64_t* before) {
    if (bytes > kMost) {
      return false;
    }
    const auto amount = static_cast<std::int64_t>(bytes);
    const std::size_t hard = hard_.get();
    if (hard == 0) {
      // relaxed: a sum; the result is exact, so that no level is missed.
      *before = now_.fetch_add(amount, std::memory_order_relaxed);
      return true;
    }
    // relaxed: compared again below.
    std::int64_t seen = now_.load(std::memory_order_relaxed);
    do {
      const std::size_t now = seen > 0 ? static_cast<std::size_t>(seen) : 0;
      if (now > hard || bytes > hard - now) {
        refusals_.set(refusals_.get() + 1);
        return false;
      }
      // relaxed: a sum; nothing else is read on the strength of it. On failure as above.
    } while (!now_.compare_exchange_weak(seen, seen + amount, std::memory_order_relaxed,
                                         std::memory_order_relaxed));
    *before = seen;
    return true;
  }

  void raise_peak(std::int64_t level) {
    std::int64_t seen = peak_.get();
    while (seen < level && !peak_.replace(seen, level)) {
      seen = peak_.get();
    }
  }

  std::atomic<std::int64_t> now_{0};
  RelaxedNumber<std::int64_t> peak_{0};
  RelaxedNumber<std::size_t> hard_{0};
  RelaxedNumber<std::size_t> refusals_{0};
  RelaxedNumber<bool> limited_{false};
};

ASHLAR_HIDDEN inline constinit TouchedBytes touched_bytes;

// For tables of our own that are touched here and there: counts those OS pages of the bytes from
// `begin` on that were not counted yet. `counted` has a bit for each OS page of the table.
inline void note_table_touched(std::atomic<std::uint64_t>* counted, std::size_t begin,
                               std::size_t size, std::size_t os_page) {
  // Shifts, not divisions: this stands on every claim's way.
  const auto shift = static_cast<unsigned>(std::countr_zero(os_page));
  const std::size_t last = (begin + size - 1) >> shift;
  for (std::size_t page = begin >> shift; page <= last; ++page) {
    std::atomic<std::uint64_t>& word = counted[page / 64];
    const std::uint64_t bit = std::uint64_t{1} << (page % 64);
    // relaxed: whoever sets the bit counts the page; nothing else is read on the strength of it.
    if ((word.load(std::memory_order_relaxed) & bit) == 0 &&
        (word.fetch_or(bit, std::memory_order_relaxed) & bit) == 0) {
      touched_bytes.add(os_page);
    }
  }
}

}  // namespace ashlar
