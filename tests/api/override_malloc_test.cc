// The C library's own names, in a program that the library overrides: malloc and its family, with
// the blocks proven to be ours. The mi_ forms have files of their own.

// Builds whose malloc is the C library's (under a sanitizer) have nothing to test here.
#if defined(ASHLAR_OVERRIDE)

#include <gtest/gtest.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <cwchar>
#include <string>

#include "api_test_support.h"

// Names that this system's headers may not declare.
extern "C" {
void free_sized(void* p, std::size_t size) noexcept;
void free_aligned_sized(void* p, std::size_t alignment, std::size_t size) noexcept;
void* __libc_malloc(std::size_t size) noexcept;
void* __libc_calloc(std::size_t count, std::size_t size) noexcept;
void* __libc_realloc(void* p, std::size_t size) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t size) noexcept;
void __libc_free(void* p) noexcept;
}

namespace {

using namespace api_test;

struct CFree {
  void operator()(void* p) const { std::free(p); }
};

using CBlock = std::unique_ptr<void, CFree>;

CBlock own(void* p) { return CBlock(opaque(p)); }

TEST(OverrideMalloc, EveryEntryPointGivesOurBlocks) {
  void* from_posix_memalign = nullptr;
  ASSERT_EQ(posix_memalign(&from_posix_memalign, 64, 100), 0);
  for (void* p : {malloc(100), calloc(10, 10), realloc(nullptr, 100), reallocarray(nullptr, 10, 10),
                  aligned_alloc(64, 128), memalign(64, 100), valloc(100), pvalloc(100),
                  from_posix_memalign}) {
    const CBlock block = own(p);
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(mi_is_in_heap_region(block.get()));
    EXPECT_GE(malloc_usable_size(block.get()), 100u);
    EXPECT_EQ(malloc_usable_size(block.get()), mi_usable_size(block.get()));
    std::memset(block.get(), 1, 100);
  }
}

TEST(OverrideMalloc, WhatTheCLibraryAllocatesIsOurs) {
  const CBlock text = own(strdup("granite"));
  const CBlock part = own(strndup("granite", 3));
  const CBlock wide = own(wcsdup(L"granite"));
  const CBlock path = own(realpath("/usr", nullptr));
  const CBlock directory = own(getcwd(nullptr, 0));
  char* printed = nullptr;
  ASSERT_EQ(asprintf(&printed, "%d blocks", 12), 9);
  const CBlock formatted = own(printed);
  for (const CBlock* block : {&text, &part, &wide, &path, &directory, &formatted}) {
    ASSERT_NE(*block, nullptr);
    EXPECT_TRUE(mi_is_in_heap_region(block->get()));
  }
  EXPECT_STREQ(static_cast<char*>(text.get()), "granite");
  EXPECT_STREQ(static_cast<char*>(formatted.get()), "12 blocks");
}

TEST(OverrideMalloc, BothFamiliesFreeEachOthersBlocks) {
  ErrorRecorder errors;
  for (const std::size_t size : border_sizes(kMiB)) {
    mi_free(opaque(malloc(size)));
    free(opaque(mi_malloc(size)));
    void* p = opaque(malloc(size));
    p = opaque(mi_realloc(p, size + 100));
    p = opaque(realloc(p, size + 5000));
    ASSERT_NE(p, nullptr);
    free(p);
  }
  EXPECT_TRUE(errors.take().empty());
}

TEST(OverrideMalloc, MallocOfZeroIsUnique) {
  const CBlock first = own(malloc(0));
  const CBlock second = own(malloc(0));
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_NE(first, second);
}

TEST(OverrideMalloc, ReallocToZeroGivesALiveBlock) {
  void* p = opaque(malloc(100));
  std::memset(p, 0x5a, 100);
  const CBlock block = own(realloc(p, opaque(std::size_t{0})));
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(static_cast<unsigned char*>(block.get())[0], 0);
}

TEST(OverrideMalloc, CallocIsZero) {
  for (const std::size_t size : border_sizes(kMiB)) {
    leave_dirty_blocks(size, 2);
    const CBlock block = own(calloc(size, 1));
    ASSERT_NE(block, nullptr);
    ASSERT_EQ(first_nonzero(block.get(), 0, size), size);
  }
}

TEST(OverrideMalloc, FailuresSetErrno) {
  const std::size_t all = opaque(kMaxSize);
  const std::size_t over = opaque(kMaxDifference + 1);
  const std::size_t big = opaque(kMoreThanThereIs);
  const CBlock block = own(malloc(100));
  fill(block.get(), 0, 100, 1);
  for (const int call : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
    errno = 0;
    void* p = block.get();
    switch (call) {
      case 0:
        p = malloc(all);
        break;
      case 1:
        p = malloc(over);
        break;
      case 2:
        p = malloc(big);
        break;
      case 3:
        p = calloc(all / 2, 3);
        break;
      case 4:
        p = calloc(big / 2, 2);
        break;
      case 5:
        p = realloc(block.get(), over);
        break;
      case 6:
        p = realloc(block.get(), big);
        break;
      case 7:
        p = reallocarray(block.get(), all, 2);
        break;
      case 8:
        p = aligned_alloc(64, big);
        break;
      default:
        p = memalign(64, over);
        break;
    }
    EXPECT_EQ(opaque(p), nullptr) << call;
    EXPECT_EQ(errno, ENOMEM) << call;
  }
  EXPECT_EQ(first_difference(block.get(), 0, 100, 1), 100u);
}

TEST(OverrideMalloc, BadAlignmentsAreEinval) {
  char mark = 0;
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{4}, std::size_t{24}}) {
    void* p = &mark;
    EXPECT_EQ(posix_memalign(&p, opaque(alignment), 64), EINVAL) << alignment;
    EXPECT_EQ(p, &mark);
  }
  errno = 0;
  EXPECT_EQ(opaque(aligned_alloc(opaque(std::size_t{24}), 48)), nullptr);
  EXPECT_EQ(errno, EINVAL);
}

