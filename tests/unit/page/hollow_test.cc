// Hollow pages: which OS pages go back, what becomes of their blocks, and that all of it is undone
// where the system refuses.
#include "page/hollow.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <vector>

#include "test_page.h"

namespace ashlar {
namespace {

std::size_t os_page() { return Linux::page_size(); }

// All blocks that the page can give, each filled with a pattern of its own.
std::vector<Block*> take_all(TestPage& page) {
  std::vector<Block*> blocks;
  while (Block* const block = page.allocate()) blocks.push_back(block);
  std::sort(blocks.begin(), blocks.end());  // some profiles hand them out in random order
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    __builtin_memset(blocks[i], static_cast<int>(i % 251 + 1), page->block_size);
  }
  return blocks;
}

void free_all_but_first(TestPage& page, const std::vector<Block*>& blocks) {
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    push_local(page.get(), blocks[i]);
  }
}

bool holds_pattern(const Page* page, const Block* block, std::size_t number) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(block);
  for (std::size_t i = 0; i < page->block_size; ++i) {
    if (bytes[i] != number % 251 + 1) {
      return false;
    }
  }
  return true;
}

// Has the system refuse to give an OS page back: locked memory stays. Sanitizers turn mlock() off.
class LockedOsPage {
 public:
  explicit LockedOsPage(void* start) : start_(start) {
    EXPECT_EQ(syscall(SYS_mlock, start_, os_page()), 0);
  }
  ~LockedOsPage() { EXPECT_EQ(syscall(SYS_munlock, start_, os_page()), 0); }
  LockedOsPage(const LockedOsPage&) = delete;
  LockedOsPage& operator=(const LockedOsPage&) = delete;

 private:
  void* const start_;
};

TEST(Hollow, GivesBackTheOsPagesWithoutABlockInUse) {
  TestPage page(256);
  std::vector<Block*> blocks = take_all(page);
  const std::size_t in_os_page = os_page() / 256;
  // One block stays in the first OS page, all in the last; between them is nothing.
  for (std::size_t i = 1; i < blocks.size() - in_os_page; ++i) {
    push_local(page.get(), blocks[i]);
  }
  const std::size_t touched = touched_bytes.now();
  const std::size_t given = page_bytes(page.get()) - 2 * os_page();
  EXPECT_EQ(hollow_page(page.get()), given);
  EXPECT_EQ(touched - touched_bytes.now(), given);
  EXPECT_EQ(page.resident_os_pages(), 2u);
  EXPECT_EQ(page->withdrawn, given / 256);
  EXPECT_EQ(page->withdrawn, withdrawn_blocks(page.get()));
  EXPECT_EQ(page.listed().size(), in_os_page - 1);
  EXPECT_TRUE(holds_pattern(page.get(), blocks[0], 0));
  EXPECT_TRUE(is_withdrawn(page.get(), blocks[in_os_page]));
  EXPECT_FALSE(is_withdrawn(page.get(), blocks[1]));
  EXPECT_TRUE(page->can_extend());
  EXPECT_EQ(hollow_page(page.get()), 0u) << "there is nothing left";
  check_page(page.get());
}

TEST(Hollow, BlocksComeBackOnceEach) {
  TestPage page(256);
  const std::vector<Block*> blocks = take_all(page);
  std::vector<bool> held(blocks.size(), false);
  held[0] = true;
  const std::size_t touched = touched_bytes.now();
  free_all_but_first(page, blocks);
  ASSERT_NE(hollow_page(page.get()), 0u);
  while (const Block* const block = page.allocate()) {
    const std::size_t index = bytes_between(page->start, block) / page->block_size;
    EXPECT_FALSE(held[index]);
    held[index] = true;
    check_page(page.get());
  }
  EXPECT_EQ(std::count(held.begin(), held.end(), true), static_cast<int>(blocks.size()));
  EXPECT_EQ(page->hollow, 0u);
  EXPECT_EQ(touched_bytes.now(), touched);
}

// What comes back costs one OS page at a time.
TEST(Hollow, IsFilledAsItIsNeeded) {
  TestPage page(64);
  const std::vector<Block*> blocks = take_all(page);
  free_all_but_first(page, blocks);
  hollow_page(page.get());
  const std::size_t touched = touched_bytes.now();
  // The rest of the first OS page, then a block of the second.
  for (std::size_t i = 0; i < os_page() / 64; ++i) {
    ASSERT_NE(page.allocate(), nullptr);
  }
  EXPECT_EQ(touched_bytes.now() - touched, os_page());
}

// A page is not hollow where capacity ends, since further blocks will lie in that OS page.
TEST(Hollow, LeavesTheOsPageThatCapacityEndsIn) {
  TestPage page(96);
  Block* const block = page.allocate();
  page.allocate();
  push_local(page.get(), block);
  ASSERT_NE(page->capacity * page->block_size % os_page(), 0u);
  EXPECT_EQ(hollow_page(page.get()), 0u);
  EXPECT_TRUE(page.adds_up());
}

TEST(Hollow, ARefusalLeavesTheBlocksInTheLists) {
  TestPage page(1024);
  const std::vector<Block*> blocks = take_all(page);
  free_all_but_first(page, blocks);
  const std::size_t touched = touched_bytes.now();
  {
    const LockedOsPage locked(at_offset(page->start, 8 * os_page()));
    EXPECT_EQ(hollow_page(page.get()), 0u);
  }
  EXPECT_EQ(touched_bytes.now(), touched);
  EXPECT_EQ(page->hollow, 0u);
  EXPECT_EQ(page->withdrawn, 0u);
  EXPECT_TRUE(page.adds_up());
  EXPECT_EQ(page.listed().size(), blocks.size() - 1);
}

