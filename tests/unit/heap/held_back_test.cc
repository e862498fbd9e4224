// Blocks that are held back: in use for their pages until there are too many bytes of them, or they
// are asked back.
#include "heap/held_back.h"

#include <gtest/gtest.h>

#include <vector>

#include "heap/heap.h"
#include "heap_test_support.h"
#include "support/options.h"

namespace ashlar {
namespace {

using namespace heap_test;

class HeldBack : public testing::Test {
 protected:
  ~HeldBack() override {
    give_back_held(nullptr);
    option_set(Option::kToolHeldBack, kDefault);
  }

  // In KiB.
  static void limit_to(long size) { option_set(Option::kToolHeldBack, size); }

  static void hold(void* block) { hold_back(page_of(block), static_cast<Block*>(block)); }

  const long kDefault = option_get(Option::kToolHeldBack);
};

TEST_F(HeldBack, ABlockStaysInUseUntilItIsAskedBack) {
  Heap* const heap = make_heap(nullptr, 0, true);
  void* const block = allocate_plain(heap, 5000, Contents::kUnknown);
  const Page* const page = page_of(block);
  EXPECT_EQ(page_of(allocate_plain(heap, 5000, Contents::kUnknown)), page);
  const std::uint32_t before = page->used();
  hold(block);
  EXPECT_EQ(page->used(), before);
  give_back_held(nullptr);
  EXPECT_EQ(page->used(), before - 1);
  destroy_heap(heap);
}

TEST_F(HeldBack, TheLongestHeldGoesFirstWhereTheyAreTooMany) {
  limit_to(20);
  Heap* const heap = make_heap(nullptr, 0, true);
  std::vector<void*> blocks;
  for (int i = 0; i < 5; ++i) {
    blocks.push_back(allocate_plain(heap, 7000, Contents::kUnknown));  // of 7 KiB, in one page
  }
  const Page* const page = page_of(blocks[0]);
  const std::uint32_t before = page->used();
  hold(blocks[0]);
  hold(blocks[1]);
  EXPECT_EQ(page->used(), before);
  hold(blocks[2]);
  EXPECT_EQ(page->used(), before - 1);
  hold(blocks[3]);
  EXPECT_EQ(page->used(), before - 2);
  // Two are held and three would be too many: what is larger than all goes at once, after them.
  void* const large = take(100000);
  const std::int64_t pages = pages_in_use();
  hold(large);
  EXPECT_EQ(page->used(), before - 4);
  EXPECT_EQ(pages_in_use(), pages - 1);
  destroy_heap(heap);
}

TEST_F(HeldBack, BlocksOfAHeapGoAlone) {
  Heap* const heap = make_heap(nullptr, 0, true);
  void* const ours = allocate_plain(heap, 5000, Contents::kUnknown);
  void* const kept = allocate_plain(heap, 5000, Contents::kUnknown);
  void* const others = take(5000);
  const std::uint32_t before = page_of(kept)->used();
  const std::uint32_t others_before = page_of(others)->used();
  hold(others);
  hold(ours);
  give_back_held(heap);
  EXPECT_EQ(page_of(kept)->used(), before - 1);
  EXPECT_EQ(page_of(others)->used(), others_before);
  destroy_heap(heap);
}

}  // namespace
}  // namespace ashlar
