// What the property tests share: the byte pattern that fills blocks, and sizes and alignments as
// programs ask for them. No test of its own. Every run prints its seed ("Using configuration:
// seed=..."); RC_PARAMS="seed=..." in the environment gives it back.
#ifndef ASHLAR_TEST_PROPERTY_SUPPORT_H
#define ASHLAR_TEST_PROPERTY_SUPPORT_H

#include <gtest/gtest.h>
#include <mimalloc.h>
#include <rapidcheck/gtest.h>

#include <cstddef>
#include <cstdint>

namespace property_test {

// A value that the compiler knows nothing about.
template <class T>
T opaque(T value) {
  asm volatile("" : "+r"(value) : : "memory");
  return value;
}

inline std::uintptr_t address_of(const void* p) {
  return reinterpret_cast<std::uintptr_t>(opaque(p));
}

inline unsigned char pattern_byte(std::size_t at, unsigned seed) {
  return static_cast<unsigned char>((at * 197 + (at >> 9) * 11 + seed * 37 + 1) & 0xff);
}

inline void fill(void* p, std::size_t from, std::size_t to, unsigned seed) {
  auto* bytes = static_cast<unsigned char*>(p);
  for (std::size_t at = from; at < to; ++at) bytes[at] = pattern_byte(at, seed);
}

inline std::size_t first_difference(const void* p, std::size_t from, std::size_t to,
                                    unsigned seed) {
  const auto* bytes = static_cast<const unsigned char*>(opaque(p));
  while (from < to && bytes[from] == pattern_byte(from, seed)) ++from;
  return from;
}

inline std::size_t first_nonzero(const void* p, std::size_t from, std::size_t to) {
  const auto* bytes = static_cast<const unsigned char*>(opaque(p));
  while (from < to && bytes[from] == 0) ++from;
  return from;
}

// Sizes as programs ask for them: mostly small, with every power of two and its neighbours.
inline rc::Gen<std::size_t> arbitrary_size() {
  const auto near_power = rc::gen::apply(
      [](int power, int off) {
        const auto size = (std::int64_t{1} << power) + off;
        return static_cast<std::size_t>(size < 0 ? 0 : size);
      },
      rc::gen::inRange(0, 21), rc::gen::inRange(-9, 10));
  return rc::gen::weightedOneOf<std::size_t>({
      {8, rc::gen::inRange<std::size_t>(0, 200)},
      {5, rc::gen::inRange<std::size_t>(0, 5000)},
      {1, rc::gen::inRange<std::size_t>(0, 200000)},
      {2, near_power},
  });
}

inline rc::Gen<std::size_t> arbitrary_alignment(int largest_power) {
  return rc::gen::map(rc::gen::inRange(0, largest_power + 1),
                      [](int power) { return std::size_t{1} << power; });
}

}  // namespace property_test

#endif  // ASHLAR_TEST_PROPERTY_SUPPORT_H
