// Fuzz target: the bitmaps of arenas, against vectors of bits.
#include "bitmaps.h"

#include <gtest/gtest.h>

namespace fuzz {

bool is_clear(const Bits& bits, ashlar::SliceRun run) {
  for (std::size_t i = run.first.value; i < run.end().value; ++i) {
    if (i >= bits.size() || bits[i]) {
      return false;
    }
  }
  return true;
}

std::size_t find_clear(const Bits& bits, std::size_t count, std::size_t alignment, bool within) {
  for (std::size_t at = 0; at + count <= bits.size(); at += alignment) {
    const ashlar::SliceRun run{{static_cast<std::uint32_t>(at)},
                               {static_cast<std::uint32_t>(count)}};
    if ((!within || at / 64 == (at + count - 1) / 64) && is_clear(bits, run)) {
      return at;
    }
  }
  return bits.size();
}

void assign(Bits& bits, ashlar::SliceRun run, bool value) {
  for (std::size_t i = run.first.value; i < run.end().value; ++i) {
    bits[i] = value;
  }
}

std::uint64_t word_of(const Bits& bits, std::size_t word) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    value |= std::uint64_t{bits[word * 64 + i]} << i;
  }
  return value;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  // The fake system of the unit tests says by GoogleTest that a call is wrong.
  GTEST_FLAG_SET(break_on_failure, true);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  std::uint8_t part = 0;
  input.ConsumeData(&part, 1);
  switch (part % 3) {
    case 0:
      fuzz::fuzz_slice_claim(input);
      break;
    case 1:
      fuzz::fuzz_hints(input);
      break;
    default:
      fuzz::fuzz_arena(input);
      break;
  }
  return 0;
}
