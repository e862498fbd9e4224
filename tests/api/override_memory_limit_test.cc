// What happens when address space really runs out: requests fail, nothing is lost, and memory that
// is freed serves again. Every case lowers the limit of the whole process, so these tests run
// where the library serves the process alone, not under a sanitizer's own memory.

// Builds whose malloc is the C library's (under a sanitizer) have nothing to test here.
#if defined(ASHLAR_OVERRIDE)

#if defined(__GNUC__) && !defined(__clang__)
// A block stays valid when realloc fails, which the compiler can't know.
#pragma GCC diagnostic ignored "-Wuse-after-free"
#endif

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <new>

#include "api_test_support.h"

namespace {

using namespace api_test;

std::size_t address_space_in_use() {
  std::size_t pages = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%zu", &pages) != 1) pages = 0;
  if (file != nullptr) std::fclose(file);
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// Lets the process have only so much more address space, for the lifetime of the object.
class AddressSpaceLimit {
 public:
  explicit AddressSpaceLimit(std::size_t more) {
    getrlimit(RLIMIT_AS, &before_);
    rlimit lower = before_;
    lower.rlim_cur = address_space_in_use() + more;
    setrlimit(RLIMIT_AS, &lower);
  }
  ~AddressSpaceLimit() { lift(); }
  AddressSpaceLimit(const AddressSpaceLimit&) = delete;
  AddressSpaceLimit& operator=(const AddressSpaceLimit&) = delete;
  void lift() const { setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_ = {};
};

constexpr std::size_t kBlockSize = 64 * kMiB;

// All the blocks that a limit allows. Assertions wait until the limit is gone: they allocate.
struct LimitHoard {
  std::array<void*, 4096> blocks = {};
  std::size_t count = 0;
  int error = 0;

  void fill_up() {
    errno = 0;
    while (count < blocks.size()) {
      void* p = opaque(malloc(kBlockSize));
      if (p == nullptr) break;
      *static_cast<char*>(p) = 1;
      blocks[count++] = p;
    }
    error = errno;
  }
  void free_one() {
    if (count > 0) free(blocks[--count]);
  }
  ~LimitHoard() {
    while (count > 0) free_one();
  }
};

TEST(OverrideMemoryLimit, MallocFailsWithEnomemAndServesAgainAfterAFree) {
  LimitHoard hoard;
  void* small = nullptr;
  void* again = nullptr;
  {
    const AddressSpaceLimit limit(256 * kMiB);
    hoard.fill_up();
    small = opaque(malloc(100));
    hoard.free_one();
    again = opaque(malloc(kBlockSize));
  }
  EXPECT_LT(hoard.count, hoard.blocks.size()) << "the limit was never reached";
  EXPECT_GT(hoard.count, 0u);
  EXPECT_EQ(hoard.error, ENOMEM);
  EXPECT_NE(again, nullptr);
  free(small);
  free(again);
}

TEST(OverrideMemoryLimit, AFailedReallocKeepsTheBlock) {
  void* p = opaque(malloc(kMiB));
  ASSERT_NE(p, nullptr);
  fill(p, 0, kMiB, 1);
  LimitHoard hoard;
  void* grown = nullptr;
  int error = 0;
  {
    const AddressSpaceLimit limit(64 * kMiB);
    hoard.fill_up();
    errno = 0;
    grown = opaque(realloc(p, 4 * kGiB));
    error = errno;
  }
  EXPECT_EQ(grown, nullptr);
  EXPECT_EQ(error, ENOMEM);
  EXPECT_EQ(first_difference(p, 0, kMiB, 1), kMiB);
  free(p);
}

LimitHoard* given_by_handler = nullptr;
int limit_handler_calls = 0;

TEST(OverrideMemoryLimit, AHandlerThatFreesMemoryLetsNewSucceed) {
  const auto free_a_block = [] {
    ++limit_handler_calls;
    if (given_by_handler->count == 0) std::set_new_handler(nullptr);
    given_by_handler->free_one();
  };
  LimitHoard hoard;
  given_by_handler = &hoard;
  limit_handler_calls = 0;
  void* p = nullptr;
  void* quiet = nullptr;
  const std::new_handler previous = std::set_new_handler(free_a_block);
  {
    const AddressSpaceLimit limit(256 * kMiB);
    hoard.fill_up();
    p = opaque(::operator new(kBlockSize, std::nothrow));
    quiet = opaque(mi_new_nothrow(kBlockSize));
  }
  std::set_new_handler(previous);
  EXPECT_NE(p, nullptr);
  EXPECT_NE(quiet, nullptr);
  EXPECT_GE(limit_handler_calls, 2);
  ::operator delete(p);
  mi_free(quiet);
}

TEST(OverrideMemoryLimit, SmallBlocksRunOutCleanly) {
  // Every failure comes back as NULL, and what was given before stays whole.
  constexpr std::size_t kCell = 4096;
  struct Cell {
    Cell* next;
    std::size_t number;
  };
  Cell* cells = nullptr;
  std::size_t count = 0;
  int error = 0;
  LimitHoard hoard;
  {
    const AddressSpaceLimit limit(8 * kMiB);
    hoard.fill_up();
    for (errno = 0; count < 1000000; ++count) {
      auto* cell = static_cast<Cell*>(opaque(malloc(kCell)));
      if (cell == nullptr) break;
      *cell = {cells, count};
      cells = cell;
    }
    error = errno;
  }
  EXPECT_EQ(error, ENOMEM);
  std::size_t expected = count;
  bool whole = true;
  while (cells != nullptr) {
    Cell* next = cells->next;
    whole = whole && cells->number == --expected;
    free(cells);
    cells = next;
  }
  EXPECT_TRUE(whole);
  EXPECT_EQ(expected, 0u);
}

}  // namespace

#endif  // ASHLAR_OVERRIDE
