// Claiming runs of slices: first fit and alignment against a vector of bools, the summary of full
// words, and that no slice is ever held twice, whatever the threads do.
#include "arena/slice_claim.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <random>
#include <thread>
#include <vector>

namespace ashlar {
namespace {

// More than 64 words, so that the summary has two words itself.
constexpr std::uint32_t kClaimWords = 70;
constexpr std::uint32_t kClaimSlices = kClaimWords * kBitsPerWord;

struct Slices {
  std::array<SliceWords, kClaimWords> words{};
  std::array<AtomicWord, 2> full{};
  SliceClaim claim{words.data(), full.data(), kClaimWords};

  std::uint32_t in_use() const {
    return count_run(words.data(), &SliceWords::in_use, {{0}, {kClaimSlices}});
  }
  bool is_called_full(std::uint32_t word) const {
    return ((full[word / kBitsPerWord].load(std::memory_order_relaxed) >> (word % kBitsPerWord)) &
            1) != 0;
  }
};

class Model {
 public:
  bool is_free(SliceRun run) const {
    for (std::uint32_t i = run.first.value; i < run.end().value; ++i) {
      if (used_[i]) {
        return false;
      }
    }
    return true;
  }
  void mark(SliceRun run, bool used) {
    for (std::uint32_t i = run.first.value; i < run.end().value; ++i) {
      used_[i] = used;
    }
  }
  // The lowest place within a word where there is one, since that takes one atomic operation;
  // else the lowest place at all.
  std::optional<SliceRun> first_fit(std::uint32_t count, std::uint32_t alignment) const {
    std::optional<SliceRun> lowest;
    std::uint32_t free_from = 0;  // all slices from here to `at` are free
    for (std::uint32_t at = 0; at < kClaimSlices; ++at) {
      if (used_[at]) {
        free_from = at + 1;
        continue;
      }
      if (at + 1 < count) {
        continue;
      }
      const std::uint32_t first = at + 1 - count;
      if (first < free_from || first % alignment != 0) {
        continue;
      }
      const SliceRun run{{first}, {count}};
      if (first / kBitsPerWord == at / kBitsPerWord) {
        return run;
      }
      if (!lowest) {
        lowest = run;
        if (count > kBitsPerWord) {
          return lowest;
        }
      }
    }
    return lowest;
  }
  std::uint32_t in_use() const {
    std::uint32_t count = 0;
    for (const bool used : used_) {
      count += used ? 1 : 0;
    }
    return count;
  }

