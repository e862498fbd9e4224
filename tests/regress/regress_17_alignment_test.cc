// Row 17: no under-aligned block: every size with every alignment, by every call that takes one,
// plain calls too, and after every realloc.
#include "regress_support.h"

#include <gtest/gtest.h>

#include <initializer_list>

#include <vector>

namespace {

std::vector<std::size_t> sizes(std::size_t largest) {
  std::vector<std::size_t> all;
  for (std::size_t n = 0; n <= 300; n++) all.push_back(n);
  for (std::size_t n = 320; n <= largest; n += n / 6) {
    for (const std::size_t near : {n - 1, n, n + 1}) all.push_back(near);
  }
  for (std::size_t n = 512; n <= largest; n *= 2) {
    for (const std::size_t near : {n - 8, n - 1, n, n + 1, n + 8}) all.push_back(near);
  }
  return all;
}

std::size_t natural(std::size_t size) { return size >= 16 ? 16 : 8; }

TEST(regress_17_alignment, plain_blocks) {
  for (const std::size_t size : sizes(std::size_t{6} << 20)) {
    std::vector<void*> blocks;
    for (int i = 0; i < 5; i++) {
      blocks.push_back(i % 2 == 0 ? mi_malloc(size) : mi_calloc(1, size));
      ASSERT_NE(blocks.back(), nullptr);
      EXPECT_TRUE(regress::aligned(blocks.back(), natural(size))) << size;
      EXPECT_GE(mi_usable_size(blocks.back()), size);
    }
    for (void* const block : blocks) mi_free(block);
  }
}

void expect_aligned(void* block, std::size_t size, std::size_t alignment, const char* call) {
  ASSERT_NE(block, nullptr) << call << ' ' << size << ' ' << alignment;
  ASSERT_TRUE(regress::aligned(block, alignment)) << call << ' ' << size << ' ' << alignment;
  ASSERT_GE(mi_usable_size(block), size) << call << ' ' << size << ' ' << alignment;
  static_cast<unsigned char*>(block)[0] = 1;
  static_cast<unsigned char*>(block)[size == 0 ? 0 : size - 1] = 2;
}

// Several blocks of each kind live together: the first of a page is often aligned by chance.
TEST(regress_17_alignment, every_size_with_every_alignment) {
  for (std::size_t alignment = 1; alignment <= (std::size_t{16} << 20); alignment *= 2) {
    const std::size_t largest = alignment <= 4096 ? 300000 : 40000;
    const auto all = sizes(largest);
    // The widest alignments take megabytes of addresses a block: fewer sizes there.
    const std::size_t step = alignment <= 4096 ? 1 : alignment <= 65536 ? 5 : 61;
    for (std::size_t i = 0; i < all.size(); i += step) {
      const std::size_t size = all[i] == 0 ? 1 : all[i];
      std::vector<void*> blocks;
      for (int copy = 0; copy < 3; copy++) {
        blocks.push_back(mi_malloc_aligned(size, alignment));
        expect_aligned(blocks.back(), size, alignment, "malloc_aligned");
      }
      blocks.push_back(mi_zalloc_aligned(size, alignment));
      expect_aligned(blocks.back(), size, alignment, "zalloc_aligned");
      blocks.push_back(mi_calloc_aligned(1, size, alignment));
      expect_aligned(blocks.back(), size, alignment, "calloc_aligned");
      if (alignment >= sizeof(void*)) {
        void* p = nullptr;
        ASSERT_EQ(mi_posix_memalign(&p, alignment, size), 0);
        expect_aligned(p, size, alignment, "posix_memalign");
        blocks.push_back(p);
        blocks.push_back(mi_memalign(alignment, size));
        expect_aligned(blocks.back(), size, alignment, "memalign");
      }
      for (void* const block : blocks) mi_free(block);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(regress_17_alignment, offsets) {
  for (std::size_t alignment = 8; alignment <= 65536; alignment *= 2) {
    for (const std::size_t size :
         std::initializer_list<std::size_t>{1, 24, 64, 200, 1000, 5000, 70000, 1000000}) {
      for (const std::size_t offset : {std::size_t{0}, std::size_t{8}, std::size_t{24},
                                       alignment / 2, alignment, alignment + 8, size / 2}) {
        if (offset > size) continue;
        auto* block = static_cast<char*>(mi_malloc_aligned_at(size, alignment, offset));
        ASSERT_NE(block, nullptr);
        ASSERT_TRUE(regress::aligned(block + offset, alignment)) << size << ' ' << offset;
        ASSERT_GE(mi_usable_size(block), size);
        regress::fill(block, size, 7);
        block = static_cast<char*>(mi_realloc_aligned_at(block, 2 * size, alignment, offset));
        ASSERT_NE(block, nullptr);
        ASSERT_TRUE(regress::aligned(block + offset, alignment)) << size << ' ' << offset;
        ASSERT_EQ(regress::intact(block, size, 7), size);
        mi_free(block);
      }
    }
  }
}

TEST(regress_17_alignment, after_every_aligned_realloc) {
  for (std::size_t alignment = 16; alignment <= (std::size_t{1} << 20); alignment *= 2) {
    void* block = mi_malloc_aligned(50, alignment);
    ASSERT_NE(block, nullptr);
    std::size_t size = 50;
    regress::fill(block, size, 8);
    const std::size_t path[] = {51,   64,    63,   200,  1000,   900, 5000,    70000, 69000,
                                1000, 30000, 4000, 4097, 900000, 100, 2000000, 8,     50};
    for (const std::size_t next : path) {
      block = mi_realloc_aligned(block, next, alignment);
      ASSERT_NE(block, nullptr);
      ASSERT_TRUE(regress::aligned(block, alignment)) << size << " to " << next;
      ASSERT_GE(mi_usable_size(block), next);
      const std::size_t common = size < next ? size : next;
      ASSERT_EQ(regress::intact(block, common, 8), common) << size << " to " << next;
      regress::fill(block, next, 8);
      size = next;
    }
    mi_free(block);
  }
}

// A plain realloc of an aligned block promises the natural alignment only, but that and the
// content.
TEST(regress_17_alignment, after_every_plain_realloc) {
  const auto all = sizes(200000);
  for (std::size_t alignment = 8; alignment <= 8192; alignment *= 4) {
    void* block = mi_malloc_aligned(24, alignment);
    std::size_t size = 24;
    ASSERT_NE(block, nullptr);
    regress::fill(block, size, 9);
    for (std::size_t i = 0; i < all.size(); i++) {
      const std::size_t next = all[(i * 379) % all.size()];
      block = mi_realloc(block, next);
      ASSERT_NE(block, nullptr);
      ASSERT_TRUE(regress::aligned(block, natural(next))) << size << " to " << next;
      ASSERT_GE(mi_usable_size(block), next);
      const std::size_t common = size < next ? size : next;
      ASSERT_EQ(regress::intact(block, common, 9), common) << size << " to " << next;
      regress::fill(block, next, 9);
      size = next;
    }
    mi_free(block);
  }
}

}  // namespace
