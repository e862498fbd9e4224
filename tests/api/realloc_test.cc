// Resizing: what stays, what moves, and what happens to the old block when it fails.
// The zeroing of rezalloc and recalloc has a file of its own.
#include <gtest/gtest.h>

#include <set>

#include "api_test_support.h"

namespace {

using namespace api_test;

TEST(Realloc, NullAllocates) {
  for (void* p : {mi_realloc(nullptr, 100), mi_reallocn(nullptr, 10, 10), mi_reallocf(nullptr, 100),
                  mi_reallocarray(nullptr, 10, 10), mi_new_realloc(nullptr, 100),
                  mi_new_reallocn(nullptr, 10, 10)}) {
    const Block block(p);
    ASSERT_TRUE(block);
    fill(block.get(), 0, 100, 1);
    EXPECT_GE(mi_usable_size(block.get()), 100u);
  }
}

TEST(Realloc, NullAndZeroGiveALiveBlock) {
  const Block block(mi_realloc(nullptr, 0));
  const Block other(mi_realloc(nullptr, 0));
  ASSERT_TRUE(block && other);
  EXPECT_NE(block.get(), other.get());
}

TEST(Realloc, ToZeroGivesALiveBlockWithItsFirstByteCleared) {
  ErrorRecorder errors;
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{8}, std::size_t{24}, std::size_t{1000}, 40 * kKiB, 3 * kMiB}) {
    void* p = opaque(mi_malloc(size));
    ASSERT_NE(p, nullptr);
    std::memset(p, 0x5a, size);
    const Block block(mi_realloc(p, 0));
    ASSERT_TRUE(block) << size;
    EXPECT_EQ(block.bytes()[0], 0) << size;
    const Block another(mi_malloc(0));
    EXPECT_NE(block.get(), another.get()) << "the block must still be live";
  }
  EXPECT_TRUE(errors.take().empty()) << "each block is freed exactly once";
}

TEST(Realloc, KeepsTheBytesUpToTheSmallerSize) {
  const std::vector<std::size_t> sizes = {1,    7,    8,     16,    17,    100,  1024,
                                          1025, 4096, 10000, 65536, 70000, kMiB, 3 * kMiB};
  for (const std::size_t from : sizes) {
    for (const std::size_t to : sizes) {
      void* p = opaque(mi_malloc(from));
      ASSERT_NE(p, nullptr);
      fill(p, 0, from, 4);
      const Block block(mi_realloc(p, to));
      ASSERT_TRUE(block) << from << " -> " << to;
      const std::size_t kept = from < to ? from : to;
      ASSERT_EQ(first_difference(block.get(), 0, kept, 4), kept) << from << " -> " << to;
      ASSERT_GE(mi_usable_size(block.get()), to);
      ASSERT_TRUE(is_aligned(block.get(), to >= 16 ? 16 : 8));
      fill(block.get(), 0, to, 5);
    }
  }
}

TEST(Realloc, StaysInPlaceDownToHalfOfTheUsableSize) {
  for (const std::size_t size :
       {std::size_t{64}, std::size_t{100}, std::size_t{640}, std::size_t{5000}, 100 * kKiB}) {
    void* p = opaque(mi_malloc(size));
    const std::size_t room = mi_good_size(size);
    const std::uintptr_t before = address_of(p);
    for (const std::size_t to : {room, room - 1, room - room / 4, (room + 1) / 2}) {
      p = opaque(mi_realloc(p, to));
      ASSERT_EQ(address_of(p), before) << size << " -> " << to;
    }
    mi_free(p);
  }
}

TEST(Realloc, ShrinkingFarBelowHalfGivesTheRestBack) {
  const std::size_t size = 512 * kKiB;
  const Block block(mi_realloc(mi_malloc(size), 100));
  ASSERT_TRUE(block);
  EXPECT_LT(mi_usable_size(block.get()), size / 2);
}

TEST(Realloc, GrowsStepByStepWithoutLosingAByte) {
  void* p = nullptr;
  std::size_t size = 0;
  while (size < 2 * kMiB) {
    const std::size_t next = size + 1 + size / 9;
    p = opaque(mi_realloc(p, next));
    ASSERT_NE(p, nullptr);
    ASSERT_EQ(first_difference(p, 0, size, 6), size);
    fill(p, size, next, 6);
    size = next;
  }
  mi_free(p);
}

