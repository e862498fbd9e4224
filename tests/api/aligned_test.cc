// Aligned allocation in the library's own forms: every alignment, offsets, very large alignments,
// and resizing. POSIX's forms have a file of their own.
#include <gtest/gtest.h>

#include "api_test_support.h"

namespace {

using namespace api_test;

// Blocks of one size at every alignment up to `limit`, all live at once.
void check_size_at_every_alignment(std::size_t size, std::size_t limit) {
  std::vector<Block> blocks;
  for (std::size_t alignment = 1; alignment <= limit; alignment *= 2) {
    blocks.emplace_back(mi_malloc_aligned(size, alignment));
    ASSERT_TRUE(blocks.back()) << size << " at " << alignment;
    ASSERT_TRUE(is_aligned(blocks.back().get(), alignment)) << size << " at " << alignment;
    ASSERT_GE(mi_usable_size(blocks.back().get()), size) << size << " at " << alignment;
    fill(blocks.back().get(), 0, size, static_cast<unsigned>(blocks.size()));
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    ASSERT_EQ(first_difference(blocks[i].get(), 0, size, static_cast<unsigned>(i + 1)), size)
        << size << " at alignment 2^" << i;
  }
}

TEST(Aligned, EverySmallSizeAtEveryAlignmentUpToAPage) {
  for (std::size_t size = 0; size <= 1100; ++size) check_size_at_every_alignment(size, 4 * kKiB);
}

TEST(Aligned, BorderSizesAtEveryAlignmentUpTo4MiB) {
  for (const std::size_t size : border_sizes(16 * kKiB)) {
    check_size_at_every_alignment(size, 4 * kMiB);
  }
}

TEST(Aligned, LargeSizesAtEveryAlignmentUpTo4MiB) {
  for (const std::size_t size : {32 * kKiB + 1, 64 * kKiB, 100 * kKiB, 512 * kKiB - 1, 512 * kKiB,
                                 512 * kKiB + 1, kMiB, 5 * kMiB + 123}) {
    for (std::size_t alignment = 1; alignment <= 4 * kMiB; alignment *= 2) {
      const Block block(mi_malloc_aligned(size, alignment));
      ASSERT_TRUE(block) << size << " at " << alignment;
      EXPECT_TRUE(is_aligned(block.get(), alignment)) << size << " at " << alignment;
      block.bytes()[0] = 1;
      block.bytes()[size - 1] = 2;
      EXPECT_EQ(block.bytes()[0] + block.bytes()[size - 1], 3);
    }
  }
}

TEST(Aligned, VeryLargeAlignments) {
  for (std::size_t alignment = 8 * kMiB; alignment <= 2 * kGiB; alignment *= 2) {
    for (const std::size_t size : {std::size_t{1}, 100 * kKiB}) {
      const Block first(mi_malloc_aligned(size, alignment));
      const Block second(mi_zalloc_aligned(size, alignment));
      ASSERT_TRUE(first && second) << size << " at " << alignment;
      EXPECT_TRUE(is_aligned(first.get(), alignment)) << size << " at " << alignment;
      EXPECT_TRUE(is_aligned(second.get(), alignment)) << size << " at " << alignment;
      EXPECT_NE(first.get(), second.get());
      fill(first.get(), 0, size, 1);
      EXPECT_EQ(first_nonzero(second.get(), 0, size), size);
      EXPECT_EQ(first_difference(first.get(), 0, size, 1), size);
      EXPECT_GE(mi_usable_size(first.get()), size);
    }
  }
}

TEST(Aligned, OffsetIsWhatIsAligned) {
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{8}, std::size_t{100}, 4 * kKiB, 70 * kKiB, kMiB}) {
    for (std::size_t alignment = 8; alignment <= 256 * kKiB; alignment *= 4) {
      for (const std::size_t offset : {std::size_t{0}, std::size_t{1}, size / 2, size}) {
        const Block plain(mi_malloc_aligned_at(size, alignment, offset));
        const Block zeroed(mi_zalloc_aligned_at(size, alignment, offset));
        const Block counted(mi_calloc_aligned_at(1, size, alignment, offset));
        for (const Block* block : {&plain, &zeroed, &counted}) {
          ASSERT_TRUE(*block) << size << " at " << alignment << " offset " << offset;
          ASSERT_TRUE(is_aligned(block->get(), alignment, offset))
              << size << " at " << alignment << " offset " << offset;
          ASSERT_GE(mi_usable_size(block->get()), size);
        }
        fill(plain.get(), 0, size, 1);
        EXPECT_EQ(first_nonzero(zeroed.get(), 0, size), size);
        EXPECT_EQ(first_nonzero(counted.get(), 0, size), size);
        EXPECT_EQ(first_difference(plain.get(), 0, size, 1), size);
      }
    }
  }
}

