// Where the parts of an arena's metadata lie. Numbers only; what the parts are is said where they
// are used, in arena.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arena/slice_words.h"
#include "base/integer.h"
#include "policy/layout.h"
#include "support/touched.h"

namespace ashlar {

// Where each part of an arena's metadata begins, in bytes from its start.
struct ArenaLayout {
  std::uint32_t slices = 0;
  std::uint32_t words = 0;          // groups of 64 slices
  std::uint32_t summary_words = 0;  // groups of 64 words
  std::size_t full_summary = 0;     // [summary_words]
  std::size_t hint_summary = 0;     // [kSizeClassCount][summary_words]
  std::size_t slice_words = 0;      // [words] SliceWords
  std::size_t hint_words = 0;       // [words][kSizeClassCount]
  std::size_t touched = 0;          // [slices] units that may be resident, see Arena::untouched
  std::size_t page_entries = 0;     // [slices] of kPageEntrySize
  std::size_t counted = 0;          // a bit for each OS page above that was counted as touched
  std::size_t end = 0;

  static constexpr ArenaLayout of(std::size_t arena_size, std::size_t header_size) {
    ArenaLayout layout;
    layout.slices = static_cast<std::uint32_t>(arena_size / kSliceSize);
    layout.words = static_cast<std::uint32_t>(divide_up(layout.slices, kBitsPerWord));
    layout.summary_words = static_cast<std::uint32_t>(divide_up(layout.words, kBitsPerWord));
    std::size_t at = align_up(header_size, kCacheLine);
    auto place = [&at](std::size_t bytes, std::size_t alignment) {
      const std::size_t here = align_up(at, alignment);
      at = here + bytes;
      return here;
    };
    layout.full_summary = place(std::size_t{layout.summary_words} * kWordSize, kCacheLine);
    layout.hint_summary =
        place(std::size_t{kSizeClassCount} * layout.summary_words * kWordSize, kCacheLine);
    layout.slice_words = place(layout.words * sizeof(SliceWords), kCacheLine);
    layout.hint_words = place(std::size_t{layout.words} * kSizeClassCount * kWordSize, kCacheLine);
    layout.touched = place(layout.slices, kCacheLine);
    layout.page_entries = place(std::size_t{layout.slices} * kPageEntrySize, kPageEntrySize);
    layout.counted =
        place(divide_up(divide_up(at, kTouchedUnit), kBitsPerWord) * kWordSize, kCacheLine);
    layout.end = at;
    return layout;
  }
};

}  // namespace ashlar
