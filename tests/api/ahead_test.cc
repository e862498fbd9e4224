// Memory that is put in place before blocks need it stays a small part of what they hold.
#include <gtest/gtest.h>
#include <mimalloc.h>

#include <cstddef>
#include <thread>
#include <vector>

#include "api_test_support.h"

namespace {

using api_test::kKiB;
using api_test::kMiB;
using api_test::touched;

// Bytes touched more by blocks of a size that fill so many, at their highest over what they hold:
// a thread of its own, so that no page has room yet.
std::size_t most_beyond(std::size_t size, std::size_t bytes) {
  std::size_t most = 0;
  std::thread([&] {
    std::vector<void*> blocks(bytes / size);
    ashlar_trim(ASHLAR_TRIM_COLLECT);
    mi_free(mi_malloc(size - ashlar::kPadding));
    const std::size_t before = touched();
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      blocks[i] = mi_malloc(size - ashlar::kPadding);
      const std::size_t held = (i + 1) * size;
      const std::size_t now = touched() - before;
      most = now > held && now - held > most ? now - held : most;
    }
    for (void* const block : blocks) {
      mi_free(block);
    }
  }).join();
  return most;
}

TEST(Ahead, FewBlocksTouchNoMoreThanTheyNeed) { EXPECT_LE(most_beyond(256, 32 * kKiB), 8 * kKiB); }

// An OS page that is not full, the records of pages, and at most a thirty-second.
TEST(Ahead, ManyBlocksAThirtySecondMore) {
  for (const std::size_t size : {std::size_t{64}, std::size_t{512}, std::size_t{4096}}) {
    constexpr std::size_t kBytes = 4 * kMiB;
    EXPECT_LE(most_beyond(size, kBytes), kBytes / 32 + 64 * kKiB) << size;
  }
}

TEST(Ahead, UnderALimitNothing) {
  ashlar_limit_memory(0, std::size_t{1} << 40);
  const std::size_t most = most_beyond(64, 4 * kMiB);
  ashlar_limit_memory(0, 0);
  EXPECT_LE(most, 64 * kKiB);
}

}  // namespace
