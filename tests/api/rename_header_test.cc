// mimalloc-override.h: calls of a file that includes it are the library's, by name.
#include <gtest/gtest.h>

#include <string_view>

#include "api_test_support.h"

// The last one, as it asks.
#include "mimalloc-override.h"

namespace {

using namespace api_test;

// The call as the compiler sees it, macros replaced.
#define SPELLED(call) SPELLED_NOW(call)
#define SPELLED_NOW(call) std::string_view(#call)

TEST(RenameHeader, CallsOfTheStandardLibrary) {
  EXPECT_EQ(SPELLED(malloc(1)), "mi_malloc(1)");
  EXPECT_EQ(SPELLED(calloc(1, 2)), "mi_calloc(1, 2)");
  EXPECT_EQ(SPELLED(realloc(p, 2)), "mi_realloc(p, 2)");
  EXPECT_EQ(SPELLED(free(p)), "mi_free(p)");
  EXPECT_EQ(SPELLED(aligned_alloc(a, n)), "mi_aligned_alloc(a, n)");
  EXPECT_EQ(SPELLED(free_sized(p, n)), "mi_free_size(p, n)");
  EXPECT_EQ(SPELLED(free_aligned_sized(p, a, n)), "mi_free_size_aligned(p, n, a)");
  EXPECT_EQ(SPELLED(strdup(s)), "mi_strdup(s)");
  EXPECT_EQ(SPELLED(strndup(s, n)), "mi_strndup(s, n)");
}

TEST(RenameHeader, CallsOfSystems) {
  EXPECT_EQ(SPELLED(realpath(f, r)), "mi_realpath(f, r)");
  EXPECT_EQ(SPELLED(posix_memalign(p, a, n)), "mi_posix_memalign(p, a, n)");
  EXPECT_EQ(SPELLED(memalign(a, n)), "mi_memalign(a, n)");
  EXPECT_EQ(SPELLED(valloc(n)), "mi_valloc(n)");
  EXPECT_EQ(SPELLED(pvalloc(n)), "mi_pvalloc(n)");
  EXPECT_EQ(SPELLED(reallocf(p, n)), "mi_reallocf(p, n)");
  EXPECT_EQ(SPELLED(reallocarray(p, c, n)), "mi_reallocarray(p, c, n)");
  EXPECT_EQ(SPELLED(reallocarr(p, c, n)), "mi_reallocarr(p, c, n)");
  EXPECT_EQ(SPELLED(cfree(p)), "mi_cfree(p)");
  EXPECT_EQ(SPELLED(malloc_usable_size(p)), "mi_usable_size(p)");
  EXPECT_EQ(SPELLED(malloc_size(p)), "mi_usable_size(p)");
  EXPECT_EQ(SPELLED(malloc_good_size(n)), "mi_malloc_good_size(n)");
}

TEST(RenameHeader, CallsOfMicrosoft) {
  EXPECT_EQ(SPELLED(_expand(p, n)), "mi_expand(p, n)");
  EXPECT_EQ(SPELLED(_msize(p)), "mi_usable_size(p)");
  EXPECT_EQ(SPELLED(_recalloc(p, n, c)), "mi_recalloc(p, n, c)");
  EXPECT_EQ(SPELLED(_strdup(s)), "mi_strdup(s)");
  EXPECT_EQ(SPELLED(_strndup(s, n)), "mi_strndup(s, n)");
  EXPECT_EQ(SPELLED(_mbsdup(s)), "mi_mbsdup(s)");
  EXPECT_EQ(SPELLED(_dupenv_s(b, n, v)), "mi_dupenv_s(b, n, v)");
  EXPECT_EQ(SPELLED(_aligned_malloc(n, a)), "mi_malloc_aligned(n, a)");
  EXPECT_EQ(SPELLED(_aligned_realloc(p, n, a)), "mi_realloc_aligned(p, n, a)");
  EXPECT_EQ(SPELLED(_aligned_recalloc(p, c, n, a)), "mi_aligned_recalloc(p, c, n, a)");
  EXPECT_EQ(SPELLED(_aligned_msize(p, a, o)), "mi_usable_size(p)");
  EXPECT_EQ(SPELLED(_aligned_free(p)), "mi_free(p)");
  EXPECT_EQ(SPELLED(_aligned_offset_malloc(n, a, o)), "mi_malloc_aligned_at(n, a, o)");
  EXPECT_EQ(SPELLED(_aligned_offset_realloc(p, n, a, o)), "mi_realloc_aligned_at(p, n, a, o)");
  EXPECT_EQ(SPELLED(_aligned_offset_recalloc(p, c, n, a, o)),
            "mi_aligned_offset_recalloc(p, c, n, a, o)");
}

struct HasNamesOfItsOwn {
  int free = 1;
  int malloc = 2;
};

TEST(RenameHeader, NamesThatAreNotCalledStay) {
  const HasNamesOfItsOwn names;
  EXPECT_EQ(names.free + names.malloc, 3);
}

TEST(RenameHeader, BlocksAreTheLibrarys) {
  void* block = opaque(malloc(100));
  ASSERT_TRUE(mi_is_in_heap_region(block));
  block = realloc(block, 1000);
  EXPECT_GE(malloc_usable_size(block), 1000U);
  free(block);
  char* const copy = strdup("ashlar");
  EXPECT_STREQ(copy, "ashlar");
  EXPECT_TRUE(mi_is_in_heap_region(copy));
  free(copy);
  void* aligned = nullptr;
  ASSERT_EQ(posix_memalign(&aligned, 256, 100), 0);
  EXPECT_TRUE(is_aligned(aligned, 256));
  EXPECT_TRUE(mi_is_in_heap_region(aligned));
  free(aligned);
}

}  // namespace
