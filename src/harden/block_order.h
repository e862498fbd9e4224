// A random order for the fresh blocks of a page, so that which block follows which can't be
// foretold. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ashlar {

// Puts 0 to count - 1 into `order` so that each order is about equally likely: the shuffle of
// R. Durstenfeld, "Algorithm 235: Random permutation" (1964). `draw()` gives 32 random bits; two
// numbers are made of each, so an order is less likely than another by count / 65,536 at most.
// `count` <= 65,536.
template <class Draw>
void shuffle_order(std::uint16_t* order, std::size_t count, Draw draw) {
  for (std::size_t i = 0; i < count; ++i) {
    order[i] = static_cast<std::uint16_t>(i);
  }
  std::uint32_t bits = 0;
  for (std::size_t left = count; left > 1; --left) {
    bits = (count - left) % 2 == 0 ? draw() : bits >> 16;
    const std::size_t chosen = (bits & 0xFFFF) * left >> 16;
    const std::uint16_t taken = order[chosen];
    order[chosen] = order[left - 1];
    order[left - 1] = taken;
  }
}

}  // namespace ashlar
