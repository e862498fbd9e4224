// Random orders of blocks: every block once, and no place that a block is likelier to have.
#include "harden/block_order.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <vector>

#include "support/random.h"

namespace ashlar {
namespace {

RC_GTEST_PROP(BlockOrder, HoldsEachNumberOnce, (const std::vector<std::uint32_t>& drawn)) {
  const auto count = *rc::gen::inRange<std::size_t>(0, 600);
  std::vector<std::uint16_t> order(count);
  std::size_t at = 0;
  shuffle_order(order.data(), count,
                [&] { return drawn.empty() ? 0U : drawn[at++ % drawn.size()]; });
  std::sort(order.begin(), order.end());
  std::vector<std::uint16_t> all(count);
  std::iota(all.begin(), all.end(), std::uint16_t{0});
  RC_ASSERT(order == all);
}

// 40,000 orders of 8 under a known key: each number is at each place 5,000 times, with a standard
// deviation of 66.
TEST(BlockOrder, EveryPlaceIsEquallyLikely) {
  constexpr std::size_t kCount = 8;
  constexpr int kOrders = 40000;
  const std::uint32_t key[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  RandomGenerator generator;
  generator.start(key, 0, SeedQuality::kStrong);
  std::array<std::array<int, kCount>, kCount> seen{};
  for (int i = 0; i < kOrders; ++i) {
    std::uint16_t order[kCount];
    shuffle_order(order, kCount, [&] { return generator.next_word(); });
    for (std::size_t place = 0; place < kCount; ++place) ++seen[place][order[place]];
  }
  for (const auto& place : seen) {
    for (const int count : place) {
      EXPECT_NEAR(count, kOrders / static_cast<int>(kCount), 400);
    }
  }
}

TEST(BlockOrder, DependsOnTheKey) {
  const auto order_under = [](std::uint32_t last) {
    const std::uint32_t key[8] = {0, 0, 0, 0, 0, 0, 0, last};
    RandomGenerator generator;
    generator.start(key, 0, SeedQuality::kStrong);
    std::vector<std::uint16_t> order(256);
    shuffle_order(order.data(), order.size(), [&] { return generator.next_word(); });
    return order;
  };
  EXPECT_EQ(order_under(1), order_under(1));
  EXPECT_NE(order_under(1), order_under(2));
}

}  // namespace
}  // namespace ashlar