 private:
  std::vector<bool> used_ = std::vector<bool>(kClaimSlices);
};

struct ClaimStep {
  int kind;  // below 6: claim; 6 and 7: claim_at; else release
  std::uint32_t count;
  std::uint32_t alignment;
  std::uint32_t pick;  // where, or which
};

void showValue(const ClaimStep& step, std::ostream& out) {
  out << "{" << step.kind << ", " << step.count << ", " << step.alignment << ", " << step.pick
      << "}";
}

rc::Gen<ClaimStep> arbitrary_claim_step() {
  const auto count = rc::gen::weightedOneOf<std::uint32_t>(
      {{4, rc::gen::inRange<std::uint32_t>(1, 20)},
       {2, rc::gen::inRange<std::uint32_t>(30, 66)},
       {2, rc::gen::element<std::uint32_t>(1, 8, 64, 65, 128)},
       {1, rc::gen::inRange<std::uint32_t>(66, 1500)}});
  const auto alignment = rc::gen::map(rc::gen::inRange(0, 9), [](int log) { return 1u << log; });
  return rc::gen::apply([](int kind, std::uint32_t n, std::uint32_t a,
                           std::uint32_t pick) { return ClaimStep{kind, n, a, pick}; },
                        rc::gen::inRange(0, 11), count, alignment,
                        rc::gen::inRange<std::uint32_t>(0, kClaimSlices));
}

RC_GTEST_PROP(SliceClaim, ClaimsAsAVectorOfBoolsWould, ()) {
  Slices slices;
  Model model;
  std::vector<SliceRun> held;
  const auto steps = *rc::gen::container<std::vector<ClaimStep>>(arbitrary_claim_step());
  for (const ClaimStep& step : steps) {
    if (step.kind < 6) {
      const std::optional<SliceRun> expected = model.first_fit(step.count, step.alignment);
      SliceRun run;
      const bool claimed = slices.claim.claim({step.count}, {step.alignment}, &run);
      RC_ASSERT(claimed == expected.has_value());
      if (claimed) {
        RC_ASSERT(run.first.value == expected->first.value);
        RC_ASSERT(run.count.value == step.count);
        model.mark(run, true);
        held.push_back(run);
      }
    } else if (step.kind < 8) {
      const std::uint32_t room = kClaimSlices - step.pick;
      const SliceRun run{{step.pick}, {step.count < room ? step.count : room}};
      const bool claimed = slices.claim.claim_at(run);
      RC_ASSERT(claimed == model.is_free(run));
      if (claimed) {
        model.mark(run, true);
        held.push_back(run);
      }
    } else if (!held.empty()) {
      const std::size_t which = step.pick % held.size();
      slices.claim.release(held[which]);
      model.mark(held[which], false);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
    }
    RC_ASSERT(slices.in_use() == model.in_use());
  }
}

TEST(SliceClaim, WhatIsGivenUpHalfWayIsUndoneAndCounted) {
  Slices slices;
  ASSERT_TRUE(slices.claim.claim_at({{kBitsPerWord + 1}, {1}}));
  EXPECT_FALSE(slices.claim.claim_at({{kBitsPerWord - 3}, {6}})) << "its fifth slice is held";
  EXPECT_EQ(slices.in_use(), 1u);
  EXPECT_EQ(slices.claim.undone(), 1);
  EXPECT_FALSE(slices.claim.claim_at({{kBitsPerWord}, {2}})) << "nothing had to be undone";
  EXPECT_EQ(slices.claim.undone(), 1);
  slices.claim.forget_undone();
  EXPECT_EQ(slices.claim.undone(), 0);
}

TEST(SliceClaim, FillsFromLowAddressesAndThenSaysNo) {
  Slices slices;
  SliceRun run;
  for (std::uint32_t i = 0; i < kClaimSlices; ++i) {
    ASSERT_TRUE(slices.claim.claim({1}, {1}, &run));
    ASSERT_EQ(run.first.value, i);
  }
  EXPECT_FALSE(slices.claim.claim({1}, {1}, &run));
  for (std::uint32_t word = 0; word < kClaimWords; ++word) {
    EXPECT_TRUE(slices.is_called_full(word)) << word;
  }
  slices.claim.release({{kClaimSlices - 1}, {1}});
  EXPECT_FALSE(slices.is_called_full(kClaimWords - 1));
  ASSERT_TRUE(slices.claim.claim({1}, {1}, &run));
  EXPECT_EQ(run.first.value, kClaimSlices - 1);
}

TEST(SliceClaim, TakesTheWholeRangeAtOnce) {
  Slices slices;
  SliceRun run;
  ASSERT_TRUE(slices.claim.claim({kClaimSlices}, {1}, &run));
  EXPECT_EQ(run.first.value, 0u);
  EXPECT_EQ(slices.in_use(), kClaimSlices);
  EXPECT_FALSE(slices.claim.claim({1}, {1}, &run));
  slices.claim.release({{0}, {kClaimSlices}});
  EXPECT_EQ(slices.in_use(), 0u);
  EXPECT_FALSE(slices.claim.claim({kClaimSlices + 1}, {1}, &run));
}

TEST(SliceClaim, AFailedClaimAtGivesBackWhatItHadTaken) {
  Slices slices;
  ASSERT_TRUE(slices.claim.claim_at({{200}, {1}}));
  EXPECT_FALSE(slices.claim.claim_at({{10}, {300}}));
  EXPECT_EQ(slices.in_use(), 1u);
  EXPECT_TRUE(slices.claim.claim_at({{10}, {190}}));
  EXPECT_TRUE(slices.claim.claim_at({{201}, {109}}));
}

TEST(SliceClaim, ClaimFreeOfTakesWhatIsFreeAndOnlyThat) {
  Slices slices;
  ASSERT_TRUE(slices.claim.claim_at({{64 + 8}, {8}}));
  EXPECT_EQ(slices.claim.claim_free_of(1, 0xFFFFFF), 0xFF00FFu);
  EXPECT_EQ(slices.in_use(), 24u);
  EXPECT_EQ(slices.claim.claim_free_of(1, 0xFFFFFF), 0u);
}

// Who claims a slice writes its number there and must find nobody else's.
TEST(SliceClaim, NoSliceIsHeldTwiceAndNoneIsLost) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 3000;
  static Slices slices;
  static std::array<std::atomic<int>, kClaimSlices> holders{};
  std::atomic<int> doubly_held{0};
  std::vector<std::thread> threads;
  for (int id = 1; id <= kThreads; ++id) {
    threads.emplace_back([&, id] {
      std::mt19937 random(static_cast<unsigned>(id));
      auto below = [&](std::uint32_t bound) {
        return static_cast<std::uint32_t>(random() % bound);
      };
      std::vector<SliceRun> held;
      auto drop = [&](SliceRun run) {
        for (std::uint32_t i = run.first.value; i < run.end().value; ++i) {
          if (holders[i].exchange(0, std::memory_order_relaxed) != id) {
            doubly_held.fetch_add(1, std::memory_order_relaxed);
          }
        }
        slices.claim.release(run);
      };
      for (int round = 0; round < kRounds; ++round) {
        const std::uint32_t kind = below(16);
        const std::uint32_t count = kind < 12 ? 1 + below(64) : 65 + below(200);
        SliceRun run{{below(kClaimSlices - 300)}, {count}};
        const bool claimed = kind == 0 ? slices.claim.claim_at(run)
                                       : slices.claim.claim({count}, {1u << below(7)}, &run);
        if (claimed) {
          for (std::uint32_t i = run.first.value; i < run.end().value; ++i) {
            if (holders[i].exchange(id, std::memory_order_relaxed) != 0) {
              doubly_held.fetch_add(1, std::memory_order_relaxed);
            }
          }
          held.push_back(run);
        }
        // Near full most of the time: that is where the summary changes.
        if (!held.empty() && (!claimed || held.size() > 30)) {
          const std::size_t which = random() % held.size();
          drop(held[which]);
          held[which] = held.back();
          held.pop_back();
        }
      }
      for (const SliceRun& run : held) {
        drop(run);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(doubly_held.load(std::memory_order_relaxed), 0);
  EXPECT_EQ(slices.in_use(), 0u);
  SliceRun run;
  for (std::uint32_t i = 0; i < kClaimSlices; ++i) {
    ASSERT_TRUE(slices.claim.claim({1}, {1}, &run)) << "hidden behind a stale summary bit: " << i;
    ASSERT_EQ(run.first.value, i);
  }
}

TEST(SliceClaim, ANumberPicksOneOfTheFirstPlaces) {
  constexpr std::uint64_t kPlaces = SliceClaim::places_for({2});
  for (std::uint64_t pick = 1; pick < 3 * kPlaces; ++pick) {
    Slices slices;
    SliceRun run;
    ASSERT_TRUE(slices.claim.claim_at({{0}, {5}}));
    ASSERT_TRUE(slices.claim.claim({2}, {2}, &run, pick));
    // From 6 on, every other one.
    EXPECT_EQ(run.first.value, 6 + 2 * (pick % kPlaces));
  }
}

RC_GTEST_PROP(SliceClaim, WhateverIsPickedNoSliceIsGivenTwiceAndNoneIsLost, ()) {
  Slices slices;
  Model model;
  std::uint32_t claimed = 0;
  bool sound = true;
  const auto count = *rc::gen::element(1U, 2U, 4U, 8U);
  const auto pick = *rc::gen::inRange<std::uint64_t>(0, 1000);
  SliceRun run;
  while (slices.claim.claim({count}, {count}, &run, pick * claimed)) {
    sound = sound && run.first.value % count == 0 && model.is_free(run);
    model.mark(run, true);
    claimed += count;
  }
  RC_ASSERT(sound);
  RC_ASSERT(claimed == kClaimSlices);
}

}  // namespace
}  // namespace ashlar