TEST(Realloc, FailureLeavesTheBlockAsItWas) {
  for (const std::size_t size : {std::size_t{24}, std::size_t{3000}, kMiB, 20 * kMiB}) {
    const Block block(mi_malloc(size));
    fill(block.get(), 0, size, 8);
    const std::size_t usable = mi_usable_size(block.get());
    ErrorRecorder errors;
    void* p = block.get();
    const std::size_t big = opaque(kMoreThanThereIs);
    const std::size_t over = opaque(kMaxSize);
    errno = 0;
    EXPECT_EQ(opaque(mi_realloc(p, big)), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_EQ(errors.take(), std::vector<int>{ENOMEM});
    errno = 0;
    EXPECT_EQ(opaque(mi_realloc(p, over)), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_EQ(errors.take(), std::vector<int>{EOVERFLOW});
    EXPECT_EQ(opaque(mi_reallocn(p, over, 2)), nullptr);
    EXPECT_EQ(opaque(mi_reallocarray(p, over, 2)), nullptr);
    EXPECT_EQ(opaque(mi_rezalloc(p, big)), nullptr);
    EXPECT_EQ(opaque(mi_recalloc(p, over, 2)), nullptr);
    EXPECT_EQ(opaque(mi_realloc_aligned(p, big, 64)), nullptr);
    EXPECT_EQ(opaque(mi_recalloc_aligned(p, over, 2, 64)), nullptr);
    EXPECT_EQ(errors.take().size(), 6u);
    EXPECT_EQ(mi_usable_size(p), usable);
    EXPECT_EQ(first_difference(p, 0, size, 8), size);
  }
}

TEST(Realloc, ReallocfFreesTheBlockWhenItFails) {
  // Were the blocks leaked, no address would come twice.
  constexpr std::size_t kRounds = 1000;
  std::set<std::uintptr_t> addresses;
  for (std::size_t round = 0; round < kRounds; ++round) {
    void* p = opaque(mi_malloc(4000));
    ASSERT_NE(p, nullptr);
    addresses.insert(address_of(p));
    errno = 0;
    ASSERT_EQ(opaque(mi_reallocf(p, opaque(round % 2 == 0 ? kMaxSize : kMoreThanThereIs))),
              nullptr);
    EXPECT_EQ(errno, ENOMEM);
  }
  EXPECT_LT(addresses.size(), kRounds / 2);
}

TEST(Realloc, ReallocfResizesLikeRealloc) {
  void* p = opaque(mi_malloc(100));
  fill(p, 0, 100, 2);
  const Block block(mi_reallocf(p, 20000));
  ASSERT_TRUE(block);
  EXPECT_EQ(first_difference(block.get(), 0, 100, 2), 100u);
}

TEST(Realloc, ReallocnAndReallocarrayMultiply) {
  for (const bool array : {false, true}) {
    void* p = opaque(mi_malloc(60));
    fill(p, 0, 60, 2);
    const Block block(array ? mi_reallocarray(p, 300, 20) : mi_reallocn(p, 300, 20));
    ASSERT_TRUE(block);
    EXPECT_GE(mi_usable_size(block.get()), 6000u);
    EXPECT_EQ(first_difference(block.get(), 0, 60, 2), 60u);
  }
}

TEST(Reallocarr, UpdatesThePointer) {
  void* p = nullptr;
  ASSERT_EQ(mi_reallocarr(&p, 10, 10), 0);
  ASSERT_NE(opaque(p), nullptr);
  fill(p, 0, 100, 2);
  ASSERT_EQ(mi_reallocarr(&p, 1000, 10), 0);
  EXPECT_GE(mi_usable_size(p), 10000u);
  EXPECT_EQ(first_difference(p, 0, 100, 2), 100u);
  mi_free(p);
}

TEST(Reallocarr, FailureLeavesThePointer) {
  const Block block(mi_malloc(100));
  fill(block.get(), 0, 100, 2);
  void* p = block.get();
  EXPECT_EQ(mi_reallocarr(&p, opaque(kMaxSize), 2), ENOMEM);
  EXPECT_EQ(p, block.get());
  EXPECT_EQ(mi_reallocarr(&p, opaque(kMoreThanThereIs), 1), ENOMEM);
  EXPECT_EQ(p, block.get());
  EXPECT_EQ(first_difference(p, 0, 100, 2), 100u);
  EXPECT_EQ(mi_reallocarr(opaque<void*>(nullptr), 1, 1), EINVAL);
}

TEST(Realloc, AlignsAsMallocDoesWhateverTheBlockWas) {
  for (const std::size_t offset : {std::size_t{8}, std::size_t{24}, std::size_t{1}}) {
    for (const std::size_t size : {std::size_t{50}, std::size_t{90}, std::size_t{3000}}) {
      void* block = opaque(mi_malloc_aligned_at(100, 64, offset));
      fill(block, 0, 50, 4);
      block = opaque(mi_realloc(block, size));
      EXPECT_TRUE(is_aligned(block, 16)) << offset << ", " << size;
      EXPECT_EQ(first_difference(block, 0, 50, 4), 50u);
      mi_free(block);
    }
  }
}

}  // namespace
