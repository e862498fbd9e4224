// A page in its owner's hands: making, extending, popping and pushing, against a set of blocks;
// and what it says of addresses and of its contents.
#include "page/page.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include "page/padding.h"
#include "support/touched.h"
#include "test_page.h"

namespace ashlar {
namespace {

TEST(Page, IsMadeEmptyAndUntouched) {
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    TestPage page(block_size_of(c));
    EXPECT_EQ(page->block_size, block_size_of(c));
    EXPECT_EQ(page->size_class, c);
    EXPECT_EQ(page->capacity, 0u);
    EXPECT_TRUE(page->is_empty());
    EXPECT_FALSE(page->has_free());
    EXPECT_FALSE(page->is_huge());
    EXPECT_TRUE(page->can_extend());
    EXPECT_EQ(page->reserved, page_bytes(page.get()) / block_size_of(c));
    EXPECT_EQ(page->room(), page->reserved);
    EXPECT_EQ(page->list, PageList::kNone);
    check_page(page.get());
  }
}

TEST(Page, AHugePageHasOneBlockWhichIsInUse) {
  Page page{};
  alignas(64) static char memory[64];
  make_huge_page(&page, nullptr, memory, {20}, 19 * kSliceSize + 4096, Contents::kZero, nullptr);
  EXPECT_TRUE(page.is_huge());
  EXPECT_EQ(page.used(), 1u);
  EXPECT_EQ(page.capacity, 1u);
  EXPECT_EQ(page.reserved, 1u);
  EXPECT_EQ(page.block_size, 19 * kSliceSize + 4096);
  EXPECT_EQ(owner_of(&page), kNoOwner);
  EXPECT_FALSE(page.can_extend());
  const auto* const inside = reinterpret_cast<const void*>(address_of(memory) + 19 * kSliceSize);
  EXPECT_EQ(block_at(&page, inside), reinterpret_cast<Block*>(memory));
  EXPECT_TRUE(is_block_start(&page, memory));
  EXPECT_FALSE(is_block_start(&page, memory + 16));
}

TEST(Page, GivesEachOfItsBlocksOnceInEverySizeClass) {
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    TestPage page(block_size_of(c));
    std::set<Block*> blocks;
    while (Block* const block = page.allocate()) {
      ASSERT_TRUE(blocks.insert(block).second);
      ASSERT_TRUE(is_block_start(page.get(), block));
      ASSERT_EQ(bytes_between(page->start, block) % block_size_of(c), 0u);
      ASSERT_LE(bytes_between(page->start, block) + block_size_of(c), page_bytes(page.get()));
    }
    EXPECT_EQ(blocks.size(), page->reserved);
    EXPECT_EQ(page->used(), page->reserved);
    EXPECT_EQ(page->room(), 0u);
  }
}

TEST(Page, ExtendsByAboutAnOsPageAndByOneBlockAtLeast) {
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    TestPage page(block_size_of(c));
    while (page->can_extend()) {
      const std::uint32_t before = page->capacity;
      page->free = nullptr;  // as if all were handed out
      page->counts.set_used(before);
      extend_page(page.get());
      const std::uint32_t more = page->capacity - before;
      ASSERT_GE(more, 1u);
      ASSERT_TRUE(more == 1 || more * block_size_of(c) <= kActive.extend_bytes);
      ASSERT_LE(page->capacity, page->reserved);
      ASSERT_TRUE(page.adds_up());
    }
  }
}

TEST(Page, ExtendingTouchesNothingBeyondTheNewCapacity) {
  TestPage page(16);
  extend_page(page.get());
  const auto* bytes = static_cast<const unsigned char*>(page->start);
  for (std::size_t i = page->capacity * 16; i < page_bytes(page.get()); ++i) {
    ASSERT_EQ(bytes[i], 0);
  }
}

// What fresh blocks hold behind their links, and before what stands behind them.
constexpr unsigned char kUnwritten = kActive.fill_blocks ? kFillFreed : 0;
constexpr Contents kFreshContents = kActive.fill_blocks ? Contents::kUnknown : Contents::kZero;

TEST(Page, KnowsWhichBlocksWereNeverWritten) {
  TestPage page(64);
  Block* const first = page.allocate();
  EXPECT_EQ(page->free_contents, kFreshContents);
  for (const Block* block : page.listed()) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(block);
    for (std::size_t i = sizeof(Block); i < 64 - kPadding; ++i) {
      ASSERT_EQ(bytes[i], kUnwritten);
    }
  }
  std::vector<Block*> held{first};
  while (page->has_free()) {
    held.push_back(pop_block(page.get()));
  }
  for (Block* block : held) {
    std::memset(static_cast<void*>(block), 0xFF, 64);
    push_local(page.get(), block);
  }
  use_local_frees(page.get());
  EXPECT_EQ(page->free_contents, Contents::kUnknown) << "used blocks hold their user's bytes";
  while (page->has_free()) {
    pop_block(page.get());
  }
  extend_page(page.get());
  EXPECT_EQ(page->free_contents, kFreshContents) << "fresh blocks are as at first";
}

