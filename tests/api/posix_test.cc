// The forms of aligned allocation that POSIX, C and BSD define, with the codes they promise.
#include <gtest/gtest.h>
#include <unistd.h>

#include "api_test_support.h"

namespace {

using namespace api_test;

std::size_t os_page_size() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

TEST(PosixMemalign, AlignsAndReturnsZero) {
  for (std::size_t alignment = sizeof(void*); alignment <= kMiB; alignment *= 2) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100}, 100 * kKiB}) {
      void* p = nullptr;
      ASSERT_EQ(mi_posix_memalign(&p, alignment, size), 0) << size << " at " << alignment;
      const Block block(p);
      ASSERT_TRUE(block);
      EXPECT_TRUE(is_aligned(p, alignment)) << size << " at " << alignment;
      std::memset(p, 1, size);
    }
  }
}

TEST(PosixMemalign, BadAlignmentsAreEinvalAndLeaveThePointer) {
  char mark = 0;
  for (const std::size_t alignment :
       {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{4}, std::size_t{12},
        std::size_t{24}, std::size_t{1000}, kMaxSize}) {
    void* p = &mark;
    EXPECT_EQ(mi_posix_memalign(&p, opaque(alignment), 64), EINVAL) << alignment;
    EXPECT_EQ(p, &mark) << alignment;
  }
  EXPECT_EQ(mi_posix_memalign(opaque<void**>(nullptr), 64, 64), EINVAL);
}

TEST(PosixMemalign, NoMemoryIsEnomemAndLeavesThePointer) {
  char mark = 0;
  for (const std::size_t size : {kMoreThanThereIs, kMaxDifference + 1, kMaxSize}) {
    void* p = &mark;
    EXPECT_EQ(mi_posix_memalign(&p, 64, opaque(size)), ENOMEM) << size;
    EXPECT_EQ(p, &mark);
  }
  void* p = &mark;
  EXPECT_EQ(mi_posix_memalign(&p, opaque(kMoreThanThereIs), 64), ENOMEM);
  EXPECT_EQ(p, &mark);
}

TEST(AlignedAlloc, TakesAnySizeWithAnyPowerOfTwo) {
  for (std::size_t alignment = 1; alignment <= kMiB; alignment *= 2) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{777}, 80 * kKiB}) {
      const Block modern(mi_aligned_alloc(alignment, size));
      const Block old(mi_memalign(alignment, size));
      ASSERT_TRUE(modern && old) << size << " at " << alignment;
      EXPECT_TRUE(is_aligned(modern.get(), alignment));
      EXPECT_TRUE(is_aligned(old.get(), alignment));
      std::memset(modern.get(), 1, size);
      std::memset(old.get(), 1, size);
    }
  }
}

TEST(AlignedAlloc, BadAlignmentsAreEinval) {
  for (const std::size_t alignment : {std::size_t{3}, std::size_t{24}, std::size_t{1000}}) {
    errno = 0;
    EXPECT_EQ(opaque(mi_aligned_alloc(opaque(alignment), 64)), nullptr);
    EXPECT_EQ(errno, EINVAL);
    errno = 0;
    EXPECT_EQ(opaque(mi_memalign(opaque(alignment), 64)), nullptr);
    EXPECT_EQ(errno, EINVAL);
  }
}

TEST(AlignedAlloc, NoMemoryIsEnomem) {
  errno = 0;
  EXPECT_EQ(opaque(mi_aligned_alloc(4096, opaque(kMaxSize - 10))), nullptr);
  EXPECT_EQ(errno, ENOMEM);
  errno = 0;
  EXPECT_EQ(opaque(mi_memalign(4096, opaque(kMaxDifference))), nullptr);
  EXPECT_EQ(errno, ENOMEM);
}

TEST(Valloc, AlignsToAnOsPage) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5000}, kMiB}) {
    const Block block(mi_valloc(size));
    ASSERT_TRUE(block);
    EXPECT_TRUE(is_aligned(block.get(), os_page_size())) << size;
    EXPECT_GE(mi_usable_size(block.get()), size);
  }
}

TEST(Pvalloc, RoundsUpToWholeOsPages) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, os_page_size(), os_page_size() + 1, kMiB + 1}) {
    const Block block(mi_pvalloc(size));
    ASSERT_TRUE(block);
    EXPECT_TRUE(is_aligned(block.get(), os_page_size())) << size;
    const std::size_t pages = (size + os_page_size() - 1) / os_page_size();
    const std::size_t promised = (pages == 0 ? 1 : pages) * os_page_size();
    ASSERT_GE(mi_usable_size(block.get()), promised) << size;
    fill(block.get(), 0, promised, 1);
  }
}

TEST(Pvalloc, SizesThatCannotBeRoundedUpFail) {
  for (const std::size_t size : {kMaxSize, kMaxSize - 100, kMaxDifference}) {
    errno = 0;
    EXPECT_EQ(opaque(mi_pvalloc(opaque(size))), nullptr);
    EXPECT_EQ(errno, ENOMEM);
  }
}

}  // namespace
