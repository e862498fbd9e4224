// Row 30: programs that run for long, in phases: allocate much, free most of it at random, go on
// with other sizes. What pages hold stays within 1.3 of what is live, where that can be had.
//
// Where the sizes of one phase are not those of the next, it can't without moving: of pages with n
// blocks of which a share p dies at random, p^n become empty, and the rest of the others serves no
// other size. There the same bound is asked of a program that moves its blocks as it is told.
#include "regress_support.h"

#include <gtest/gtest.h>
#include <mimalloc-stats.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

namespace {

using regress::Chance;
using regress::Watchdog;

constexpr std::size_t kLive = std::size_t{64} << 20;

// How many rounds there are, so that all of them take two or three seconds. ASHLAR_PHASES=N: N
// times as many.
std::size_t rounds(std::size_t few) {
  const char* const more = std::getenv("ASHLAR_PHASES");
  return few / regress::kSlower * (more == nullptr ? 1 : std::strtoul(more, nullptr, 10));
}

std::size_t page_bytes() {
  mi_stats_t stats{};
  stats.size = sizeof stats;
  stats.version = MI_STAT_VERSION;
  EXPECT_TRUE(mi_stats_get(&stats));
  return static_cast<std::size_t>(stats.page_committed.current);
}

// The blocks of a program, each with a word of its own at its ends.
class PhasedBlocks {
 public:
  explicit PhasedBlocks(std::uint64_t seed) : chance_(seed) {
    blocks_.reserve(kLive / 16);
    other_ = page_bytes();
  }
  ~PhasedBlocks() { free_most(1.0); }
  PhasedBlocks(const PhasedBlocks&) = delete;
  PhasedBlocks& operator=(const PhasedBlocks&) = delete;

  // Allocates sizes of a mix up to so many bytes.
  template <class Mix>
  void grow_to(std::size_t bytes, Mix mix) {
    while (bytes_ < bytes) {
      const std::size_t size = mix(chance_) / 8 * 8;
      auto* const block = static_cast<std::uint64_t*>(mi_malloc(size));
      ASSERT_NE(block, nullptr);
      block[0] = size;
      block[size / 8 - 1] = size;
      blocks_.push_back(block);
      bytes_ += size;
    }
  }

  // Frees this share of the blocks, each at random.
  void free_most(double share) {
    const auto bound = static_cast<std::size_t>(share * 65536);
    std::size_t left = 0;
    for (std::uint64_t* const block : blocks_) {
      if (chance_.below(65536) >= bound) {
        blocks_[left++] = block;
        continue;
      }
      const std::size_t size = block[0];
      ASSERT_EQ(block[size / 8 - 1], size);
      bytes_ -= size;
      mi_free(block);
    }
    blocks_.resize(left);
  }

  // Moves what is worth moving; false where nothing was.
  bool move() {
    const std::unique_ptr<bool[]> which(new bool[blocks_.size()]);
    if (ashlar_should_move(reinterpret_cast<void**>(blocks_.data()), blocks_.size(), which.get(),
                           nullptr) == 0) {
      return false;
    }
    for (std::size_t i = 0; i < blocks_.size(); i++) {
      if (!which[i]) continue;
      const std::size_t size = *blocks_[i];
      auto* const copy = static_cast<std::uint64_t*>(mi_malloc(size));
      std::memcpy(copy, blocks_[i], size);
      mi_free(blocks_[i]);
      blocks_[i] = copy;
    }
    return true;
  }

  // Bytes that pages hold for each byte that is live.
  double ratio() const {
    return static_cast<double>(page_bytes() - other_) / static_cast<double>(bytes_);
  }