TEST(Page, BlocksOfUnknownMemoryAreUnknown) {
  TestPage page(64, Contents::kUnknown);
  extend_page(page.get());
  EXPECT_EQ(page->free_contents, Contents::kUnknown);
}

TEST(Page, LocalFreesAreUsedWhenFreeIsEmptyAndNotBefore) {
  TestPage page(1024);
  Block* const block = page.allocate();
  ASSERT_TRUE(page->has_free());
  EXPECT_TRUE(push_local(page.get(), block));
  use_local_frees(page.get());
  EXPECT_EQ(page->local_free, block);
  while (page->has_free()) {
    pop_block(page.get());
  }
  use_local_frees(page.get());
  EXPECT_EQ(page->free, block);
  EXPECT_EQ(page->local_free, nullptr);
}

TEST(Page, FindsTheBlockOfEveryAddress) {
  for (const std::size_t size : {8u, 16u, 48u, 160u, 8192u, 10240u}) {
    TestPage page(size);
    while (page->can_extend()) {
      page->free = nullptr;
      page->counts.set_used(page->capacity);
      extend_page(page.get());
    }
    auto* const start = static_cast<char*>(page->start);
    for (std::size_t offset = 0; offset < page->capacity * size; offset += 5) {
      ASSERT_EQ(bytes_between(start, block_at(page.get(), start + offset)), offset / size * size);
      ASSERT_EQ(is_block_start(page.get(), start + offset), offset % size == 0);
    }
  }
}

TEST(Page, WhatWasNeverHandedOutIsNoBlock) {
  TestPage page(4096);
  extend_page(page.get());
  auto* const start = static_cast<char*>(page->start);
  EXPECT_TRUE(is_block_start(page.get(), start));
  EXPECT_FALSE(is_block_start(page.get(), start + page->capacity * 4096));
}

TEST(Page, SeesADoubleFreeInEitherList) {
  TestPage page(512);
  Block* const first = page.allocate();
  Block* const second = page.allocate();
  EXPECT_FALSE(is_in_free_lists(page.get(), first));
  push_local(page.get(), first);
  EXPECT_TRUE(is_in_free_lists(page.get(), first));
  EXPECT_FALSE(is_in_free_lists(page.get(), second));
  EXPECT_TRUE(is_in_free_lists(page.get(), page->free));
}

TEST(Page, ACorruptedListDoesNotLeadTheDoubleFreeCheckAstray) {
  TestPage page(512);
  Block* const first = page.allocate();
  Block* const second = page.allocate();
  Block* const held = page.allocate();
  push_local(page.get(), first);
  push_local(page.get(), second);
  first->code = 0x4141'4141'4141'4141;  // a write after free
  EXPECT_FALSE(is_in_free_lists(page.get(), held));
  PageLinks::set_next(first, second, page->keys);  // round and round
  EXPECT_FALSE(is_in_free_lists(page.get(), held));
}

// malloc and free of one thread, against the set of blocks that it holds.
RC_GTEST_PROP(PageModel, BlocksAreHandedOutOnceAndCountedRight, ()) {
  const auto size = *rc::gen::element<std::size_t>(8, 16, 64, 1024, 8192, 9000, kMediumBlockMax);
  TestPage page(size);
  std::vector<Block*> held;
  const auto steps =
      *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::arbitrary<std::uint32_t>());
  for (const std::uint32_t step : steps) {
    if (step % 8 < 5) {
      for (std::uint32_t i = step / 8 % 40; i != 0; --i) {
        Block* const block = page.allocate();
        RC_ASSERT((block == nullptr) == (held.size() == page->reserved));
        if (block != nullptr) {
          RC_ASSERT(std::find(held.begin(), held.end(), block) == held.end());
          held.push_back(block);
        }
      }
    } else {
      for (std::uint32_t i = step / 8 % 40; i != 0 && !held.empty(); --i) {
        const std::size_t which = (step / 64) % held.size();
        RC_ASSERT(push_local(page.get(), held[which]) == (held.size() == 1));
        held[which] = held.back();
        held.pop_back();
      }
    }
    RC_ASSERT(page->used() == held.size());
    const std::set<const Block*> listed = page.listed();
    RC_ASSERT(page->used() + listed.size() == page->capacity);
    for (Block* block : held) {
      RC_ASSERT(listed.count(block) == 0u);
    }
    check_page(page.get());
  }
}