// One run of OS pages goes back, the next is refused.
TEST(Hollow, ARefusalOfSomeLeavesThoseInTheLists) {
  TestPage page(1024);
  const std::vector<Block*> blocks = take_all(page);
  const std::size_t in_os_page = os_page() / 1024;
  const std::size_t kept = 4 * in_os_page;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i != kept) {
      push_local(page.get(), blocks[i]);
    }
  }
  {
    const LockedOsPage locked(at_offset(page->start, 8 * os_page()));
    EXPECT_EQ(hollow_page(page.get()), 4 * os_page());
  }
  EXPECT_EQ(page->withdrawn, 4 * in_os_page);
  EXPECT_TRUE(page.adds_up());
  check_page(page.get());
  EXPECT_EQ(hollow_page(page.get()), page_bytes(page.get()) - 5 * os_page());
}

TEST(Hollow, TheHardLimitForbidsFilling) {
  TestPage page(512);
  const std::vector<Block*> blocks = take_all(page);
  free_all_but_first(page, blocks);
  hollow_page(page.get());
  while (page->has_free() || page->local_free != nullptr) {
    page.allocate();
  }
  const OsPages hollow = page->hollow;
  touched_bytes.set_hard(touched_bytes.now());
  EXPECT_FALSE(extend_page(page.get()));
  EXPECT_EQ(page->hollow, hollow);
  EXPECT_FALSE(page->has_free());
  touched_bytes.set_hard(0);
  EXPECT_TRUE(extend_page(page.get()));
  EXPECT_TRUE(page->has_free());
}

// A list that a program has written to is followed no further than the page.
TEST(Hollow, ACorruptedListIsLeftAlone) {
  TestPage page(256);
  const std::vector<Block*> blocks = take_all(page);
  free_all_but_first(page, blocks);
  PageLinks::set_next(blocks[40], blocks[60], page->keys);  // round for ever
  EXPECT_EQ(hollow_page(page.get()), 0u);
  PageLinks::set_next(blocks[40], reinterpret_cast<Block*>(std::uintptr_t{4096}), page->keys);
  EXPECT_EQ(hollow_page(page.get()), 0u);
}

// What is withdrawn is free: freeing it again is a double free, and a fork loses it like the rest.
TEST(Hollow, WithdrawnBlocksAreFree) {
  TestPage page(256);
  const std::vector<Block*> blocks = take_all(page);
  free_all_but_first(page, blocks);
  hollow_page(page.get());
  EXPECT_TRUE(is_in_free_lists(page.get(), blocks[100]));
  EXPECT_FALSE(is_in_free_lists(page.get(), blocks[0]));
  drop_lists(page.get());
  EXPECT_EQ(page->used(), 1u);
  EXPECT_EQ(page->lost, page->capacity - 1);
  EXPECT_EQ(page->withdrawn, 0u);
  EXPECT_EQ(page->hollow, 0u);
  check_page(page.get());
}

// Any blocks of any size, in any order: what is in use keeps its contents, and the counts add up.
RC_GTEST_PROP(HollowModel, BlocksAreNeitherLostNorInvented, ()) {
  const std::size_t size = *rc::gen::element<std::size_t>(8, 16, 48, 112, 320, 1024, 1280, 3072,
                                                          4096, 5120, 8192, 10240, 24576, 32768);
  TestPage page(size);
  struct Live {
    Block* block;
    std::size_t number;
  };
  std::vector<Live> live;
  std::size_t next = 0;
  for (Block* const block : take_all(page)) {
    live.push_back({block, next++});
  }
  const std::size_t all = live.size();
  for (int round = 0; round < 4; ++round) {
    const auto kept = *rc::gen::inRange<std::size_t>(0, live.size() + 1);
    while (live.size() > kept) {
      const auto at = *rc::gen::inRange<std::size_t>(0, live.size());
      // In stretches, or OS pages would hardly ever be without a block.
      const std::size_t most = std::min(live.size() - kept, live.size() - at);
      const std::size_t count = std::min<std::size_t>(most, 1 + all / 16);
      const auto first = live.begin() + static_cast<std::ptrdiff_t>(at);
      const auto last = first + static_cast<std::ptrdiff_t>(count);
      std::for_each(first, last, [&](const Live& each) { push_local(page.get(), each.block); });
      live.erase(first, last);
    }
    hollow_page(page.get());
    check_page(page.get());
    RC_ASSERT(page.adds_up());
    RC_ASSERT(page->withdrawn == withdrawn_blocks(page.get()));
    for (const Live& each : live) {
      RC_ASSERT(!is_withdrawn(page.get(), each.block));
      RC_ASSERT(holds_pattern(page.get(), each.block, each.number));
    }
    const auto wanted = *rc::gen::inRange<std::size_t>(live.size(), all + 1);
    std::set<const Block*> held;
    for (const Live& each : live) {
      held.insert(each.block);
    }
    while (live.size() < wanted) {
      Block* const block = page.allocate();
      RC_ASSERT(block != nullptr);
      RC_ASSERT(held.insert(block).second);
      __builtin_memset(block, static_cast<int>(next % 251 + 1), size);
      live.push_back({block, next++});
    }
    RC_ASSERT(page.adds_up());
  }
}

}  // namespace
}  // namespace ashlar
