// What users of threads rely on: blocks pass freely between threads, outlive the thread that
// allocated them, and are resized and freed anywhere. Load and races are the stress tests' work.
#include <gtest/gtest.h>

#include <thread>

#include "api_test_support.h"

namespace {

using namespace api_test;

constexpr int kThreads = 4;
constexpr std::size_t kBlocks = 2000;

std::size_t size_of(std::size_t i) { return (i * 37) % 3000 + 1; }

std::vector<void*> allocate_all(unsigned seed) {
  std::vector<void*> blocks(kBlocks);
  for (std::size_t i = 0; i < kBlocks; ++i) {
    blocks[i] = opaque(mi_malloc(size_of(i)));
    if (blocks[i] != nullptr) fill(blocks[i], 0, size_of(i), seed);
  }
  return blocks;
}

// The number of blocks that do not hold what allocate_all() wrote. Frees them all.
std::size_t check_and_free_all(const std::vector<void*>& blocks, unsigned seed) {
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < kBlocks; ++i) {
    wrong += blocks[i] == nullptr || first_difference(blocks[i], 0, size_of(i), seed) != size_of(i);
    mi_free(blocks[i]);
  }
  return wrong;
}

template <class Work>
void on_other_thread(Work work) {
  std::thread thread(work);
  thread.join();
}

TEST(Threads, BlocksOutliveTheirThread) {
  std::vector<void*> blocks;
  on_other_thread([&] { blocks = allocate_all(1); });
  EXPECT_EQ(check_and_free_all(blocks, 1), 0u);
}

TEST(Threads, AnotherThreadMayFree) {
  const std::vector<void*> blocks = allocate_all(2);
  std::size_t wrong = 1;
  on_other_thread([&] { wrong = check_and_free_all(blocks, 2); });
  EXPECT_EQ(wrong, 0u);
  const std::vector<void*> again = allocate_all(3);
  EXPECT_EQ(check_and_free_all(again, 3), 0u);
}

TEST(Threads, AnotherThreadMayResize) {
  std::vector<void*> blocks = allocate_all(4);
  on_other_thread([&] {
    for (std::size_t i = 0; i < kBlocks; ++i) {
      blocks[i] = opaque(mi_realloc(blocks[i], size_of(i) * 2));
    }
  });
  EXPECT_EQ(check_and_free_all(blocks, 4), 0u);
}

TEST(Threads, AlignedBlocksPassBetweenThreads) {
  std::vector<Block> blocks;
  on_other_thread([&] {
    for (std::size_t alignment = 16; alignment <= 8 * kMiB; alignment *= 2) {
      blocks.emplace_back(mi_zalloc_aligned(200, alignment));
    }
  });
  for (const Block& block : blocks) {
    ASSERT_TRUE(block);
    EXPECT_EQ(first_nonzero(block.get(), 0, 200), 200u);
  }
  on_other_thread([&] { blocks.clear(); });
}

TEST(Threads, ManyThreadsAllocateAndHandOn) {
  std::vector<void*> blocks[kThreads];
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] { blocks[t] = allocate_all(static_cast<unsigned>(t)); });
  }
  for (std::thread& thread : threads) thread.join();
  threads.clear();
  std::size_t wrong[kThreads] = {};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const int from = (t + 1) % kThreads;
      wrong[t] = check_and_free_all(blocks[from], static_cast<unsigned>(from));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int t = 0; t < kThreads; ++t) EXPECT_EQ(wrong[t], 0u);
}

TEST(Threads, ThreadInitAndDoneMayBeCalledByHand) {
  void* p = nullptr;
  on_other_thread([&] {
    mi_thread_init();
    mi_thread_init();
    p = opaque(mi_malloc(100));
    fill(p, 0, 100, 1);
    mi_thread_done();
    mi_thread_done();
    void* later = opaque(mi_malloc(100));
    fill(later, 0, 100, 2);
    mi_free(later);
  });
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(first_difference(p, 0, 100, 1), 100u);
  mi_free(p);
}

TEST(Threads, OwnershipIsTheCallingThreads) {
  const Block mine(mi_malloc(100));
  EXPECT_TRUE(mi_check_owned(mine.get()));
  bool other_owns = true;
  on_other_thread([&] {
    const Block warm_up(mi_malloc(100));
    other_owns = mi_check_owned(mine.get()) || !mi_check_owned(warm_up.get());
  });
  EXPECT_FALSE(other_owns);
  int local = 0;
  EXPECT_FALSE(mi_check_owned(opaque(&local)));
  EXPECT_FALSE(mi_check_owned(opaque<void*>(nullptr)));
}

TEST(Threads, ErrnoBelongsToTheThreadThatFailed) {
  errno = 0;
  int theirs = 0;
  on_other_thread([&] {
    if (opaque(mi_malloc(opaque(kMoreThanThereIs))) == nullptr) theirs = errno;
  });
  EXPECT_EQ(theirs, ENOMEM);
  EXPECT_EQ(errno, 0);
}

}  // namespace
