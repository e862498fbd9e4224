// Sizes and alignments out of the bytes of a step.
#include "step.h"

#include <mimalloc.h>

#include <cstdint>

namespace fuzz {
namespace {

std::size_t plus_minus(std::size_t size, unsigned off) {
  // Eight below to eight above.
  const std::size_t sum = size + off % 17;
  return sum < 8 ? 0 : sum - 8;
}

}  // namespace

std::size_t size_of(const Step& step) {
  const std::size_t amount = step.amount;
  const unsigned scale = step.scale % 32;
  if (scale < 20) {
    return amount & ((std::size_t{2} << scale % 16) - 1);
  }
  if (scale < 24) {
    return amount << (scale == 23 ? 9 : scale - 19);
  }
  if (scale < 28) {
    return plus_minus(std::size_t{1} << amount % (scale == 27 ? 26 : 21), step.amount >> 8);
  }
  if (scale < 30) {
    return plus_minus(mi_good_size(amount), step.variant);
  }
  return (scale == 30 ? SIZE_MAX / 2 : SIZE_MAX) - amount;
}

std::size_t alignment_of(const Step& step) {
  if (step.alignment >= 250) {
    constexpr std::size_t kBad[] = {0, 3, 24, SIZE_MAX, SIZE_MAX / 2, 4097};
    return kBad[step.alignment - 250];
  }
  return std::size_t{1} << step.alignment % (step.alignment < 200 ? 14 : 24);
}

}  // namespace fuzz
