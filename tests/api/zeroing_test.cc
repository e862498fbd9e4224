// rezalloc and recalloc: every byte that was not there before is zero, whatever the memory held
// for its earlier owner.
#include <gtest/gtest.h>

#include "api_test_support.h"

namespace {

using namespace api_test;

// Grows a zero-allocated block step by step, with dirty blocks of the next size waiting to be
// reused, writing only below the size asked for.
template <class Allocate, class Resize>
void grow_and_check(Allocate allocate, Resize resize, std::size_t limit) {
  std::size_t size = 1;
  void* p = opaque(allocate(size));
  ASSERT_NE(p, nullptr);
  ASSERT_EQ(first_nonzero(p, 0, size), size);
  fill(p, 0, size, 7);
  while (size < limit) {
    const std::size_t next = size + 1 + size / 5;
    leave_dirty_blocks(next, 2);
    p = opaque(resize(p, next));
    ASSERT_NE(p, nullptr);
    ASSERT_EQ(first_difference(p, 0, size, 7), size) << size << " -> " << next;
    ASSERT_EQ(first_nonzero(p, size, next), next) << size << " -> " << next;
    fill(p, size, next, 7);
    size = next;
  }
  mi_free(p);
}

TEST(Zeroing, RezallocClearsWhatIsNew) {
  grow_and_check([](std::size_t n) { return mi_zalloc(n); },
                 [](void* p, std::size_t n) { return mi_rezalloc(p, n); }, 3 * kMiB);
}

TEST(Zeroing, RecallocClearsWhatIsNew) {
  grow_and_check([](std::size_t n) { return mi_calloc(n, 1); },
                 [](void* p, std::size_t n) { return mi_recalloc(p, n, 1); }, 3 * kMiB);
}

TEST(Zeroing, RezallocAlignedClearsWhatIsNew) {
  grow_and_check([](std::size_t n) { return mi_zalloc_aligned(n, 64); },
                 [](void* p, std::size_t n) { return mi_rezalloc_aligned(p, n, 64); }, kMiB);
}

TEST(Zeroing, RecallocAlignedClearsWhatIsNew) {
  grow_and_check([](std::size_t n) { return mi_calloc_aligned(n, 1, 256); },
                 [](void* p, std::size_t n) { return mi_recalloc_aligned(p, n, 1, 256); }, kMiB);
}

TEST(Zeroing, AlignedRecallocClearsWhatIsNew) {
  grow_and_check([](std::size_t n) { return mi_calloc_aligned(1, n, 32); },
                 [](void* p, std::size_t n) { return mi_aligned_recalloc(p, 1, n, 32); }, kMiB);
}

TEST(Zeroing, OffsetFormsClearWhatIsNew) {
  grow_and_check([](std::size_t n) { return mi_zalloc_aligned_at(n, 64, 1); },
                 [](void* p, std::size_t n) { return mi_rezalloc_aligned_at(p, n, 64, 1); }, kMiB);
  grow_and_check([](std::size_t n) { return mi_calloc_aligned_at(1, n, 64, 1); },
                 [](void* p, std::size_t n) { return mi_recalloc_aligned_at(p, n, 1, 64, 1); },
                 kMiB);
  grow_and_check([](std::size_t n) { return mi_calloc_aligned_at(n, 1, 64, 1); },
                 [](void* p, std::size_t n) { return mi_aligned_offset_recalloc(p, 1, n, 64, 1); },
                 kMiB);
}

TEST(Zeroing, TheLastWordOfTheOldBlockIsCovered) {
  // A block of 17 to 24 bytes ends in a word of which the program asked for only a part.
  for (std::size_t size = 1; size <= 600; ++size) {
    leave_dirty_blocks(size, 2);
    leave_dirty_blocks(size + 512, 2);
    void* p = opaque(mi_zalloc(size));
    ASSERT_NE(p, nullptr);
    std::memset(p, 0xff, size);
    p = opaque(mi_rezalloc(p, size + 512));
    ASSERT_NE(p, nullptr);
    ASSERT_EQ(first_nonzero(p, size, size + 512), size + 512) << size;
    mi_free(p);
  }
}

TEST(Zeroing, GrowthWithinTheBlockIsZeroToo) {
  for (std::size_t size = 1; size <= 2000; size += 3) {
    leave_dirty_blocks(size, 2);
    void* p = opaque(mi_zalloc(size));
    const std::size_t usable = mi_usable_size(p);
    std::memset(p, 0xff, size);
    p = opaque(mi_rezalloc(p, usable));
    ASSERT_NE(p, nullptr);
    ASSERT_EQ(first_nonzero(p, size, usable), usable) << size;
    mi_free(p);
  }
}

TEST(Zeroing, NullAllocatesZeroed) {
  leave_dirty_blocks(500);
  const Block first(mi_rezalloc(nullptr, 500));
  const Block second(mi_recalloc(nullptr, 50, 10));
  const Block third(mi_rezalloc_aligned(nullptr, 500, 64));
  const Block fourth(mi_aligned_recalloc(nullptr, 50, 10, 64));
  for (const Block* block : {&first, &second, &third, &fourth}) {
    ASSERT_TRUE(*block);
    EXPECT_EQ(first_nonzero(block->get(), 0, 500), 500u);
  }
}

TEST(Zeroing, LargeBlocksThatShrankGrowZeroedAgain) {
  for (const std::size_t size : {700 * kKiB, 1500 * kKiB, 6 * kMiB}) {
    leave_dirty_blocks(2 * size, 2);
    void* p = opaque(mi_zalloc(size));
    ASSERT_NE(p, nullptr);
    std::memset(p, 0xff, size);
    for (const std::size_t next : {size * 3 / 4 + 1, size * 9 / 10, size * 3 / 2, size * 2}) {
      const std::size_t usable = mi_usable_size(p);
      p = opaque(mi_rezalloc(p, next));
      ASSERT_NE(p, nullptr);
      if (next > usable) {
        ASSERT_EQ(first_nonzero(p, usable, next), next) << size << " -> " << next;
      }
      std::memset(p, 0xff, next);
    }
    mi_free(p);
  }
}

TEST(Zeroing, LargeBlocksAreZeroAfterReuse) {
  for (int round = 0; round < 6; ++round) {
    const std::size_t size = 20 * kMiB + static_cast<std::size_t>(round) * 4096;
    const Block block(mi_zalloc(size));
    ASSERT_TRUE(block);
    ASSERT_EQ(first_nonzero(block.get(), 0, size), size);
    std::memset(block.get(), 0xee, size);
  }
}

}  // namespace
