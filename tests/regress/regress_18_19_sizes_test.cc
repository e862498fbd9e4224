// Rows 18 and 19: frees that name a size or an alignment, after the block's size changed in place,
// and the edges of realloc, malloc and calloc.
#include "regress_support.h"

#include <gtest/gtest.h>

#include <initializer_list>

#include <cerrno>
#include <cstdint>
#include <vector>

// Requests that must fail are what some of these cases are about.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Walloc-size-larger-than="
#endif

namespace {

constexpr std::size_t kTooMuch = static_cast<std::size_t>(PTRDIFF_MAX) + 1;
// Kept from the compiler, which warns of requests that must fail.
volatile std::size_t hidden_zero = 0;

TEST(regress_18_sized_free, after_a_realloc_in_place) {
  const regress::ErrorCount errors;
  int in_place = 0;
  for (std::size_t size = 24; size < 600000; size += size / 3) {
    for (const std::size_t next :
         {size - 1, size + 1, size - size / 8, size - size / 4, size / 2 + 1}) {
      void* const block = mi_malloc(size);
      ASSERT_NE(block, nullptr);
      void* const resized = mi_realloc(block, next);
      ASSERT_NE(resized, nullptr);
      in_place += resized == block ? 1 : 0;
      regress::fill(resized, next, 2);
      mi_free_size(resized, next);
    }
  }
  EXPECT_GT(in_place, 0);
  EXPECT_EQ(errors.reported(), 0);
}

TEST(regress_18_sized_free, of_the_size_asked_for_and_of_the_usable_size) {
  const regress::ErrorCount errors;
  for (std::size_t size = 1; size < 3000000; size += 1 + size / 9) {
    void* const asked = mi_malloc(size);
    void* const usable = mi_malloc(size);
    ASSERT_TRUE(asked != nullptr && usable != nullptr);
    mi_free_size(asked, size);
    mi_free_size(usable, mi_usable_size(usable));
  }
  mi_free_size(nullptr, 0);
  mi_free_size(nullptr, 100);
  EXPECT_EQ(errors.reported(), 0);
}

TEST(regress_18_sized_free, of_aligned_memory) {
  const regress::ErrorCount errors;
  for (std::size_t alignment = 8; alignment <= (std::size_t{4} << 20); alignment *= 2) {
    for (const std::size_t size :
         std::initializer_list<std::size_t>{1, 40, 64, 100, 1000, 4096, 50000, 600000}) {
      void* block = mi_malloc_aligned(size, alignment);
      ASSERT_NE(block, nullptr);
      mi_free_size_aligned(block, size, alignment);
      block = mi_malloc_aligned(size, alignment);
      ASSERT_NE(block, nullptr);
      mi_free_aligned(block, alignment);
      block = mi_malloc_aligned(size, alignment);
      ASSERT_NE(block, nullptr);
      mi_free_size(block, size);
      block = mi_realloc_aligned(mi_malloc_aligned(size, alignment), size + 1, alignment);
      ASSERT_NE(block, nullptr);
      mi_free_size_aligned(block, size + 1, alignment);
    }
  }
  mi_free_aligned(nullptr, 64);
  mi_free_size_aligned(nullptr, 10, 64);
  EXPECT_EQ(errors.reported(), 0);
}

TEST(regress_19_edges, realloc_of_null) {
  void* const empty = mi_realloc(nullptr, 0);
  ASSERT_NE(empty, nullptr);
  void* const other = mi_realloc(nullptr, 0);
  ASSERT_NE(other, nullptr);
  EXPECT_NE(empty, other) << "blocks of no bytes are still blocks of their own";
  void* const some = mi_realloc(nullptr, 100);
  ASSERT_NE(some, nullptr);
  regress::fill(some, 100, 1);
  mi_free(other);
  mi_free(empty);
  EXPECT_EQ(regress::intact(some, 100, 1), 100);
  mi_free(some);
}

TEST(regress_19_edges, realloc_to_nothing_gives_a_live_block) {
  for (const std::size_t size :
       std::initializer_list<std::size_t>{1, 16, 100, 1024, 5000, 100000, 3000000}) {
    void* block = mi_malloc(size);
    ASSERT_NE(block, nullptr);
    block = mi_realloc(block, 0);
    ASSERT_NE(block, nullptr) << size;
    // Alive: nobody else gets it, and it can grow again.
    std::vector<void*> others;
    for (int i = 0; i < 100; i++) {
      others.push_back(mi_malloc(i % 2 == 0 ? 1 : size));
      ASSERT_NE(others.back(), block);
    }
    block = mi_realloc(block, 50);
    ASSERT_NE(block, nullptr);
    regress::fill(block, 50, 3);
    for (void* const other : others) mi_free(other);
    EXPECT_EQ(regress::intact(block, 50, 3), 50);
    mi_free(block);
  }
}

template <typename Call>
void expect_refused(const char* what, Call call) {
  errno = 0;
  void* const p = call();
  EXPECT_EQ(p, nullptr) << what;
  EXPECT_EQ(errno, ENOMEM) << what;
}

TEST(regress_19_edges, requests_beyond_ptrdiff_max) {
  const std::size_t zero = hidden_zero;
  for (const std::size_t size :
       {kTooMuch + zero, SIZE_MAX - zero, SIZE_MAX - 4096 + zero, SIZE_MAX / 2 + 100 + zero}) {
    expect_refused("malloc", [=] { return mi_malloc(size); });
    expect_refused("calloc", [=] { return mi_calloc(1, size); });
    expect_refused("zalloc", [=] { return mi_zalloc(size); });
    expect_refused("realloc of null", [=] { return mi_realloc(nullptr, size); });
    expect_refused("aligned to 64", [=] { return mi_malloc_aligned(size, 64); });
    expect_refused("aligned to 2 MiB", [=] { return mi_malloc_aligned(size, 2u << 20); });
    expect_refused("aligned at 8", [=] { return mi_malloc_aligned_at(size, 4096, 8); });
  }
}

TEST(regress_19_edges, products_that_overflow) {
  const std::size_t zero = hidden_zero;
  const std::size_t root = (std::size_t{1} << 32) + zero;
  expect_refused("calloc", [=] { return mi_calloc(root, root); });
  expect_refused("calloc", [=] { return mi_calloc(SIZE_MAX / 8 + 1 + zero, 8); });
  expect_refused("calloc", [=] { return mi_calloc(3, SIZE_MAX / 2 + zero); });
  expect_refused("mallocn", [=] { return mi_mallocn(root, root + 1); });
  expect_refused("calloc_aligned", [=] { return mi_calloc_aligned(root, root, 64); });
  // Products that wrap round to something small are the dangerous ones.
  expect_refused("calloc", [=] { return mi_calloc(SIZE_MAX / 16 + 2 + zero, 16); });
  expect_refused("mallocn", [=] { return mi_mallocn(SIZE_MAX / 16 + 2 + zero, 16); });
}

TEST(regress_19_edges, a_failed_realloc_leaves_the_block_as_it_was) {
  const std::size_t zero = hidden_zero;
  for (const std::size_t size : std::initializer_list<std::size_t>{10, 1000, 50000, 2000000}) {
    void* const block = mi_malloc(size);
    ASSERT_NE(block, nullptr);
    regress::fill(block, size, 6);
    expect_refused("realloc", [=] { return mi_realloc(block, kTooMuch + zero); });
    expect_refused("reallocn", [=] { return mi_reallocn(block, SIZE_MAX / 16 + 2 + zero, 16); });
    expect_refused("reallocarray", [=] { return mi_reallocarray(block, SIZE_MAX / 2 + zero, 4); });
    expect_refused("rezalloc", [=] { return mi_rezalloc(block, SIZE_MAX - zero); });
    expect_refused("realloc_aligned",
                   [=] { return mi_realloc_aligned(block, kTooMuch + zero, 32); });
    EXPECT_EQ(regress::intact(block, size, 6), size);
    EXPECT_GE(mi_usable_size(block), size);
    mi_free(block);
  }
  // reallocf is the one that frees: no check of the block is possible, only of the answer.
  void* const block = mi_malloc(100);
  expect_refused("reallocf", [=] { return mi_reallocf(block, kTooMuch + zero); });
}

TEST(regress_19_edges, calloc_of_nothing) {
  void* const a = mi_calloc(0, 100);
  void* const b = mi_calloc(100, 0);
  void* const c = mi_calloc(0, SIZE_MAX);
  ASSERT_TRUE(a != nullptr && b != nullptr && c != nullptr);
  EXPECT_TRUE(a != b && b != c && a != c);
  mi_free(a);
  mi_free(b);
  mi_free(c);
}

}  // namespace
