// ChaCha20 against the vectors of RFC 8439, and the generator against its block function.
#include "support/random.h"

#include <gtest/gtest.h>
#include <string.h>

#include <cstdint>
#include <set>

namespace ashlar {
namespace {

constexpr std::uint32_t kConstants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

// The block for a key, a counter and the three nonce words of the RFC, as words.
void block(const std::uint32_t (&key)[8], std::uint32_t counter, const std::uint32_t (&nonce)[3],
           std::uint32_t (&output)[kChaChaWords]) {
  std::uint32_t input[kChaChaWords];
  memcpy(input, kConstants, sizeof kConstants);
  memcpy(input + 4, key, sizeof key);
  input[12] = counter;
  memcpy(input + 13, nonce, sizeof nonce);
  chacha20_block(input, output);
}

TEST(ChaCha20, Rfc8439Section232) {
  const std::uint32_t key[8] = {0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c,
                                0x13121110, 0x17161514, 0x1b1a1918, 0x1f1e1d1c};
  const std::uint32_t nonce[3] = {0x09000000, 0x4a000000, 0x00000000};
  const std::uint32_t expected[kChaChaWords] = {0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3,
                                                0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3,
                                                0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
                                                0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2};
  std::uint32_t output[kChaChaWords];
  block(key, 1, nonce, output);
  for (std::size_t i = 0; i < kChaChaWords; ++i) {
    EXPECT_EQ(output[i], expected[i]) << i;
  }
}

// Vectors 1 and 2 of appendix A.1: key and nonce zero, counters 0 and 1.
constexpr unsigned char kZeroKeyStream[128] = {
    0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28,
    0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a, 0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7,
    0xda, 0x41, 0x59, 0x7c, 0x51, 0x57, 0x48, 0x8d, 0x77, 0x24, 0xe0, 0x3f, 0xb8, 0xd8, 0x4a, 0x37,
    0x6a, 0x43, 0xb8, 0xf4, 0x15, 0x18, 0xa1, 0x1c, 0xc3, 0x87, 0xb6, 0x69, 0xb2, 0xee, 0x65, 0x86,
    0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a, 0x98, 0xba, 0x97, 0x7c, 0x73, 0x2d, 0x08, 0x0d,
    0xcb, 0x0f, 0x29, 0xa0, 0x48, 0xe3, 0x65, 0x69, 0x12, 0xc6, 0x53, 0x3e, 0x32, 0xee, 0x7a, 0xed,
    0x29, 0xb7, 0x21, 0x76, 0x9c, 0xe6, 0x4e, 0x43, 0xd5, 0x71, 0x33, 0xb0, 0x74, 0xd8, 0x39, 0xd5,
    0x31, 0xed, 0x1f, 0x28, 0x51, 0x0a, 0xfb, 0x45, 0xac, 0xe1, 0x0a, 0x1f, 0x4b, 0x79, 0x4d, 0x6f};

std::uint32_t little_endian(const unsigned char* bytes) {
  return bytes[0] | static_cast<std::uint32_t>(bytes[1]) << 8 |
         static_cast<std::uint32_t>(bytes[2]) << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
}

TEST(RandomGenerator, IsTheStreamOfItsKeyAcrossBlocks) {
  const std::uint32_t key[8] = {};
  RandomGenerator generator;
  generator.start(key, 0, SeedQuality::kStrong);
  for (std::size_t i = 0; i < sizeof kZeroKeyStream; i += 4) {
    EXPECT_EQ(generator.next_word(), little_endian(kZeroKeyStream + i)) << i;
  }
}

TEST(RandomGenerator, NumbersOfSixtyFourBitsAreTwoWords) {
  const std::uint32_t key[8] = {};
  RandomGenerator generator;
  generator.start(key, 0, SeedQuality::kStrong);
  EXPECT_EQ(generator.next(), 0x903df1a0ade0b876u);
}

TEST(RandomGenerator, TheNonceFillsTheLastTwoWords) {
  const std::uint32_t key[8] = {0, 0, 0, 0, 0, 0, 0, 0x01000000};
  const std::uint32_t nonce[3] = {0, 0x22222222, 0x11111111};
  std::uint32_t expected[kChaChaWords];
  block(key, 0, nonce, expected);
  RandomGenerator generator;
  generator.start(key, 0x1111111122222222u, SeedQuality::kStrong);
  for (const std::uint32_t word : expected) {
    EXPECT_EQ(generator.next_word(), word);
  }
}

TEST(RandomGenerator, SplitsAreStreamsOfTheirOwn) {
  const std::uint32_t key[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  RandomGenerator parent;
  parent.start(key, 0, SeedQuality::kWeak);
  RandomGenerator one = parent.split(1);
  RandomGenerator again = parent.split(1);
  RandomGenerator two = parent.split(2);
  EXPECT_EQ(one.quality(), SeedQuality::kWeak) << "a split is as good as what it came from";
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t number = one.next();
    EXPECT_EQ(again.next(), number);
    seen.insert(number);
    seen.insert(two.next());
    seen.insert(parent.next());
  }
  EXPECT_EQ(seen.size(), 300u);
}

TEST(RandomGenerator, BoundedNumbersReachAllAndNoMore) {
  const std::uint32_t key[8] = {9};
  RandomGenerator generator;
  generator.start(key, 0, SeedQuality::kStrong);
  for (const std::uint64_t bound : {1u, 2u, 3u, 7u, 10u, 64u}) {
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 2000; ++i) {
      const std::uint64_t number = generator.next_below(bound);
      ASSERT_LT(number, bound);
      seen.insert(number);
    }
    EXPECT_EQ(seen.size(), bound);
  }
}

TEST(RandomGenerator, BoundedNumbersFavourNone) {
  // With this bound nearly half of all numbers would make the low results twice as likely.
  const std::uint64_t bound = (std::uint64_t{1} << 63) + 1;
  const std::uint64_t surplus = (std::uint64_t{1} << 63) - 1;  // 2^64 mod bound
  const std::uint32_t key[8] = {9};
  RandomGenerator generator;
  RandomGenerator raw;
  generator.start(key, 0, SeedQuality::kStrong);
  raw.start(key, 0, SeedQuality::kStrong);
  for (int i = 0; i < 100; ++i) {
    std::uint64_t number = raw.next();
    while (number < surplus) {
      number = raw.next();
    }
    EXPECT_EQ(generator.next_below(bound), number % bound);
  }
}

TEST(RandomGenerator, WithoutASeedItGivesZeroesAndSaysSo) {
  RandomGenerator generator;
  EXPECT_EQ(generator.quality(), SeedQuality::kNone);
  EXPECT_EQ(generator.next(), 0u);
  EXPECT_EQ(generator.next_below(10), 0u);
}

TEST(RandomGenerator, TheSystemsSeedIsStrongAndNeverTheSame) {
  RandomGenerator one;
  RandomGenerator two;
  EXPECT_EQ(one.seed(), SeedQuality::kStrong);
  EXPECT_EQ(two.seed(), SeedQuality::kStrong);
  EXPECT_NE(one.next(), two.next());
}

// A system that has no random numbers yet, and whose clock stands still.
struct EarlyOs {
  static bool random_bytes(void* bytes, std::size_t count) {
    memset(bytes, 0, count);
    return false;
  }
  static std::uint64_t clock_ms() { return 1000; }
  static std::uint64_t thread_number() { return 1; }
};

TEST(RandomGenerator, AWeakSeedIsMarkedAndStillDiffers) {
  RandomGenerator one;
  RandomGenerator two;
  EXPECT_EQ(one.seed_from<EarlyOs>(), SeedQuality::kWeak);
  EXPECT_EQ(two.seed_from<EarlyOs>(), SeedQuality::kWeak);
  EXPECT_EQ(one.quality(), SeedQuality::kWeak);
  EXPECT_NE(one.next(), two.next());
}

TEST(RandomGenerator, AWeakSeedIsReplacedWhenTheSystemHasOne) {
  RandomGenerator generator;
  generator.seed_from<EarlyOs>();
  generator.strengthen_from<EarlyOs>();
  EXPECT_EQ(generator.quality(), SeedQuality::kWeak);
  generator.strengthen_from<System>();
  EXPECT_EQ(generator.quality(), SeedQuality::kStrong);
  RandomGenerator same = generator;
  generator.strengthen_from<System>();
  EXPECT_EQ(generator.next(), same.next()) << "a strong seed stays";
}

}  // namespace
}  // namespace ashlar