TEST(OverrideMalloc, AlignedFormsAlign) {
  for (std::size_t alignment = 8; alignment <= 4 * kMiB; alignment *= 2) {
    void* p = nullptr;
    ASSERT_EQ(posix_memalign(&p, alignment, 300), 0);
    const CBlock first = own(p);
    const CBlock second = own(aligned_alloc(alignment, alignment));
    const CBlock third = own(memalign(alignment, 300));
    for (const CBlock* block : {&first, &second, &third}) {
      ASSERT_NE(*block, nullptr);
      EXPECT_TRUE(is_aligned(block->get(), alignment)) << alignment;
    }
  }
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  EXPECT_TRUE(is_aligned(own(valloc(10)).get(), page));
  const CBlock rounded = own(pvalloc(page + 1));
  EXPECT_TRUE(is_aligned(rounded.get(), page));
  EXPECT_GE(malloc_usable_size(rounded.get()), 2 * page);
}

TEST(OverrideMalloc, FreeKeepsErrno) {
  errno = ERANGE;
  free(opaque<void*>(nullptr));
  free(opaque(malloc(100)));
  free(opaque(malloc(100 * kMiB)));
  EXPECT_EQ(errno, ERANGE);
}

TEST(OverrideMalloc, SizedFreesOfC23AreThere) {
  ErrorRecorder errors;
  free_sized(opaque(malloc(100)), 100);
  free_sized(opaque<void*>(nullptr), 100);
  free_aligned_sized(opaque(aligned_alloc(64, 128)), 64, 128);
  free_aligned_sized(opaque<void*>(nullptr), 64, 128);
  EXPECT_TRUE(errors.take().empty());
}

TEST(OverrideMalloc, TheNamesInsideTheCLibraryAreOursToo) {
  void* p = opaque(__libc_malloc(100));
  void* q = opaque(__libc_calloc(10, 10));
  void* r = opaque(__libc_memalign(64, 100));
  p = opaque(__libc_realloc(p, 1000));
  for (void* block : {p, q, r}) {
    EXPECT_TRUE(mi_is_in_heap_region(block));
    __libc_free(block);
  }
}

}  // namespace

#endif  // ASHLAR_OVERRIDE
