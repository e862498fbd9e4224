// From any address to its page: inside the window, outside, across its ends, in ranges that fill
// whole root entries, and for addresses that nothing can lie at.
#include "arena/page_map.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "heap/process.h"

namespace ashlar {

namespace {

// The map stores page addresses and never looks behind them; only the lowest bit has a meaning.
Page* page_number(std::uintptr_t n) { return reinterpret_cast<Page*>(n * 256); }
const void* at(std::uintptr_t address) { return reinterpret_cast<const void*>(address); }

constexpr std::uintptr_t kSpan = std::uintptr_t{1} << 32;  // of one root entry
// Far from the window, which lies between 2 and 30 TiB.
constexpr std::uintptr_t kFar = std::uintptr_t{60} << 40;

// The window belongs to the process's map; the two levels are each map's own. What these tests
// enter lies where the kernel put nothing of the library's, and is removed again.
class PageMapTest : public testing::Test {
 protected:
  PageMapTest() { start_process(); }

  static std::uintptr_t window_begin() { return sealed.window_base; }
  static std::uintptr_t window_end() { return sealed.window_base + kWindowSize; }

  // The range's pages are found from its first to its last byte, and not a byte beyond.
  void expect_exactly(std::uintptr_t start, std::size_t size, Page* page) {
    for (std::uintptr_t inside = start; inside < start + size; inside += step(size)) {
      ASSERT_EQ(map_->find(at(inside)), page) << (inside - start) / kSliceSize << " slices in";
    }
    EXPECT_EQ(map_->find(at(start + size - 1)), page);
    EXPECT_EQ(map_->find(at(start - 1)), nullptr);
    EXPECT_EQ(map_->find(at(start + size)), nullptr);
  }
  void expect_nothing(std::uintptr_t start, std::size_t size) {
    for (std::uintptr_t inside = start; inside < start + size; inside += step(size)) {
      ASSERT_EQ(map_->find(at(inside)), nullptr) << (inside - start) / kSliceSize << " slices in";
    }
    EXPECT_EQ(map_->find(at(start + size - 1)), nullptr);
  }
  void enter_and_remove(std::uintptr_t start, std::size_t size) {
    Page* const page = page_number(7);
    ASSERT_TRUE(map_->enter(at(start), size, page));
    expect_exactly(start, size, page);
    map_->remove(at(start), size);
    expect_nothing(start, size);
  }

  std::unique_ptr<PageMap> map_ = std::make_unique<PageMap>();

