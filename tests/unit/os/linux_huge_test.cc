// OS pages of other sizes, on the real system: it may have some or none, and either answer has to
// be consistent. Most machines that run this have none.
#include <errno.h>
#include <gtest/gtest.h>
#include <string.h>
#include <sys/mman.h>

#include "os/linux.h"

namespace ashlar {
namespace {

// Whether a page is mapped, whatever it allows.
bool is_mapped(void* page) { return msync(page, Linux::page_size(), MS_ASYNC) == 0; }

// An address with free room behind it, as far as a test can know.
void* free_place(std::size_t size) {
  void* const place = Linux::reserve(nullptr, size, kHugeOsPage, Access::kNone);
  Linux::release(place, size);
  return place;
}

TEST(LinuxHuge, AHugePageIsThereOrNothingIs) {
  void* const place = free_place(kHugeOsPage);
  for (const int node : {-1, 0}) {
    errno = 77;
    const int error = Linux::map_huge_page(place, node);
    EXPECT_EQ(errno, 77);
    EXPECT_EQ(is_mapped(place), error == 0);
    if (error == 0) {
      EXPECT_EQ(*static_cast<char*>(place), 0);
      memset(place, 1, Linux::page_size());
      EXPECT_TRUE(Linux::release(place, kHugeOsPage));
    }
  }
}

TEST(LinuxHuge, AHugePageDoesNotReplaceWhatIsThere) {
  void* const place = Linux::reserve(nullptr, kHugeOsPage, kHugeOsPage, Access::kReadWrite);
  ASSERT_NE(place, nullptr);
  *static_cast<char*>(place) = 42;
  EXPECT_NE(Linux::map_huge_page(place, -1), 0);
  EXPECT_EQ(*static_cast<char*>(place), 42);
  EXPECT_TRUE(Linux::release(place, kHugeOsPage));
}

TEST(LinuxHuge, LargePagesAreAlignedAndZeroIfThereAreAny) {
  constexpr std::size_t kAlignment = 64 * kMiB;
  errno = 77;
  void* const start = Linux::reserve_large(nullptr, 4 * kMiB, kAlignment);
  EXPECT_EQ(errno, 77);
  if (start != nullptr) {
    EXPECT_TRUE(is_aligned(start, kAlignment));
    EXPECT_EQ(*at_offset<char>(start, 4 * kMiB - 1), 0);
    EXPECT_TRUE(Linux::release(start, 4 * kMiB));
  }
  EXPECT_EQ(Linux::reserve_large(nullptr, std::size_t{1} << 46, kAlignment), nullptr);
}

TEST(LinuxHuge, AdviceAndNodesAreTakenForMemoryThatIsThere) {
  void* const start = Linux::reserve(nullptr, 4 * kMiB, 2 * kMiB, Access::kReadWrite);
  ASSERT_NE(start, nullptr);
  errno = 77;
  // A kernel without transparent huge pages listens to neither.
  EXPECT_EQ(Linux::advise_huge_pages(start, 4 * kMiB, HugeAdvice::kWanted),
            Linux::advise_huge_pages(start, 4 * kMiB, HugeAdvice::kUnwanted));
  Linux::bind_to_node(start, 4 * kMiB, 0);
  EXPECT_FALSE(Linux::bind_to_node(start, 4 * kMiB, 1'000'000));
  EXPECT_FALSE(Linux::bind_to_node(start, 4 * kMiB, 1023)) << "a node that no machine here has";
  EXPECT_EQ(errno, 77);
  memset(start, 1, 4 * kMiB);
  EXPECT_TRUE(Linux::release(start, 4 * kMiB));
  EXPECT_FALSE(Linux::advise_huge_pages(start, 4 * kMiB, HugeAdvice::kUnwanted));
}

}  // namespace
}  // namespace ashlar