#if defined(ASHLAR_PROFILE_DEBUG)
TEST(PageDeathTest, TheCheckSeesALawThatIsBroken) {
  TestPage page(64);
  page.allocate();
  page->counts.set_used(page->used() + 1);
  EXPECT_DEATH(check_page(page.get()),
               "used \\+ free \\+ local free \\+ lost \\+ withdrawn = capacity");
  page->counts.set_used(page->used() - 1);
  page->free->code = 0x4141'4141'4141'4141;
  EXPECT_DEATH(check_page(page.get()), "a free list leaves its page");
}
#endif

// What the hard limit forbids leaves the page as it was, and possible later.
TEST(Page, AnExtensionThatIsRefusedChangesNothing) {
  TestPage page(1024);
  Block* const block = page.allocate();
  ASSERT_NE(block, nullptr);
  while (page->has_free()) {
    ASSERT_NE(page.allocate(), nullptr);
  }
  const std::uint32_t capacity = page->capacity;
  const std::size_t now = touched_bytes.now();
  touched_bytes.set_hard(now);
  EXPECT_FALSE(extend_page(page.get()));
  EXPECT_FALSE(page->has_free());
  EXPECT_EQ(page->capacity, capacity);
  EXPECT_TRUE(page->can_extend());
  EXPECT_EQ(touched_bytes.now(), now);
  touched_bytes.set_hard(0);
  EXPECT_TRUE(extend_page(page.get()));
  EXPECT_TRUE(page->has_free());
  EXPECT_GT(touched_bytes.now(), now);
}

bool populates() {
  void* const memory = Linux::reserve(nullptr, kSliceSize, kSliceSize, Access::kReadWrite);
  const bool done = Linux::populate(memory, kSliceSize);
  Linux::release(memory, kSliceSize);
  return done;
}

// What the next blocks need is put in place with the first, and is counted once.
TEST(Page, OsPagesAreThereBeforeTheirBlocksAreNeeded) {
  TestPage page(64);
  const std::size_t before = touched_bytes.now();
  ASSERT_TRUE(extend_page(page.get(), 3));
  EXPECT_EQ(touched_bytes.now() - before, 4 * Linux::page_size());
  EXPECT_EQ(page.resident_os_pages(), populates() ? 4U : 1U);
  while (page->capacity * page->block_size < 4 * Linux::page_size()) {
    Block* const block = page.allocate();
    ASSERT_NE(block, nullptr);
    for (std::size_t i = kWordSize; i < 64 - kPadding; ++i) {
      ASSERT_EQ(reinterpret_cast<unsigned char*>(block)[i], kUnwritten);
    }
  }
  EXPECT_EQ(touched_bytes.now() - before, 4 * Linux::page_size());
}

TEST(Page, NoMoreOsPagesThanThePageHas) {
  TestPage page(64);
  ASSERT_TRUE(extend_page(page.get(), 1000));
  EXPECT_EQ(page->touched[0], kTouchedUnitsOfSlice);
  TestPage medium(kMediumBlockMax);
  const std::size_t before = touched_bytes.now();
  ASSERT_TRUE(extend_page(medium.get(), 1000));
  EXPECT_EQ(touched_bytes.now() - before, medium->block_size) << "only small pages prepare";
}

TEST(Page, NothingIsPreparedWhereMemoryIsLimited) {
  TestPage page(64);
  const std::size_t before = touched_bytes.now();
  touched_bytes.set_limited(true);
  const bool extended = extend_page(page.get(), 8);
  touched_bytes.set_limited(false);
  ASSERT_TRUE(extended);
  EXPECT_EQ(touched_bytes.now() - before, Linux::page_size());
}

// A page that takes a slice over which was touched already counts what lies beyond.
TEST(Page, OnlyWhatWasNotTouchedBeforeIsCounted) {
  TestPage page(64);
  const std::size_t empty = touched_bytes.now();
  touched_bytes.add(2 * Linux::page_size());
  page->touched[0] = touched_units(2 * Linux::page_size(), Linux::page_size());
  const std::size_t before = touched_bytes.now();
  while (page->capacity * page->block_size <= 2 * Linux::page_size()) {
    ASSERT_NE(page.allocate(), nullptr);
  }
  EXPECT_LE(touched_bytes.now() - before, Linux::page_size());
  EXPECT_GT(touched_bytes.now(), before);
  leave_touched(page.get());
  EXPECT_EQ(touched_bytes.now(), empty);
}

}  // namespace
}  // namespace ashlar
