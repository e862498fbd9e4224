// Slow calls: what misses its fast path, where the mode is on from the start and where it is
// switched on later. It is never switched off, so each test is a forked child.
#include "heap/slow_calls.h"

#include <gtest/gtest.h>

#include <latch>
#include <thread>
#include <vector>

#include "heap/heap.h"
#include "heap_test_support.h"

namespace ashlar {
namespace {

using namespace heap_test;

bool direct_table_is_empty(const ThreadHeap* part) {
  for (const Page* const page : part->direct) {
    if (page != &empty_page) {
      return false;
    }
  }
  return true;
}

// Whether malloc misses in all parts of the thread, and free in the pages of these blocks.
bool all_is_slow(const std::vector<void*>& blocks) {
  for (const ThreadHeap* part = thread_heap->backing; part != nullptr;
       part = part->next_of_thread) {
    if (!direct_table_is_empty(part)) {
      return false;
    }
  }
  for (const void* const block : blocks) {
    const Page* const page = page_of(block);
    if (!page->is_huge() && is_thread_id(owner_of(page))) {
      return false;
    }
  }
  return true;
}

std::vector<void*> take_some() {
  std::vector<void*> blocks;
  for (std::size_t size = 1; size < 2 * kMediumBlockMax; size += size / 3 + 1) {
    blocks.push_back(take(size));
  }
  return blocks;
}

TEST(SlowCalls, EveryPageMadeAfterwardsIsSlow) {
  EXPECT_TRUE(holds_in_child([] {
    make_calls_slow();
    std::vector<void*> blocks = take_some();
    Heap* const heap = make_heap(nullptr, 0, true);
    blocks.push_back(allocate_plain(heap, 100, Contents::kUnknown));
    return all_is_slow(blocks);
  }));
}

TEST(SlowCalls, PagesOfTheSwitchingThreadAreSlowAtOnce) {
  EXPECT_TRUE(holds_in_child([] {
    Heap* const heap = make_heap(nullptr, 0, true);
    std::vector<void*> blocks = take_pages(48, 3);
    blocks.push_back(take(3000));
    blocks.push_back(allocate_plain(heap, 100, Contents::kUnknown));
    if (all_is_slow(blocks)) {
      return false;
    }
    make_calls_slow();
    return all_is_slow(blocks);
  }));
}

TEST(SlowCalls, AnotherThreadFollowsAtItsNextSlowPath) {
  EXPECT_TRUE(holds_in_child([] {
    std::latch has_blocks{1};
    std::latch switched{1};
    bool fast_before = false;
    bool slow_after = false;
    std::thread other([&] {
      const std::vector<void*> blocks = take_pages(48, 3);
      fast_before = !all_is_slow(blocks);
      has_blocks.count_down();
      switched.wait();
      free_block(take(kMediumBlockMax));
      slow_after = all_is_slow(blocks);
    });
    has_blocks.wait();
    make_calls_slow();
    switched.count_down();
    other.join();
    return fast_before && slow_after;
  }));
}

TEST(SlowCalls, AnAdoptedPageIsSlow) {
  EXPECT_TRUE(holds_in_child([] {
    std::vector<void*> blocks;
    in_thread([&blocks] {
      blocks = take_pages(700, 2);
      for (std::size_t i = 0; i < blocks.size(); i += 2) {
        free_block(blocks[i]);
        blocks[i] = nullptr;
      }
    });
    make_calls_slow();
    for (void* const block : blocks) {
      if (block != nullptr) {
        free_block(block);  // the first into each page takes it over
      }
    }
    return all_is_slow({take(700)});
  }));
}

// Blocks come and go as ever: the free that fills a page again, remote frees, resizing.
TEST(SlowCalls, BlocksComeAndGoAsEver) {
  EXPECT_TRUE(holds_in_child([] {
    make_calls_slow();
    for (int round = 0; round < 3; ++round) {
      std::vector<void*> blocks = take_pages(128, 4);
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        blocks[i] = reallocate_fast(blocks[i], i % 3 == 0 ? 100 : 300);
        *static_cast<std::size_t*>(blocks[i]) = i;
      }
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (*static_cast<std::size_t*>(blocks[i]) != i) {
          return false;
        }
      }
      in_thread([&blocks] { free_all(blocks); });
    }
    return true;
  }));
}

}  // namespace
}  // namespace ashlar