 private:
  Chance chance_;
  std::vector<std::uint64_t*> blocks_;
  std::size_t bytes_ = 0;
  std::size_t other_ = 0;  // of pages that were there before
};

// From 16 to 4000 bytes, small ones more or less often.
std::size_t tilted(Chance& chance, double tilt) {
  const double x = static_cast<double>(chance.below(65536)) / 65536;
  return static_cast<std::size_t>(16 * std::exp(5.52 * std::pow(x, tilt)));
}

// Sizes as before, in other proportions: the holes of one phase are filled in the next.
TEST(regress_30_phases, other_proportions) {
  Watchdog watchdog;
  PhasedBlocks live(Chance::seed());
  constexpr double kTilts[] = {1.0, 1.5, 0.7, 1.2};
  double worst = 0;
  const std::size_t count = rounds(120);
  for (std::size_t round = 0; round < count; round++) {
    live.grow_to(kLive, [&](Chance& chance) { return tilted(chance, kTilts[round % 4]); });
    if (round >= 4) {
      worst = std::max(worst, live.ratio());
      ASSERT_LE(live.ratio(), 1.3) << "round " << round;
    }
    live.free_most(0.8);
  }
  std::printf("worst ratio %.3f\n", worst);
}

// Sizes that the phase before did not have, and moving.
TEST(regress_30_phases, other_sizes_and_moving) {
  Watchdog watchdog;
  PhasedBlocks live(Chance::seed());
  double worst = 0;
  double worst_sparse = 0;
  const std::size_t count = rounds(40);
  for (std::size_t round = 0; round < count; round++) {
    const std::size_t least = std::size_t{16} << (2 * (round % 4));
    live.grow_to(kLive, [&](Chance& chance) { return least + chance.below(3 * least); });
    if (round >= 4) {
      worst = std::max(worst, live.ratio());
      ASSERT_LE(live.ratio(), 1.3) << "round " << round;
    }
    live.free_most(0.75);
    int moves = 0;
    while (live.move()) ASSERT_LT(++moves, 5);
    worst_sparse = std::max(worst_sparse, live.ratio());
    ASSERT_LE(live.ratio(), 1.3) << "round " << round << ", after moving";
  }
  std::printf("worst ratios %.3f %.3f\n", worst, worst_sparse);
}

// Of one size there is half as much as before, and as much as ever comes and goes. Pages are
// refilled the fuller ones first, so that the others empty: taken in turn they would all stay half
// full for ever.
TEST(regress_30_phases, a_size_that_is_used_less) {
  Watchdog watchdog;
  constexpr std::size_t kBefore = std::size_t{32} << 20;
  PhasedBlocks live(Chance::seed());
  const auto mix = [](Chance&) { return std::size_t{512}; };
  live.grow_to(kBefore, mix);
  for (int round = 0; round < 60; round++) {
    live.free_most(0.5);
    live.grow_to(kBefore / 2, mix);
    if (round == 0) {
      EXPECT_GE(live.ratio(), 1.8);
    }
  }
  EXPECT_LE(live.ratio(), 1.5);
}

std::uintptr_t slice_of(const void* block) { return reinterpret_cast<std::uintptr_t>(block) >> 16; }

void* allocate(std::size_t size) {
  void* const block = mi_malloc(size);
  EXPECT_NE(block, nullptr);
  std::memset(block, 1, size);
  return block;
}

// Memory that was given back at low addresses is used before any at high ones.
TEST(regress_30_phases, high_slices_stay_empty) {
  std::vector<void*> blocks;
  std::uintptr_t highest = 0;
  for (int i = 0; i < 2000; i++) {
    blocks.push_back(allocate(16000));
    highest = std::max(highest, slice_of(blocks.back()));
  }
  std::sort(blocks.begin(), blocks.end());
  const std::uintptr_t middle = slice_of(blocks[1000]);
  for (int i = 0; i < 1000; i++) mi_free(blocks[static_cast<std::size_t>(i)]);
  mi_collect(false);
  std::vector<void*> later;
  for (int i = 0; i < 3000; i++) {
    later.push_back(allocate(4000));
    ASSERT_LE(slice_of(later.back()), middle + 8) << "of up to " << highest;
  }
  for (int i = 1000; i < 2000; i++) mi_free(blocks[static_cast<std::size_t>(i)]);
  for (void* const block : later) mi_free(block);
}

// Pages that threads left behind are taken up from low addresses, and those above can empty.
TEST(regress_30_phases, high_orphans_stay_empty) {
  constexpr std::size_t kPages = 64;
  constexpr std::size_t kInPage = 64;  // blocks of 1000 bytes
  std::vector<void*> blocks;
  std::thread([&] {
    for (std::size_t i = 0; i < kPages * kInPage; i++) blocks.push_back(allocate(1000));
  }).join();
  std::sort(blocks.begin(), blocks.end());
  std::vector<void*> left;
  std::thread([&] {
    for (std::size_t i = 0; i < blocks.size(); i++) {
      if (i % 4 == 0) {
        left.push_back(blocks[i]);
      } else {
        mi_free(blocks[i]);
      }
    }
  }).join();
  mi_collect(false);
  std::vector<void*> later;
  for (std::size_t i = 0; i < kPages * kInPage * 3 / 4 / 2; i++) later.push_back(allocate(1000));
  // Half of the room there was: it came from the lower half of the pages, and a few below.
  const std::uintptr_t middle = slice_of(blocks[kPages * kInPage / 2]);
  for (void* const block : later) ASSERT_LE(slice_of(block), middle + 2);
  const std::size_t before = page_bytes();
  for (void* const block : left) mi_free(block);
  EXPECT_GE(before - page_bytes(), (kPages / 2 - 4) << 16) << "of the pages above, none came back";
  for (void* const block : later) mi_free(block);
}

}  // namespace
