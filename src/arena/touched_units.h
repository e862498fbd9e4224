// How far each slice of an arena is touched: a number of units from its begin. What is resident
// follows from that, without asking the system.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arena/slice_words.h"
#include "base/units.h"
#include "policy/layout.h"
#include "support/touched.h"

namespace ashlar {

// A look at the table of an arena. Who holds slices says when they become touched; a page of blocks
// keeps the numbers itself while it is there. Counting the bytes (touched_bytes) is the caller's.
//
// Owner:       of each entry, who holds the slice
// Shared:      all entries, read by anybody for display
// Invariants:  an entry is at most kTouchedUnitsOfSlice; 0 when the slice was purged
// Life:        of the arena's metadata; this is a pointer to it
class TouchedUnits {
 public:
  // units: one entry a slice, by its index in the arena.
  explicit TouchedUnits(std::atomic<std::uint8_t>* units) : units_(units) {}

  // Bytes that are not touched yet of the first `bytes` of a run.
  std::size_t missing(SliceRun run, std::size_t bytes, std::size_t os_page) const {
    std::size_t units = 0;
    for_each(run, bytes, os_page, [&](std::atomic<std::uint8_t>& now, std::uint8_t then) {
      // relaxed: the slices are the caller's.
      const std::uint8_t seen = now.load(std::memory_order_relaxed);
      units += then > seen ? then - seen : 0U;
    });
    return units * kTouchedUnit;
  }

  // They are touched from now on.
  void mark(SliceRun run, std::size_t bytes, std::size_t os_page) {
    for_each(run, bytes, os_page, [&](std::atomic<std::uint8_t>& now, std::uint8_t then) {
      // relaxed: the slices are the caller's; others read for display.
      if (now.load(std::memory_order_relaxed) < then) {
        now.store(then, std::memory_order_relaxed);
      }
    });
  }

  // Makes slices count as untouched; returns the bytes that they counted.
  std::size_t take(SliceRun run) {
    std::size_t units = 0;
    for (SliceIndex slice = run.first; slice.value < run.end().value; ++slice.value) {
      if (const std::uint8_t seen = of(slice); seen != 0) {
        units += seen;
        set(slice, 0);
      }
    }
    return units * kTouchedUnit;
  }

  std::uint8_t of(SliceIndex slice) const {
    // relaxed: as above.
    return units_[slice.value].load(std::memory_order_relaxed);
  }
  void set(SliceIndex slice, std::uint8_t units) {
    // relaxed: as above.
    units_[slice.value].store(units, std::memory_order_relaxed);
  }

 private:
  // Calls change(entry, units that hold its share) for the slices of a run whose first `bytes` are
  // touched. A loop of its own for whole slices: a block of 64 MiB has a thousand.
  template <class Change>
  void for_each(SliceRun run, std::size_t bytes, std::size_t os_page, Change change) const {
    constexpr auto kWhole = static_cast<std::uint8_t>(kTouchedUnitsOfSlice);
    std::atomic<std::uint8_t>* const units = units_ + run.first.value;
    std::size_t slices = bytes / kSliceSize;
    slices = slices < run.count.value ? slices : run.count.value;
    for (std::size_t i = 0; i < slices; ++i) {
      change(units[i], kWhole);
    }
    if (slices < run.count.value && bytes % kSliceSize != 0) {
      change(units[slices], touched_units(bytes % kSliceSize, os_page));
    }
  }

  std::atomic<std::uint8_t>* units_;
};

}  // namespace ashlar
