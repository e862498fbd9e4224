// Visiting runs of slices word by word, and the bits that runs set and clear, against a plain
// vector of bools.
#include "arena/slice_words.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

namespace ashlar {
namespace {

constexpr std::uint32_t kRowWords = 5;
constexpr std::uint32_t kBits = kRowWords * kBitsPerWord;

rc::Gen<SliceRun> arbitrary_run() {
  return rc::gen::mapcat(rc::gen::inRange<std::uint32_t>(0, kBits), [](std::uint32_t first) {
    return rc::gen::map(rc::gen::inRange<std::uint32_t>(0, kBits - first + 1),
                        [first](std::uint32_t count) { return SliceRun{{first}, {count}}; });
  });
}

std::vector<bool> bits_of(SliceRun run) {
  std::vector<bool> bits(kBits);
  for (std::uint32_t i = run.first.value; i < run.end().value; ++i) {
    bits[i] = true;
  }
  return bits;
}

RC_GTEST_PROP(ForEachWord, CoversExactlyTheRun, ()) {
  const SliceRun run = *arbitrary_run();
  std::vector<bool> covered(kBits);
  std::uint32_t next_word = run.first.value / kBitsPerWord;
  const bool finished = for_each_word(run, [&](std::uint32_t word, std::uint64_t mask) {
    RC_ASSERT(word == next_word++);
    RC_ASSERT(mask != 0u);
    for (std::uint32_t bit = 0; bit < kBitsPerWord; ++bit) {
      if (((mask >> bit) & 1) != 0) {
        covered[word * kBitsPerWord + bit] = true;
      }
    }
    return true;
  });
  RC_ASSERT(finished);
  RC_ASSERT(covered == bits_of(run));
}

TEST(ForEachWord, StopsAtFalse) {
  int visits = 0;
  const bool finished =
      for_each_word({{10}, {200}}, [&](std::uint32_t, std::uint64_t) { return ++visits < 2; });
  EXPECT_FALSE(finished);
  EXPECT_EQ(visits, 2);
}

TEST(ForEachWord, VisitsNothingForAnEmptyRun) {
  EXPECT_TRUE(for_each_word({{64}, {0}}, [](std::uint32_t, std::uint64_t) { return false; }));
}

RC_GTEST_PROP(ForEachRun, VisitsEachRunOfSetBitsOnce, (std::uint64_t bits)) {
  // Random bits hardly ever have long runs; smearing makes some.
  const auto smear = *rc::gen::inRange(0, 9);
  for (int i = 0; i < smear; ++i) {
    bits |= bits << 1;
  }
  const auto word = *rc::gen::inRange<std::uint32_t>(0, kRowWords);
  std::uint64_t visited = 0;
  std::uint32_t end_of_last = 0;
  for_each_run(word, bits, [&](SliceRun run) {
    RC_ASSERT(run.count.value > 0u);
    RC_ASSERT(run.first.value / kBitsPerWord == word);
    RC_ASSERT((run.end().value - 1) / kBitsPerWord == word);
    const std::uint32_t low = run.first.value % kBitsPerWord;
    RC_ASSERT(visited == 0u || low > end_of_last);  // a clear bit lies between two runs
    end_of_last = low + run.count.value;
    for (std::uint32_t bit = low; bit < end_of_last; ++bit) {
      visited |= std::uint64_t{1} << bit;
    }
  });
  RC_ASSERT(visited == bits);
}

TEST(ForEachRun, TakesAFullWordAsOneRun) {
  int visits = 0;
  for_each_run(2, ~std::uint64_t{0}, [&](SliceRun run) {
    ++visits;
    EXPECT_EQ(run.first.value, 128u);
    EXPECT_EQ(run.count.value, 64u);
  });
  EXPECT_EQ(visits, 1);
}

RC_GTEST_PROP(RunBits, SetClearAndCountAsAVectorOfBools, ()) {
  std::array<SliceWords, kRowWords> words{};
  std::vector<bool> model(kBits);
  const auto steps = *rc::gen::container<std::vector<std::pair<bool, SliceRun>>>(
      rc::gen::pair(rc::gen::arbitrary<bool>(), arbitrary_run()));
  for (const auto& [set, run] : steps) {
    std::uint32_t before = 0;
    for (std::uint32_t i = run.first.value; i < run.end().value; ++i) {
      before += model[i] ? 1 : 0;
    }
    RC_ASSERT(count_run(words.data(), &SliceWords::dirty, run) == before);
    for (std::uint32_t i = run.first.value; i < run.end().value; ++i) {
      model[i] = set;
    }
    RC_ASSERT((set ? set_run(words.data(), &SliceWords::dirty, run)
                   : clear_run(words.data(), &SliceWords::dirty, run)) == before);
    for (std::uint32_t i = 0; i < kBits; ++i) {
      RC_ASSERT((count_run(words.data(), &SliceWords::dirty, {{i}, {1}}) == 1u) == model[i]);
    }
  }
  RC_ASSERT(count_run(words.data(), &SliceWords::waiting, {{0}, {kBits}}) == 0u);
  RC_ASSERT(count_run(words.data(), &SliceWords::in_use, {{0}, {kBits}}) == 0u);
}

TEST(SliceWords, RunsThatAreTooShortAreLeftOut) {
  constexpr std::uint64_t kAll = ~std::uint64_t{0};
  EXPECT_EQ(runs_of_at_least(0, 0b1011), 0b1011u);
  EXPECT_EQ(runs_of_at_least(1, 0b1011), 0b1011u);
  EXPECT_EQ(runs_of_at_least(2, 0b1011), 0b0011u);
  EXPECT_EQ(runs_of_at_least(3, 0b1011), 0u);
  EXPECT_EQ(runs_of_at_least(64, kAll), kAll);
  EXPECT_EQ(runs_of_at_least(64, kAll >> 1), 0u);
  EXPECT_EQ(runs_of_at_least(4, 0xF000'0000'0000'0007), 0xF000'0000'0000'0000);
}

}  // namespace
}  // namespace ashlar
