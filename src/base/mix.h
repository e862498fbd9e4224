// Numbers that look like chance, from numbers that do not: SplitMix64 (G. Steele, D. Lea, C. Flood,
// "Fast splittable pseudorandom number generators", 2014). Nothing that must not be guessed.
#pragma once

#include <cstdint>

namespace ashlar {

// Its last steps: numbers that follow one another become numbers that do not.
constexpr std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58'476D'1CE4'E5B9;
  value = (value ^ (value >> 27)) * 0x94D0'49BB'1331'11EB;
  return value ^ (value >> 31);
}

// One step of it: every bit of the state matters to every bit of the result.
constexpr std::uint64_t next_mixed(std::uint64_t& state) {
  return mix(state += 0x9E37'79B9'7F4A'7C15);
}

}  // namespace ashlar