TEST(Aligned, ZeroingFormsAreZeroOnReusedMemory) {
  for (const std::size_t size : border_sizes(64 * kKiB)) {
    for (const std::size_t alignment : {std::size_t{8}, std::size_t{64}, 4 * kKiB, 128 * kKiB}) {
      leave_dirty_blocks(size, 2);
      leave_dirty_blocks(size + alignment, 2);
      const Block zeroed(mi_zalloc_aligned(size, alignment));
      const Block counted(mi_calloc_aligned(size, 1, alignment));
      ASSERT_TRUE(zeroed && counted);
      ASSERT_TRUE(is_aligned(counted.get(), alignment));
      ASSERT_EQ(first_nonzero(zeroed.get(), 0, size), size) << size << " at " << alignment;
      ASSERT_EQ(first_nonzero(counted.get(), 0, size), size) << size << " at " << alignment;
    }
  }
}

TEST(Aligned, BadAlignmentsFailWithEinval) {
  for (const std::size_t alignment :
       {std::size_t{0}, std::size_t{3}, std::size_t{24}, std::size_t{1000}, kMaxSize}) {
    const std::size_t bad = opaque(alignment);
    errno = 0;
    EXPECT_EQ(opaque(mi_malloc_aligned(64, bad)), nullptr) << alignment;
    EXPECT_EQ(errno, EINVAL) << alignment;
    errno = 0;
    EXPECT_EQ(opaque(mi_zalloc_aligned(64, bad)), nullptr) << alignment;
    EXPECT_EQ(opaque(mi_calloc_aligned(8, 8, bad)), nullptr) << alignment;
    EXPECT_EQ(opaque(mi_malloc_aligned_at(64, bad, 8)), nullptr) << alignment;
    EXPECT_EQ(opaque(mi_umalloc_aligned(64, bad, nullptr)), nullptr) << alignment;
    EXPECT_EQ(errno, EINVAL) << alignment;
  }
}

TEST(Aligned, BadAlignmentLeavesTheBlockWhenResizing) {
  const Block block(mi_malloc(100));
  fill(block.get(), 0, 100, 1);
  errno = 0;
  EXPECT_EQ(opaque(mi_realloc_aligned(block.get(), 5000, opaque(std::size_t{24}))), nullptr);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(first_difference(block.get(), 0, 100, 1), 100u);
}

TEST(Aligned, ReallocAlignedKeepsBytesAndAlignment) {
  const std::vector<std::size_t> sizes = {1, 24, 100, 1000, 5000, 70000, 600000, 3000000};
  for (std::size_t alignment = 8; alignment <= kMiB; alignment *= 8) {
    for (const std::size_t from : sizes) {
      for (const std::size_t to : sizes) {
        void* p = opaque(mi_malloc_aligned(from, alignment));
        ASSERT_NE(p, nullptr);
        fill(p, 0, from, 1);
        const Block block(mi_realloc_aligned(p, to, alignment));
        ASSERT_TRUE(block) << from << " -> " << to << " at " << alignment;
        ASSERT_TRUE(is_aligned(block.get(), alignment))
            << from << " -> " << to << " at " << alignment;
        const std::size_t kept = from < to ? from : to;
        ASSERT_EQ(first_difference(block.get(), 0, kept, 1), kept);
        ASSERT_GE(mi_usable_size(block.get()), to);
      }
    }
  }
}