 private:
  static std::size_t step(std::size_t size) {
    return size > kSpan ? 251 * kSliceSize : kSliceSize / 2;
  }
};

TEST_F(PageMapTest, FindsNothingAtAddressesThatNothingCanLieAt) {
  for (const std::uintptr_t address :
       {std::uintptr_t{0}, std::uintptr_t{1}, std::uintptr_t{4096}, kSliceSize, kSpan,
        (std::uintptr_t{1} << 47) - 1, std::uintptr_t{1} << 47, (std::uintptr_t{1} << 48) - 1,
        std::uintptr_t{1} << 48, std::uintptr_t{1} << 56, std::uintptr_t{0x8000'0000'0000'0000},
        std::uintptr_t{0xFFFF'8000'0000'0000}, std::uintptr_t{0xFFFF'FFFF'FF60'0000},
        ~std::uintptr_t{0}}) {
    EXPECT_EQ(map_->find(at(address)), nullptr) << std::hex << address;
    EXPECT_EQ(map_->find_near(at(address)), nullptr) << std::hex << address;
    EXPECT_EQ(page_map.find(at(address)), nullptr) << std::hex << address;
  }
}

TEST_F(PageMapTest, FindsNothingOnTheStackOrInTheProgram) {
  int local = 0;
  EXPECT_EQ(page_map.find(&local), nullptr);
  EXPECT_EQ(page_map.find(&page_map), nullptr);
}

TEST_F(PageMapTest, FindsPagesFarFromTheWindow) {
  enter_and_remove(kFar, kSliceSize);
  enter_and_remove(kFar + 3 * kSliceSize, 8 * kSliceSize);
  enter_and_remove(kFar + kSpan - 2 * kSliceSize, 5 * kSliceSize);  // across two leaves
  EXPECT_EQ(map_->find_near(at(kFar)), nullptr);
}

TEST_F(PageMapTest, NeighboursHaveEntriesOfTheirOwn) {
  for (std::uintptr_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(map_->enter(at(kFar + i * kSliceSize), kSliceSize, page_number(i + 1)));
  }
  map_->remove(at(kFar + 4 * kSliceSize), kSliceSize);
  for (std::uintptr_t i = 0; i < 10; ++i) {
    EXPECT_EQ(map_->find(at(kFar + i * kSliceSize + 1234)), i == 4 ? nullptr : page_number(i + 1));
  }
}

TEST_F(PageMapTest, FindsPagesAtTheEndsOfTheWindow) {
  enter_and_remove(window_end() - kSliceSize, kSliceSize);
  enter_and_remove(window_end() - 5 * kSliceSize, 5 * kSliceSize);
  enter_and_remove(window_end(), kSliceSize);
  enter_and_remove(window_begin() - kSliceSize, kSliceSize);
}

TEST_F(PageMapTest, TheFastLookUpKnowsAllOfTheWindow) {
  const std::uintptr_t last = window_end() - kSliceSize;
  ASSERT_TRUE(map_->enter(at(last), kSliceSize, page_number(3)));
  EXPECT_EQ(map_->find_near(at(last)), page_number(3));
  EXPECT_EQ(map_->find_near(at(last + kSliceSize - 1)), page_number(3));
  EXPECT_EQ(map_->find_near(at(last + kSliceSize)), nullptr);
  map_->remove(at(last), kSliceSize);
  EXPECT_EQ(map_->find_near(at(last)), nullptr);
}

TEST_F(PageMapTest, FindsRangesAcrossTheEndOfTheWindow) {
  enter_and_remove(window_end() - 3 * kSliceSize, 7 * kSliceSize);
  enter_and_remove(window_end() - kSpan / 2, kSpan);
}

TEST_F(PageMapTest, FindsRangesOfMoreThanASpanAcrossTheEndOfTheWindow) {
  // At least one whole span lies inside the window, and one outside.
  const std::uintptr_t start = align_down(window_end(), kSpan) - 2 * kSpan;
  enter_and_remove(start, 5 * kSpan);
}

TEST_F(PageMapTest, FindsRangesOfWholeSpans) {
  enter_and_remove(kFar, kSpan);
  enter_and_remove(kFar, 3 * kSpan);
  enter_and_remove(kFar + 16 * kSliceSize, 3 * kSpan);
  enter_and_remove(kFar - kSliceSize, 2 * kSpan + 2 * kSliceSize);
}

TEST_F(PageMapTest, ASpanThatHadPagesCanBeFilledByOne) {
  enter_and_remove(kFar + 5 * kSliceSize, kSliceSize);  // leaves a leaf behind
  enter_and_remove(kFar, 2 * kSpan);
}

TEST_F(PageMapTest, ASpanThatOnePageFilledCanHoldManyAgain) {
  enter_and_remove(kFar, 2 * kSpan);
  enter_and_remove(kFar + 5 * kSliceSize, kSliceSize);
}

TEST_F(PageMapTest, APageOfWholeSpansCanGiveItsEndBack) {
  Page* const page = page_number(9);
  const std::size_t size = 4 * kSpan;
  const std::size_t kept = kSpan + kSpan / 2;
  ASSERT_TRUE(map_->enter(at(kFar), size, page));
  ASSERT_TRUE(map_->split_before(at(kFar + kept)));
  expect_exactly(kFar, size, page);  // nothing has changed yet
  map_->remove(at(kFar + kept), size - kept);
  expect_exactly(kFar, kept, page);
  // What was given back is free for others.
  EXPECT_TRUE(map_->enter(at(kFar + kept), kSliceSize, page_number(10)));
  EXPECT_EQ(map_->find(at(kFar + kept)), page_number(10));
  EXPECT_EQ(map_->find(at(kFar + kept - 1)), page);
}

TEST_F(PageMapTest, RefusesWhatLiesBeyondTheMapAndEntersNothing) {
  const std::uintptr_t end = std::uintptr_t{1} << 48;
  EXPECT_FALSE(map_->enter(at(end), kSliceSize, page_number(1)));
  EXPECT_FALSE(map_->enter(at(end - 2 * kSliceSize), 4 * kSliceSize, page_number(1)));
  expect_nothing(end - 2 * kSliceSize, 4 * kSliceSize);
}

}  // namespace
}  // namespace ashlar
