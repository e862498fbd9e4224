// Row 23: buffers of many MiB. What is allocated and freed again and again is not faulted in every
// time and comes back to the system later; what grows is neither copied over and over nor there
// twice; zeroed memory that nobody touches costs nothing. All by counts, never by time.
#include "regress_support.h"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <cstdlib>
#include <initializer_list>
#include <thread>
#include <vector>

namespace {

using regress::kMiB;

constexpr bool kTouchesOnlyWhatIsUsed = regress::kExact && !regress::kFills;

std::size_t page_size() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

std::size_t faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_minflt);
}

void touch(void* block, std::size_t from, std::size_t to) {
  auto* const bytes = static_cast<volatile unsigned char*>(block);
  for (std::size_t at = from; at < to; at += 4096) bytes[at] = static_cast<unsigned char>(at >> 12);
}

bool is_touched(const void* block, std::size_t to) {
  const auto* const bytes = static_cast<const volatile unsigned char*>(block);
  for (std::size_t at = 0; at < to; at += 4096)
    if (bytes[at] != static_cast<unsigned char>(at >> 12)) return false;
  return true;
}

// Time passes until what waits is due, with the calls now and then that a program makes.
void rest() {
  for (int i = 0; i < 12; i++) {
    const timespec time{.tv_sec = 0, .tv_nsec = 60'000'000};
    nanosleep(&time, nullptr);
    for (int k = 0; k < 4000; k++) mi_free(mi_malloc(40'000));
  }
}

// What tests before this one had purged by force is forgotten when some delays have passed.
class LargeBuffers : public ::testing::Test {
 protected:
  LargeBuffers() {
    mi_collect(true);
    rest();
  }
  ~LargeBuffers() override { mi_collect(true); }
};
using regress_23_large_buffers = LargeBuffers;

TEST_F(regress_23_large_buffers, a_buffer_used_again_and_again_is_not_faulted_in_every_time) {
  for (const std::size_t size : {kMiB, 8 * kMiB, 32 * kMiB, 64 * kMiB, 200 * kMiB}) {
    const std::size_t rounds = 12 / (size > 32 * kMiB ? 2 : 1);
    const std::size_t before = faults();
    for (std::size_t i = 0; i < rounds; i++) {
      void* const block = mi_malloc(size);
      ASSERT_NE(block, nullptr);
      touch(block, 0, size);
      mi_free(block);
    }
    if (kTouchesOnlyWhatIsUsed) {
      // The first time, the time after which it is seen that giving it back did not pay, and half
      // a time more for what else there is.
      EXPECT_LE(faults() - before, size / page_size() * 5 / 2 + 300)
          << size / kMiB << " MiB, " << rounds << " times";
    }
  }
}

TEST_F(regress_23_large_buffers, two_sizes_in_turn_and_growing_ones_are_not_either) {
  const std::size_t before = faults();
  for (int i = 0; i < 8; i++) {
    for (const std::size_t size : {40 * kMiB, 90 * kMiB}) {
      void* const block = mi_malloc(size);
      ASSERT_NE(block, nullptr);
      touch(block, 0, size);
      mi_free(block);
    }
    void* block = nullptr;
    for (std::size_t size = kMiB; size <= 64 * kMiB; size *= 2) {
      block = mi_realloc(block, size);
      ASSERT_NE(block, nullptr);
      touch(block, size == kMiB ? 0 : size / 2, size);
    }
    ASSERT_TRUE(is_touched(block, 64 * kMiB));
    mi_free(block);
  }
  if (kTouchesOnlyWhatIsUsed) {
    EXPECT_LE(faults() - before, 194 * kMiB / page_size() * 3);  // of 8 times
  }
}

// A process that had a second thread once, and now has one again, has no purge thread to wait for.
TEST_F(regress_23_large_buffers, nor_is_it_after_a_thread_has_come_and_gone) {
  std::thread([] {
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < 100; i++) blocks.push_back(mi_malloc(i * 100));
    for (void* const block : blocks) mi_free(block);
  }).join();
  const std::size_t before = faults();
  for (int i = 0; i < 10; i++) {
    void* const block = mi_malloc(50 * kMiB);
    ASSERT_NE(block, nullptr);
    touch(block, 0, 50 * kMiB);
    mi_free(block);
  }
  if (kTouchesOnlyWhatIsUsed) {
    EXPECT_LE(faults() - before, 50 * kMiB / page_size() * 5 / 2 + 300);
  }
}

TEST_F(regress_23_large_buffers, its_memory_comes_back_when_it_is_not_used_any_more) {
  const std::size_t before = regress::resident_bytes();
  for (int i = 0; i < 6; i++) {
    void* const block = mi_malloc(150 * kMiB);
    ASSERT_NE(block, nullptr);
    touch(block, 0, 150 * kMiB);
    mi_free(block);
  }
  rest();
  if (regress::kExact) {
    EXPECT_LE(regress::resident_bytes(), before + 16 * kMiB);
  }
}

struct Growth {
  std::size_t first;
  std::size_t step;     // bytes more each time,
  std::size_t portion;  // and this part of the size
};

// Counts the pages faulted in to grow as many blocks in turn, and the most that was resident.
void grow(const Growth& growth, std::size_t last, std::size_t count) {
  std::vector<void*> blocks(count, nullptr);
  const std::size_t resident_before = regress::resident_bytes();
  const std::size_t faults_before = faults();
  std::size_t peak = 0;
  std::size_t size = 0;
  while (size < last) {
    const std::size_t more = growth.step + (growth.portion == 0 ? 0 : size / growth.portion);
    const std::size_t next = size == 0 ? growth.first : size + more < last ? size + more : last;
    for (void*& block : blocks) {
      block = mi_realloc(block, next);
      ASSERT_NE(block, nullptr) << next;
      touch(block, size & ~std::size_t{4095}, next);
    }
    size = next;
    const std::size_t resident = regress::resident_bytes();
    peak = resident > peak ? resident : peak;
  }
  const std::size_t total = last * count;
  if (kTouchesOnlyWhatIsUsed) {
    // Each page of the last size once; and all copies together as much again, at most twice.
    EXPECT_LE(faults() - faults_before, total / page_size() * 3) << count << " to " << last;
    // Alone it is never there twice; side by side, what the others left may wait as well.
    EXPECT_LE(peak, resident_before + (count == 1 ? total + total / 4 : 2 * total))
        << count << " to " << last;
  }
  for (void* const block : blocks) {
    ASSERT_TRUE(is_touched(block, last));
    mi_free(block);
  }
}

TEST_F(regress_23_large_buffers, growing_copies_no_more_than_the_final_size_needs) {
  const std::size_t last = kTouchesOnlyWhatIsUsed ? 640 * kMiB : 128 * kMiB;
  grow({.first = kMiB, .step = kMiB, .portion = 0}, last, 1);
  grow({.first = 64 * 1024, .step = 0, .portion = 2}, last, 1);
  grow({.first = kMiB, .step = 0, .portion = 1}, last, 1);
  // One that malloc gave is in an arena, larger than what has grown may be there.
  grow({.first = last / 2, .step = kMiB, .portion = 0}, last * 3 / 4, 1);
}

// The same side by side: each is in the other's way.
TEST_F(regress_23_large_buffers, growing_side_by_side_copies_no_more_either) {
  grow({.first = 64 * 1024, .step = 64 * 1024, .portion = 0}, 30 * kMiB / regress::kSlower, 16);
  grow({.first = kMiB, .step = kMiB, .portion = 0}, 100 * kMiB / regress::kSlower, 3);
}

// The most that was resident while it is copied for the last time, which a sample between two
// calls does not see: the kernel's own figure of the peak does.
TEST_F(regress_23_large_buffers, a_large_block_that_has_to_move_is_not_there_twice) {
  if (!kTouchesOnlyWhatIsUsed) return;
  rusage usage{};
  constexpr std::size_t kFirst = 450 * kMiB;
  void* block = mi_malloc(kFirst);
  ASSERT_NE(block, nullptr);
  touch(block, 0, kFirst);
  getrusage(RUSAGE_SELF, &usage);
  const auto peak = static_cast<std::size_t>(usage.ru_maxrss) * 1024;
  const std::size_t now = regress::resident_bytes();
  block = mi_realloc(block, 600 * kMiB);  // more than any arena block
  ASSERT_NE(block, nullptr);
  EXPECT_TRUE(is_touched(block, kFirst));
  getrusage(RUSAGE_SELF, &usage);
  const auto peak_after = static_cast<std::size_t>(usage.ru_maxrss) * 1024;
  EXPECT_LE(peak_after, (peak > now + 64 * kMiB ? peak : now + 64 * kMiB));
  mi_free(block);
}

TEST_F(regress_23_large_buffers, a_shrunk_block_gives_memory_back) {
  for (const std::size_t size : {48 * kMiB, 300 * kMiB}) {
    for (const bool zeroed : {false, true}) {
      const std::size_t before = regress::resident_bytes();
      void* block = zeroed ? mi_zalloc(size) : mi_malloc(size);
      ASSERT_NE(block, nullptr);
      touch(block, 0, size);
      block = mi_realloc(block, size / 4);
      ASSERT_NE(block, nullptr);
      rest();
      if (regress::kExact) {
        EXPECT_LE(regress::resident_bytes(), before + size / 2) << size;
      }
      EXPECT_TRUE(is_touched(block, size / 4));
      mi_free(block);
      mi_collect(true);
    }
  }
}

TEST_F(regress_23_large_buffers, zeroed_memory_that_nobody_touches_costs_nothing) {
  if (!kTouchesOnlyWhatIsUsed) return;
  // Where the next block could lie is full of other bytes.
  void* const used = mi_malloc(300 * kMiB);
  ASSERT_NE(used, nullptr);
  std::memset(used, 0xA5, 300 * kMiB);
  mi_free(used);
  const std::size_t resident = regress::resident_bytes();
  for (const std::size_t size : {40 * kMiB, 100 * kMiB, 300 * kMiB, 1024 * kMiB}) {
    const std::size_t before = faults();
    for (int i = 0; i < 50; i++) {
      auto* const block = static_cast<volatile unsigned char*>(mi_calloc(size / 16, 16));
      ASSERT_NE(block, nullptr);
      for (std::size_t at = 0; at < size; at += size / 4) {
        ASSERT_EQ(block[at], 0);
        block[at] = 1;
      }
      ASSERT_LE(regress::resident_bytes(), resident + 4 * kMiB) << size;
      mi_free(const_cast<unsigned char*>(block));
    }
    EXPECT_LE(faults() - before, 50 * 4 + 200u) << size;
  }
}

}  // namespace
