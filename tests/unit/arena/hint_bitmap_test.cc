// The set of hints: against a std::set, with strides as an arena uses them, and with threads:
// each hint is taken once and none is lost.
#include "arena/hint_bitmap.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace ashlar {
namespace {

constexpr std::uint32_t kWords = 130;  // three summary words
constexpr std::uint32_t kSlices = kWords * kBitsPerWord;
constexpr std::uint32_t kStride = 3;

// Bitmaps of several classes side by side, as in an arena.
struct Hints {
  std::array<AtomicWord, kWords * kStride> words{};
  std::array<std::array<AtomicWord, 3>, kStride> summaries{};

  HintBitmap of(std::uint32_t size_class) {
    return HintBitmap(words.data() + size_class, kStride, summaries[size_class].data(), kWords);
  }
};

RC_GTEST_PROP(HintBitmap, BehavesAsASetOfSlices, ()) {
  Hints hints;
  std::array<std::set<std::uint32_t>, kStride> model;
  const auto steps =
      *rc::gen::container<std::vector<std::tuple<int, std::uint32_t, std::uint32_t>>>(
          rc::gen::tuple(rc::gen::inRange(0, 8), rc::gen::inRange<std::uint32_t>(0, kStride),
                         rc::gen::inRange<std::uint32_t>(0, kSlices)));
  for (const auto& [kind, size_class, at] : steps) {
    HintBitmap bitmap = hints.of(size_class);
    std::set<std::uint32_t>& set = model[size_class];
    if (kind < 4) {
      bitmap.set({at});
      set.insert(at);
    } else if (kind == 4) {
      const auto some = set.lower_bound(at);
      const std::uint32_t slice = some == set.end() ? at : *some;
      RC_ASSERT(bitmap.clear({slice}) == (set.erase(slice) == 1));
    } else {
      const std::uint32_t from = kind == 5 ? at : 0;
      const auto expected = set.lower_bound(from);
      SliceIndex slice{from};
      const bool taken = bitmap.take(&slice);
      RC_ASSERT(taken == (expected != set.end()));
      if (taken) {
        RC_ASSERT(slice.value == *expected);
        set.erase(expected);
      }
    }
    RC_ASSERT(bitmap.is_set({at}) == (set.count(at) == 1));
  }
  for (std::uint32_t c = 0; c < kStride; ++c) {
    SliceIndex slice{0};
    for (const std::uint32_t expected : model[c]) {
      RC_ASSERT(hints.of(c).take(&slice));
      RC_ASSERT(slice.value == expected);
    }
    RC_ASSERT(!hints.of(c).take(&slice));
  }
}

TEST(HintBitmap, IsEmptyAtFirst) {
  Hints hints;
  SliceIndex slice{0};
  EXPECT_FALSE(hints.of(0).take(&slice));
  EXPECT_FALSE(hints.of(0).is_set({0}));
  EXPECT_FALSE(hints.of(0).clear({0}));
}

TEST(HintBitmap, ASetAfterTheSummaryWasForgottenIsFound) {
  Hints hints;
  HintBitmap bitmap = hints.of(1);
  for (int round = 0; round < 3; ++round) {
    bitmap.set({5000});
    EXPECT_TRUE(bitmap.clear({5000}));
    SliceIndex slice{0};
    EXPECT_FALSE(bitmap.take(&slice));  // looks at the empty word, and forgets it
    bitmap.set({5001});
    slice = {0};
    ASSERT_TRUE(bitmap.take(&slice));
    EXPECT_EQ(slice.value, 5001u);
  }
}

TEST(HintBitmap, ThreadsTakeEachHintOnceAndLoseNone) {
  constexpr int kSetters = 2;
  constexpr int kTakers = 2;
  constexpr std::uint32_t kSpan = 4 * kBitsPerWord;  // few words, so that threads meet
  constexpr int kRounds = 40;
  static Hints hints;
  static std::array<std::atomic<int>, kSpan> taken{};
  static std::array<std::atomic<int>, kSpan> set{};
  std::atomic<int> setters_left{kSetters};
  std::vector<std::thread> threads;
  for (int id = 0; id < kSetters; ++id) {
    threads.emplace_back([&, id] {
      for (int round = 0; round < kRounds; ++round) {
        for (std::uint32_t i = static_cast<std::uint32_t>(id); i < kSpan; i += kSetters) {
          // A slice is set again only after it was taken, as a page is published.
          if (taken[i].load(std::memory_order_acquire) == set[i].load(std::memory_order_relaxed)) {
            set[i].fetch_add(1, std::memory_order_relaxed);
            hints.of(0).set({i});
          }
        }
      }
      setters_left.fetch_sub(1, std::memory_order_release);
    });
  }
  for (int id = 0; id < kTakers; ++id) {
    threads.emplace_back([&] {
      for (;;) {
        const bool last = setters_left.load(std::memory_order_acquire) == 0;
        SliceIndex slice{0};
        while (hints.of(0).take(&slice)) {
          taken[slice.value].fetch_add(1, std::memory_order_release);
          slice = {0};
        }
        if (last) {
          return;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  int all = 0;
  for (std::uint32_t i = 0; i < kSpan; ++i) {
    EXPECT_EQ(taken[i].load(std::memory_order_relaxed), set[i].load(std::memory_order_relaxed))
        << i;
    all += taken[i].load(std::memory_order_relaxed);
  }
  EXPECT_GE(all, static_cast<int>(kSpan));
}

}  // namespace
}  // namespace ashlar
