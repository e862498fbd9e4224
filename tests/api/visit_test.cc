// Visiting a heap: every live block once, whoever allocated it and whoever freed its neighbours,
// and areas that agree with the blocks in them.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>
#include <vector>

#include "api_test_support.h"

namespace {

using namespace api_test;

// What a visitor saw. In libc's or the main heap's memory, never in the visited one.
struct SeenInHeap {
  struct Area {
    mi_heap_area_t area;
    std::size_t blocks = 0;
  };
  const mi_heap_t* heap = nullptr;
  std::map<void*, Area> areas;
  std::map<void*, std::size_t> blocks;  // with the size that was told
  std::size_t calls = 0;
  std::size_t calls_allowed = SIZE_MAX;
  bool wrong = false;
};

bool see_in_heap(const mi_heap_t* heap, const mi_heap_area_t* area, void* block,
                 std::size_t block_size, void* arg) {
  auto& seen = *static_cast<SeenInHeap*>(arg);
  ++seen.calls;
  seen.wrong = seen.wrong || heap != seen.heap || block_size != area->block_size;
  if (block == nullptr) {
    seen.wrong = seen.wrong || !seen.areas.insert({area->blocks, {*area, 0}}).second;
  } else {
    const auto found = seen.areas.find(area->blocks);
    const auto offset = static_cast<char*>(block) - static_cast<char*>(area->blocks);
    seen.wrong = seen.wrong || found == seen.areas.end() || offset < 0 ||
                 static_cast<std::size_t>(offset) + block_size > area->committed ||
                 static_cast<std::size_t>(offset) % area->full_block_size != 0 ||
                 !seen.blocks.insert({block, block_size}).second;
    if (found != seen.areas.end()) ++found->second.blocks;
  }
  return seen.calls < seen.calls_allowed;
}

class Visit : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(heap_, nullptr); }
  void TearDown() override { mi_heap_destroy(heap_); }

  SeenInHeap look(bool blocks = true) const {
    SeenInHeap seen;
    seen.heap = heap_;
    EXPECT_TRUE(mi_heap_visit_blocks(heap_, blocks, see_in_heap, &seen));
    EXPECT_FALSE(seen.wrong);
    return seen;
  }

  // That the heap holds these blocks and no other.
  void expect_exactly(const std::map<void*, std::size_t>& live) const {
    const SeenInHeap seen = look();
    EXPECT_EQ(seen.blocks.size(), live.size());
    for (const auto& [block, size] : live) {
      const auto found = seen.blocks.find(block);
      ASSERT_NE(found, seen.blocks.end()) << block << " of " << size;
      EXPECT_GE(found->second, size);
      // Where blocks are padded, no more is usable than was asked for.
      EXPECT_TRUE(found->second == mi_usable_size(block) ||
                  (kPadding != 0 && found->second == mi_good_size(size)));
    }
    for (const auto& [start, area] : seen.areas) {
      EXPECT_EQ(area.area.used, area.blocks) << start;
      EXPECT_LE(area.area.committed, area.area.reserved) << start;
    }
  }

  mi_heap_t* const heap_ = mi_heap_new();
};

TEST_F(Visit, AFreshHeapIsEmpty) {
  const SeenInHeap seen = look();
  EXPECT_TRUE(seen.blocks.empty());
  EXPECT_TRUE(seen.areas.empty());
}

TEST_F(Visit, BlocksOfEverySizeAreSeenOnce) {
  std::map<void*, std::size_t> live;
  for (const std::size_t size : border_sizes(96 * kMiB)) {
    void* const block = mi_heap_malloc(heap_, size);
    ASSERT_NE(block, nullptr);
    live[block] = size;
  }
  expect_exactly(live);
}

TEST_F(Visit, FreedBlocksAreNotSeen) {
  std::map<void*, std::size_t> live;
  std::vector<void*> all;
  for (std::size_t i = 0; i < 30000; ++i) {
    const std::size_t size = i * 37 % 3000 + 1;
    all.push_back(mi_heap_malloc(heap_, size));
    live[all.back()] = size;
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % 3 != 0) {
      live.erase(all[i]);
      mi_free(all[i]);
    }
  }
  expect_exactly(live);
  // And some of them taken again.
  for (std::size_t i = 0; i < 5000; ++i) live[mi_heap_malloc(heap_, 100)] = 100;
  expect_exactly(live);
}

TEST_F(Visit, ThreadsThatRunAndThatEndedHaveTheirBlocksSeen) {
  std::map<void*, std::size_t> live;
  for (std::size_t t = 0; t < 4; ++t) {
    std::thread([&] {
      for (std::size_t i = 0; i < 2000; ++i) {
        const std::size_t size = i * 13 % 2000 + 1;
        live[mi_heap_malloc(heap_, size)] = size;
      }
    }).join();
  }
  for (std::size_t i = 0; i < 2000; ++i) live[mi_heap_malloc(heap_, 50)] = 50;
  expect_exactly(live);
}

