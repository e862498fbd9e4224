// What becomes of the pages of threads that end: they are found again, taken over by whoever
// frees into them, and given back when they are empty.
#include "heap/orphans.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

#include "heap_test_support.h"

namespace ashlar {
namespace {

using namespace heap_test;

// Sizes that the test program itself does not use, so that the pages are the tests' own.
constexpr std::size_t kOrphanSize = 7 * kKiB;
constexpr std::size_t kMediumSize = kMediumBlockMax - 4 * kKiB;

TEST(Orphans, TheLastFreeIntoAnOrphanGivesItBack) {
  const std::int64_t before = pages_in_use();
  std::vector<void*> blocks;
  in_thread([&] { blocks = take_pages(kOrphanSize, 4); });
  EXPECT_GE(main_realm.stats.orphan_pages.current(), 3);
  EXPECT_GE(pages_in_use(), before + 4);
  free_all(blocks);
  collect(true);  // what this thread took over is empty now, and goes too
  EXPECT_LE(pages_in_use(), before + 1);
}

TEST(Orphans, AThreadInNeedAdoptsThePagesOfOneThatEnded) {
  std::vector<void*> blocks;
  std::set<Page*> pages;
  std::vector<void*> kept;
  in_thread([&] {
    blocks = take_pages(kMediumSize, 3);
    // Half of each page is free when the thread ends, so the pages have room worth looking for.
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (i % 2 == 0) {
        free_block(blocks[i]);
      } else {
        kept.push_back(blocks[i]);
        pages.insert(page_of(blocks[i]));
      }
    }
  });
  for (Page* const page : pages) {
    EXPECT_EQ(owner_of(page) & ~kOwnerFlags, kNoOwner);
    EXPECT_EQ(page->remote.word.load(std::memory_order_relaxed), RemoteWord::kOrphan);
  }
  const std::int64_t adopted = main_realm.stats.adopted_pages.total();
  std::vector<void*> more;
  in_thread([&] {
    std::set<Page*> used;
    for (std::size_t i = 0; i < blocks.size() / 2 - 3; ++i) {
      more.push_back(take(kMediumSize));
      used.insert(page_of(more.back()));
    }
    for (Page* const page : used) {
      EXPECT_EQ(pages.count(page), 1u) << "a fresh page, where an orphan had room";
    }
  });
  EXPECT_GE(main_realm.stats.adopted_pages.total(), adopted + 1);
  free_all(more);
  free_all(kept);
}

TEST(Orphans, WhoFreesIntoAnOrphanTakesItOver) {
  std::vector<void*> blocks;
  in_thread([&] { blocks = take_pages(kMediumSize, 2); });
  Page* const page = page_of(blocks[0]);
  const std::int64_t reclaimed = main_realm.stats.reclaimed_pages.total();
  std::vector<void*> others;
  for (void* const block : blocks) {
    if (page_of(block) == page) {
      others.push_back(block);
    }
  }
  ASSERT_GT(others.size(), 2u);
  in_thread([&] {
    free_block(others[0]);
    EXPECT_TRUE(is_thread_id(owner_of(page) & ~kOwnerFlags));
    EXPECT_EQ(main_realm.stats.reclaimed_pages.total(), reclaimed + 1);
    EXPECT_EQ(take(kMediumSize), others[0]) << "and allocates from it";
  });
  EXPECT_EQ(owner_of(page) & ~kOwnerFlags, kNoOwner) << "until it ends itself";
  free_all(blocks);
}

TEST(Orphans, BlocksFreedByOthersBeforeTheOwnerEndsAreNotLost) {
  const std::int64_t before = pages_in_use();
  std::vector<void*> blocks;
  in_thread([&] {
    blocks = take_pages(kMediumSize, 8);
    in_thread([&] { free_all(blocks); });
  });
  collect(true);
  // One page more or less may be the program's own.
  EXPECT_LE(pages_in_use(), before + 1) << "every block was free when the owner ended";
}

TEST(Orphans, ThreadsAllFreeingIntoTheSameOrphansGiveThemAllBack) {
  constexpr std::size_t kThreads = 4;
  const std::int64_t before = pages_in_use();
  for (int round = 0; round < 10; ++round) {
    std::vector<void*> blocks;
    in_thread([&] { blocks = take_pages(kOrphanSize, 20); });
    std::vector<std::thread> threads;
    for (std::size_t id = 0; id < kThreads; ++id) {
      threads.emplace_back([&, id] {
        for (std::size_t i = id; i < blocks.size(); i += kThreads) {
          free_block(blocks[i]);
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  collect(true);
  EXPECT_LE(pages_in_use(), before + 1);
}

// A thread that sleeps with full pages must not keep what others free in them.
TEST(Orphans, FullPagesAreHandedOverInAProcessWithThreads) {
  in_thread([] { note_thread(); });
  ASSERT_TRUE(is_multi_threaded());
  std::vector<void*> blocks = take_pages(kOrphanSize, 12);
  std::set<Page*> full;
  for (void* const block : blocks) {
    Page* const page = page_of(block);
    if (page->remote.word.load(std::memory_order_relaxed) == RemoteWord::kOrphan) {
      full.insert(page);
    }
  }
  EXPECT_GE(full.size(), 6u) << "most pages that this thread filled";
  const std::int64_t before = pages_in_use();
  in_thread([&] {
    for (void* const block : blocks) {
      if (full.count(page_of(block)) == 1) {
        free_block(block);
      }
    }
  });
  EXPECT_LE(pages_in_use(), before - static_cast<std::int64_t>(full.size()) + 1)
      << "given back without any call of the thread that filled them";
  // The rest; what was freed above is not ours any more.
  for (void* const block : blocks) {
    Page* const page = page_of(block);
    if (page != nullptr && full.count(page) == 0) {
      free_block(block);
    }
  }
}

}  // namespace
}  // namespace ashlar
