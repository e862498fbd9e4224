// ChaCha20 by the letter of RFC 8439, and the generator over its blocks.
#include "support/random.h"

#include <atomic>

#include "base/mix.h"

namespace ashlar {
namespace {

// Four words that the same is done to: a row of the state, of which each column takes one.
using Row [[gnu::vector_size(16)]] = std::uint32_t;

Row rotate(Row row, int bits) { return row << bits | row >> (32 - bits); }

// The quarter round of all four columns.
void quarter_rounds(Row& a, Row& b, Row& c, Row& d) {
  a += b;
  d = rotate(d ^ a, 16);
  c += d;
  b = rotate(b ^ c, 12);
  a += b;
  d = rotate(d ^ a, 8);
  c += d;
  b = rotate(b ^ c, 7);
}

// The words of the state: 4 constants, 8 of the key, a counter of 2 words and 2 of the nonce.
// (RFC 8439 counts in one word and has a nonce of three; a stream of ours need not end at 256 GiB.)
constexpr std::size_t kKeyAt = 4;
constexpr std::size_t kCounterAt = 12;
constexpr std::size_t kNonceAt = 14;

// Keys that are made of nothing but the time differ by this where all else is the same.
constinit std::atomic<std::uint64_t> weak_keys{0};

}  // namespace

void chacha20_block(const std::uint32_t (&input)[kChaChaWords],
                    std::uint32_t (&output)[kChaChaWords]) {
  Row rows[4];
  static_assert(sizeof rows == sizeof input);
  __builtin_memcpy(rows, input, sizeof rows);
  auto [a, b, c, d] = rows;
  for (int i = 0; i < 10; ++i) {
    quarter_rounds(a, b, c, d);
    // Turned by one, two and three columns, the rows have the state's diagonals for columns.
    b = __builtin_shufflevector(b, b, 1, 2, 3, 0);
    c = __builtin_shufflevector(c, c, 2, 3, 0, 1);
    d = __builtin_shufflevector(d, d, 3, 0, 1, 2);
    quarter_rounds(a, b, c, d);
    b = __builtin_shufflevector(b, b, 3, 0, 1, 2);
    c = __builtin_shufflevector(c, c, 2, 3, 0, 1);
    d = __builtin_shufflevector(d, d, 1, 2, 3, 0);
  }
  const Row sums[4] = {rows[0] + a, rows[1] + b, rows[2] + c, rows[3] + d};
  __builtin_memcpy(output, sums, sizeof sums);
}

void RandomGenerator::start(const std::uint32_t (&key)[8], std::uint64_t nonce,
                            SeedQuality quality) {
  // "expand 32-byte k"
  input_[0] = 0x61707865;
  input_[1] = 0x3320646e;
  input_[2] = 0x79622d32;
  input_[3] = 0x6b206574;
  for (std::size_t i = 0; i < 8; ++i) {
    input_[kKeyAt + i] = key[i];
  }
  input_[kCounterAt] = 0;
  input_[kCounterAt + 1] = 0;
  input_[kNonceAt] = static_cast<std::uint32_t>(nonce);
  input_[kNonceAt + 1] = static_cast<std::uint32_t>(nonce >> 32);
  position_ = kChaChaWords;
  quality_ = quality;
}

RandomGenerator RandomGenerator::split(std::uint64_t nonce) const {
  std::uint32_t key[8];
  for (std::size_t i = 0; i < 8; ++i) {
    key[i] = input_[kKeyAt + i];
  }
  RandomGenerator other;
  other.start(key, nonce, quality_);
  return other;
}

std::uint32_t RandomGenerator::next_word() {
  if (quality_ == SeedQuality::kNone) {
    return 0;
  }
  if (position_ == kChaChaWords) {
    chacha20_block(input_, words_);
    position_ = 0;
    if (++input_[kCounterAt] == 0) {
      ++input_[kCounterAt + 1];
    }
  }
  // A number that was given out is not kept.
  const std::uint32_t word = words_[position_];
  words_[position_++] = 0;
  return word;
}

std::uint64_t RandomGenerator::next() {
  const std::uint64_t low = next_word();
  return low | static_cast<std::uint64_t>(next_word()) << 32;
}

std::uint64_t RandomGenerator::next_below(std::uint64_t bound) {
  if (quality_ == SeedQuality::kNone) {
    return 0;
  }
  // The first 2^64 mod bound numbers would make some remainders likelier than others.
  const std::uint64_t surplus = (0 - bound) % bound;
  std::uint64_t number = next();
  while (number < surplus) {
    number = next();
  }
  return number % bound;
}

void RandomGenerator::make_weak_key(std::uint32_t (&key)[8], std::uint64_t time,
                                    std::uint64_t thread) {
  const int on_stack = 0;
  const std::uint64_t known[] = {
      time,
      thread,
      thread_id(),
      address_of(&on_stack),
      address_of(&weak_keys),
      reinterpret_cast<std::uintptr_t>(&chacha20_block),
      // relaxed: every value is handed out once, in whatever order.
      weak_keys.fetch_add(1, std::memory_order_relaxed),
  };
  std::uint64_t state = 0;
  for (const std::uint64_t value : known) {
    state ^= value;
    state = next_mixed(state);
  }
  for (std::uint32_t& word : key) {
    word = static_cast<std::uint32_t>(next_mixed(state));
  }
}

}  // namespace ashlar
