// Random numbers that cannot be guessed from earlier ones: the ChaCha20 stream (RFC 8439, section
// 2.3) under a key from the system. For addresses, orders and keys; not a service to programs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/compiler.h"
#include "base/integer.h"
#include "os/system.h"
#include "os/thread.h"

namespace ashlar {

inline constexpr std::size_t kChaChaWords = 16;

// The block function: 20 rounds over `input`, and `input` added to the result. Words are numbers;
// RFC 8439 sends them least significant byte first.
void chacha20_block(const std::uint32_t (&input)[kChaChaWords],
                    std::uint32_t (&output)[kChaChaWords]);

// Whether a key came from the system or had to be made of what was at hand.
enum class SeedQuality : std::uint8_t { kNone, kWeak, kStrong };

// Owner:       whoever holds it: a generator is not to be used by two threads at once
// Shared:      nothing
// Invariants:  position_ <= 16; the words from position_ on have not been given out
// Life:        zero-initialised (gives 0s, quality kNone), then seeded, then used
class RandomGenerator {
 public:
  constexpr RandomGenerator() = default;

  // Takes a key from the system, or, where that has none yet, makes one of the time, the thread
  // and addresses. Says which; who warns of the weak one is up to the caller.
  SeedQuality seed() { return seed_from<System>(); }

  // The same from any system: its random_bytes, clock_ms and thread_number.
  template <class Os>
  SeedQuality seed_from() {
    std::uint32_t key[8];
    SeedQuality quality = SeedQuality::kStrong;
    if (!Os::random_bytes(key, sizeof key)) {
      quality = SeedQuality::kWeak;
      make_weak_key(key, Os::clock_ms(), Os::thread_number());
    }
    start(key, 0, quality);
    return quality;
  }

  // Takes a key from the system after all, where it had none the last time.
  template <class Os>
  void strengthen_from() {
    RandomGenerator other;
    if (quality_ == SeedQuality::kWeak && other.seed_from<Os>() == SeedQuality::kStrong) {
      *this = other;
    }
  }

  // Starts the stream of a known key and nonce: what tests do.
  void start(const std::uint32_t (&key)[8], std::uint64_t nonce, SeedQuality quality);

  // A generator under the same key whose numbers have nothing to do with this one's, provided
  // that no two generators of a key have the same nonce. seed() uses nonce 0.
  RandomGenerator split(std::uint64_t nonce) const;

  std::uint32_t next_word();
  std::uint64_t next();

  // From 0 to bound - 1, each equally likely; `bound` is not 0.
  std::uint64_t next_below(std::uint64_t bound);

  SeedQuality quality() const { return quality_; }

 private:
  // Spreads what little is known over a key; also uses the addresses of code, data and stack.
  static void make_weak_key(std::uint32_t (&key)[8], std::uint64_t time, std::uint64_t thread);

  std::uint32_t input_[kChaChaWords] = {};
  std::uint32_t words_[kChaChaWords] = {};
  std::uint32_t position_ = 0;
  SeedQuality quality_ = SeedQuality::kNone;
};

}  // namespace ashlar
