// A number that one thread at a time changes and any thread may read at any time; for sums that
// need no moment in common. A word that readers rely on is owned_word.h's.
#pragma once

#include <atomic>
#include <cstdint>

namespace ashlar {

// Owner:       who may call add()
// Shared:      the number, read by all
class OwnedCount {
 public:
  void add(std::int64_t amount) {
    // relaxed: a count by itself, and nobody else writes it.
    count_.store(count_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  std::int64_t total() const {
    // relaxed: as above.
    return count_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> count_{0};
};

}  // namespace ashlar
