// What the parts of this target share. An input is a byte that picks the part, and calls of eight
// bytes each.
#ifndef ASHLAR_FUZZ_BITMAPS_H
#define ASHLAR_FUZZ_BITMAPS_H

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <vector>

#include "base/units.h"

namespace fuzz {

struct Call {
  std::uint8_t op;
  std::uint8_t log;     // the logarithm of an alignment, or of a size
  std::uint16_t first;  // a place
  std::uint16_t count;
  std::uint16_t other;
};
static_assert(sizeof(Call) == 8);

using Bits = std::vector<bool>;

// The lowest place of `count` clear bits in a row that is a multiple of `alignment`; within a group
// of 64 if `within`. The size of the set where there is none.
std::size_t find_clear(const Bits& bits, std::size_t count, std::size_t alignment, bool within);

bool is_clear(const Bits& bits, ashlar::SliceRun run);
void assign(Bits& bits, ashlar::SliceRun run, bool value);
std::uint64_t word_of(const Bits& bits, std::size_t word);

// Claims and releases of runs on words in plain memory.
void fuzz_slice_claim(FuzzedDataProvider& input);
// Setting, finding and taking hints.
void fuzz_hints(FuzzedDataProvider& input);
// A whole arena, over a system whose calls fail when the input says so.
void fuzz_arena(FuzzedDataProvider& input);

}  // namespace fuzz

#endif  // ASHLAR_FUZZ_BITMAPS_H