TEST(Aligned, ReallocAlignedAlignsABlockThatWasNot) {
  for (int i = 0; i < 40; ++i) {
    const std::size_t size = 24 + static_cast<std::size_t>(i) * 40;
    void* p = opaque(mi_malloc(size));
    fill(p, 0, size, 1);
    const Block block(mi_realloc_aligned(p, size, 512));
    ASSERT_TRUE(block);
    EXPECT_TRUE(is_aligned(block.get(), 512));
    EXPECT_EQ(first_difference(block.get(), 0, size, 1), size);
  }
}

TEST(Aligned, ReallocOfTheSmallestSizesAligns) {
  for (const std::size_t alignment : {std::size_t{8}, std::size_t{16}, std::size_t{32}}) {
    for (std::size_t size = 0; size <= 8; ++size) {
      std::vector<Block> blocks;
      for (int i = 0; i < 5; ++i) {
        blocks.emplace_back(mi_realloc_aligned(mi_malloc(100), size, alignment));
        ASSERT_TRUE(blocks.back());
        EXPECT_TRUE(is_aligned(blocks.back().get(), alignment)) << size << " at " << alignment;
      }
    }
  }
}

TEST(Aligned, ReallocAlignedAtKeepsTheOffset) {
  void* p = nullptr;
  std::size_t size = 0;
  for (std::size_t next = 40; next < 200 * kKiB; next = next * 3 / 2) {
    p = opaque(mi_realloc_aligned_at(p, next, 128, 40));
    ASSERT_NE(p, nullptr);
    ASSERT_TRUE(is_aligned(p, 128, 40)) << next;
    ASSERT_EQ(first_difference(p, 0, size, 1), size);
    fill(p, size, next, 1);
    size = next;
  }
  mi_free(p);
}

TEST(Aligned, ResizingZeroedBlocksKeepsTheAlignment) {
  void* p = opaque(mi_zalloc_aligned(10, 4096));
  for (std::size_t size = 100; size < kMiB; size = size * 2 + 1) {
    p = opaque(size % 3 == 0 ? mi_rezalloc_aligned(p, size, 4096)
                             : mi_recalloc_aligned(p, size, 1, 4096));
    ASSERT_NE(p, nullptr);
    ASSERT_TRUE(is_aligned(p, 4096)) << size;
    ASSERT_EQ(first_nonzero(p, 0, size), size);
  }
  mi_free(p);
}

TEST(Aligned, PlainReallocOfAnAlignedBlockKeepsBytes) {
  for (std::size_t alignment = 32; alignment <= 16 * kMiB; alignment *= 4) {
    void* p = opaque(mi_malloc_aligned(300, alignment));
    ASSERT_NE(p, nullptr);
    fill(p, 0, 300, 1);
    const Block block(mi_realloc(p, 9000));
    ASSERT_TRUE(block);
    EXPECT_EQ(first_difference(block.get(), 0, 300, 1), 300u);
    EXPECT_GE(mi_usable_size(block.get()), 9000u);
  }
}

TEST(Aligned, EveryFreeFormTakesAlignedBlocks) {
  ErrorRecorder errors;
  for (std::size_t alignment = 16; alignment <= 32 * kMiB; alignment *= 2) {
    mi_free(opaque(mi_malloc_aligned(500, alignment)));
    mi_free_aligned(opaque(mi_malloc_aligned(500, alignment)), alignment);
    mi_free_size_aligned(opaque(mi_malloc_aligned(500, alignment)), 500, alignment);
    mi_free_size(opaque(mi_malloc_aligned(500, alignment)), 500);
    mi_cfree(opaque(mi_malloc_aligned(500, alignment)));
  }
  EXPECT_TRUE(errors.take().empty());
}

}  // namespace
