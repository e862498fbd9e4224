// A word that one thread at a time changes and any thread may read. A change is one instruction
// where the processor has such, so that being readable costs its owner nothing.
#pragma once

#include <cstdint>

#include "base/compiler.h"

namespace ashlar {

// g++ spells a relaxed load, an addition and a relaxed store as three instructions. The sanitizer
// has to see them.
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define ASHLAR_ADDS_IN_PLACE 1
#else
#define ASHLAR_ADDS_IN_PLACE 0
#endif

// Owner:       who may call all but get()
// Shared:      the word: written by the owner, read by all
class OwnedWord {
 public:
  std::uint32_t get() const {
    // acquire: a reader that sees a word that `set` wrote sees what came before it.
    return __atomic_load_n(&word_, __ATOMIC_ACQUIRE);
  }

  // The same for the owner.
  std::uint32_t own() const {
    // relaxed: he wrote it himself.
    return __atomic_load_n(&word_, __ATOMIC_RELAXED);
  }

  void set(std::uint32_t word) {
    // release: see get.
    __atomic_store_n(&word_, word, __ATOMIC_RELEASE);
  }

  ASHLAR_ALWAYS_INLINE void add(std::uint32_t amount) {
#if ASHLAR_ADDS_IN_PLACE
    asm("addl %1, %0" : "+m"(word_) : "ri"(amount));
#else
    // relaxed: each sum stands for itself.
    __atomic_store_n(&word_, own() + amount, __ATOMIC_RELAXED);
#endif
  }

  // The same; whether the sum went over 2^32.
  ASHLAR_ALWAYS_INLINE bool add_carries(std::uint32_t amount) {
#if ASHLAR_ADDS_IN_PLACE
    bool carry = false;
    asm("addl %2, %0" : "+m"(word_), "=@ccc"(carry) : "ri"(amount));
    return carry;
#else
    const std::uint32_t sum = own() + amount;
    // relaxed: as in add.
    __atomic_store_n(&word_, sum, __ATOMIC_RELAXED);
    return sum < amount;
#endif
  }

 private:
  std::uint32_t word_ = 0;
};

}  // namespace ashlar