TEST_F(Visit, WhatOtherThreadsFreedIsNotSeen) {
  std::map<void*, std::size_t> live;
  std::vector<void*> freed;
  for (std::size_t i = 0; i < 20000; ++i) {
    const std::size_t size = i * 7 % 1000 + 1;
    void* const block = mi_heap_malloc(heap_, size);
    if (i % 2 == 0) {
      freed.push_back(block);
    } else {
      live[block] = size;
    }
  }
  std::thread([&] {
    for (void* const block : freed) mi_free(block);
  }).join();
  expect_exactly(live);
}

TEST_F(Visit, AreasAloneHaveNoBlocks) {
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_NE(mi_heap_malloc(heap_, 1000), nullptr);
  const SeenInHeap seen = look(false);
  EXPECT_TRUE(seen.blocks.empty());
  std::size_t used = 0;
  for (const auto& [start, area] : seen.areas) used += area.area.used;
  EXPECT_EQ(used, 1000U);
  EXPECT_EQ(seen.calls, seen.areas.size());
}

TEST_F(Visit, EndsWhenTheVisitorSaysSo) {
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_NE(mi_heap_malloc(heap_, 1000), nullptr);
  ASSERT_NE(mi_heap_zalloc(heap_, 64 * kMiB), nullptr);
  for (const std::size_t calls : {std::size_t{1}, std::size_t{2}, std::size_t{500}}) {
    SeenInHeap seen;
    seen.heap = heap_;
    seen.calls_allowed = calls;
    EXPECT_FALSE(mi_heap_visit_blocks(heap_, true, see_in_heap, &seen));
    EXPECT_EQ(seen.calls, calls);
  }
}

TEST_F(Visit, TheVisitorMayFreeWhatItIsShown) {
  for (std::size_t i = 0; i < 20000; ++i) {
    ASSERT_NE(mi_heap_malloc(heap_, i * 11 % 5000 + 1), nullptr);
  }
  ASSERT_NE(mi_heap_zalloc(heap_, 64 * kMiB), nullptr);
  std::size_t shown = 0;
  EXPECT_TRUE(mi_heap_visit_blocks(
      heap_, true,
      [](const mi_heap_t*, const mi_heap_area_t*, void* block, std::size_t, void* arg) {
        if (block != nullptr) {
          ++*static_cast<std::size_t*>(arg);
          mi_free(block);
        }
        return true;
      },
      &shown));
  EXPECT_EQ(shown, 20001U);
  expect_exactly({});
}

TEST_F(Visit, AlignedBlocksAreSeenByTheirStart) {
  void* const aligned = mi_heap_malloc_aligned(heap_, 100, 4096);
  ASSERT_NE(aligned, nullptr);
  const SeenInHeap seen = look();
  ASSERT_EQ(seen.blocks.size(), 1U);
  const auto [start, size] = *seen.blocks.begin();
  EXPECT_LE(start, aligned);
  EXPECT_GE(static_cast<char*>(start) + size, static_cast<char*>(aligned) + 100);
}

TEST_F(Visit, OtherHeapsAreNotSeen) {
  mi_heap_t* const other = mi_heap_new();
  ASSERT_NE(mi_heap_malloc(other, 100), nullptr);
  void* const own = mi_heap_malloc(heap_, 100);
  expect_exactly({{own, 100}});
  mi_heap_destroy(other);
}

TEST_F(Visit, BlocksOfADeletedHeapAreTheMainHeaps) {
  mi_heap_t* const deleted = mi_heap_new();
  void* const small = mi_heap_malloc(deleted, 100);
  void* const huge = mi_heap_zalloc(deleted, 64 * kMiB);
  mi_heap_delete(deleted);
  struct Search {
    void* wanted[2];
    int found;
  } search = {{small, huge}, 0};
  EXPECT_TRUE(mi_heap_visit_blocks(
      mi_heap_main(), true,
      [](const mi_heap_t*, const mi_heap_area_t*, void* block, std::size_t, void* arg) {
        auto& it = *static_cast<Search*>(arg);
        it.found += block == it.wanted[0] || block == it.wanted[1] ? 1 : 0;
        return true;
      },
      &search));
  EXPECT_EQ(search.found, 2);
  mi_free(small);
  mi_free(huge);
}

TEST_F(Visit, NothingToVisitOrNobodyToSeeItIsNo) {
  SeenInHeap seen;
  EXPECT_FALSE(mi_heap_visit_blocks(nullptr, true, see_in_heap, &seen));
  EXPECT_FALSE(mi_heap_visit_blocks(heap_, true, nullptr, nullptr));
  EXPECT_EQ(seen.calls, 0U);
}

}  // namespace
