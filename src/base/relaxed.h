// A number that threads share without any order between it and other memory: heuristics and
// deadlines. Not for anything that another value is read on the strength of.
#pragma once

#include <atomic>

namespace ashlar {

// Shared:      the number, by every thread
// Invariants:  none that involve other memory
template <class T>
class RelaxedNumber {
 public:
  constexpr RelaxedNumber() = default;
  constexpr explicit RelaxedNumber(T value) : value_(value) {}

  T get() const {
    // relaxed: the number stands for itself.
    return value_.load(std::memory_order_relaxed);
  }
  void set(T value) {
    // relaxed: the number stands for itself.
    value_.store(value, std::memory_order_relaxed);
  }
  // Writes `value` if the number still is `expected`: of several threads one succeeds.
  bool replace(T expected, T value) {
    // relaxed: the number stands for itself, on failure too.
    return value_.compare_exchange_strong(expected, value, std::memory_order_relaxed,
                                          std::memory_order_relaxed);
  }

 private:
  std::atomic<T> value_{};
};

}  // namespace ashlar
