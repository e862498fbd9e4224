// The `new` family: what is thrown, what is returned, and how often the new handler is asked.
// The operators themselves are tested where the library overrides them.
#include <gtest/gtest.h>

#include <new>

#include "api_test_support.h"

namespace {

using namespace api_test;

int handler_calls = 0;

struct HandlerError {};

// Installs a new handler for its lifetime.
class WithHandler {
 public:
  explicit WithHandler(std::new_handler handler) : previous_(std::set_new_handler(handler)) {
    handler_calls = 0;
  }
  ~WithHandler() { std::set_new_handler(previous_); }
  WithHandler(const WithHandler&) = delete;
  WithHandler& operator=(const WithHandler&) = delete;

 private:
  std::new_handler previous_;
};

// Helps three times in vain, then gives up by removing itself.
void give_up_after_three() {
  if (++handler_calls == 3) std::set_new_handler(nullptr);
}

// Like give_up_after_three(), for calls that are expected to ask once only.
void count_only() {
  if (++handler_calls == 100) std::set_new_handler(nullptr);
}

void throw_own_error() {
  ++handler_calls;
  throw HandlerError{};
}

void throw_bad_alloc() {
  ++handler_calls;
  throw std::bad_alloc{};
}

TEST(NewFamily, GivesBlocksLikeMalloc) {
  for (const std::size_t size : border_sizes(kMiB)) {
    for (void* p : {mi_new(size), mi_new_nothrow(size), mi_new_n(size, 1), mi_new_n(1, size)}) {
      const Block block(p);
      ASSERT_TRUE(block) << size;
      ASSERT_GE(mi_usable_size(p), size);
      ASSERT_TRUE(is_aligned(p, size >= 16 ? 16 : 8));
      std::memset(p, 1, size);
    }
  }
}

TEST(NewFamily, AlignedFormsAlign) {
  for (std::size_t alignment = 1; alignment <= 4 * kMiB; alignment *= 2) {
    const Block throwing(mi_new_aligned(100, alignment));
    const Block quiet(mi_new_aligned_nothrow(100, alignment));
    ASSERT_TRUE(throwing && quiet);
    EXPECT_TRUE(is_aligned(throwing.get(), alignment));
    EXPECT_TRUE(is_aligned(quiet.get(), alignment));
  }
}

TEST(NewFamily, ZeroBytesGiveUniqueBlocks) {
  const Block first(mi_new(0));
  const Block second(mi_new_n(0, 100));
  ASSERT_TRUE(first && second);
  EXPECT_NE(first.get(), second.get());
}

TEST(NewFamily, ReallocFormsKeepTheBytes) {
  void* p = opaque(mi_new(100));
  fill(p, 0, 100, 1);
  p = opaque(mi_new_realloc(p, 4000));
  EXPECT_EQ(first_difference(p, 0, 100, 1), 100u);
  fill(p, 0, 4000, 1);
  p = opaque(mi_new_reallocn(p, 100, 1000));
  EXPECT_EQ(first_difference(p, 0, 4000, 1), 4000u);
  EXPECT_GE(mi_usable_size(p), 100000u);
  mi_free(p);
}

TEST(NewFamily, ThrowsBadAllocWithoutAHandler) {
  const WithHandler none(nullptr);
  const std::size_t big = opaque(kMoreThanThereIs);
  const std::size_t over = opaque(kMaxSize);
  EXPECT_THROW((void)mi_new(big), std::bad_alloc);
  EXPECT_THROW((void)mi_new(over), std::bad_alloc);
  EXPECT_THROW((void)mi_new_aligned(big, 64), std::bad_alloc);
  EXPECT_THROW((void)mi_new_n(over, 2), std::bad_alloc);
  EXPECT_THROW((void)mi_new_n(big, 1), std::bad_alloc);
  EXPECT_THROW((void)mi_new_realloc(nullptr, big), std::bad_alloc);
  EXPECT_THROW((void)mi_new_reallocn(nullptr, over, 2), std::bad_alloc);
  EXPECT_THROW((void)mi_new_aligned(64, opaque(std::size_t{24})), std::bad_alloc);
}

TEST(NewFamily, NothrowFormsReturnNullWithoutAHandler) {
  const WithHandler none(nullptr);
  errno = 0;
  EXPECT_EQ(opaque(mi_new_nothrow(opaque(kMoreThanThereIs))), nullptr);
  EXPECT_EQ(errno, ENOMEM);
  EXPECT_EQ(opaque(mi_new_aligned_nothrow(opaque(kMoreThanThereIs), 64)), nullptr);
  EXPECT_EQ(opaque(mi_new_nothrow(opaque(kMaxSize))), nullptr);
}

TEST(NewFamily, AsksTheHandlerAsOftenAsThereIsOne) {
  const std::size_t big = opaque(kMoreThanThereIs);
  {
    const WithHandler handler(give_up_after_three);
    EXPECT_THROW((void)mi_new(big), std::bad_alloc);
    EXPECT_EQ(handler_calls, 3);
  }
  {
    const WithHandler handler(give_up_after_three);
    EXPECT_THROW((void)mi_new_aligned(big, 64), std::bad_alloc);
    EXPECT_EQ(handler_calls, 3);
  }
  {
    const WithHandler handler(give_up_after_three);
    EXPECT_EQ(opaque(mi_new_nothrow(big)), nullptr);
    EXPECT_EQ(handler_calls, 3);
  }
  {
    const WithHandler handler(give_up_after_three);
    EXPECT_EQ(opaque(mi_new_aligned_nothrow(big, 64)), nullptr);
    EXPECT_EQ(handler_calls, 3);
  }
}

TEST(NewFamily, AnOverflowingProductAsksTheHandlerOnce) {
  {
    const WithHandler handler(count_only);
    EXPECT_THROW((void)mi_new_n(opaque(kMaxSize), 2), std::bad_alloc);
    EXPECT_EQ(handler_calls, 1);
  }
  {
    const WithHandler handler(count_only);
    EXPECT_THROW((void)mi_new_reallocn(nullptr, opaque(kMaxSize), 2), std::bad_alloc);
    EXPECT_EQ(handler_calls, 1);
  }
}

TEST(NewFamily, WhatAHandlerThrowsReachesTheCaller) {
  const WithHandler handler(throw_own_error);
  const std::size_t big = opaque(kMoreThanThereIs);
  EXPECT_THROW((void)mi_new(big), HandlerError);
  EXPECT_THROW((void)mi_new_aligned(big, 64), HandlerError);
  EXPECT_THROW((void)mi_new_n(opaque(kMaxSize), 2), HandlerError);
  EXPECT_THROW((void)mi_new_realloc(nullptr, big), HandlerError);
  EXPECT_EQ(handler_calls, 4);
}

TEST(NewFamily, NothrowFormsCatchWhatAHandlerThrows) {
  const WithHandler handler(throw_bad_alloc);
  EXPECT_EQ(opaque(mi_new_nothrow(opaque(kMoreThanThereIs))), nullptr);
  EXPECT_EQ(handler_calls, 1);
  EXPECT_EQ(opaque(mi_new_aligned_nothrow(opaque(kMoreThanThereIs), 64)), nullptr);
  EXPECT_EQ(handler_calls, 2);
}

TEST(NewFamily, AFailedReallocLeavesTheBlock) {
  const WithHandler none(nullptr);
  const Block block(mi_new(300));
  fill(block.get(), 0, 300, 1);
  EXPECT_THROW((void)mi_new_realloc(block.get(), opaque(kMoreThanThereIs)), std::bad_alloc);
  EXPECT_THROW((void)mi_new_reallocn(block.get(), opaque(kMaxSize), 2), std::bad_alloc);
  EXPECT_EQ(first_difference(block.get(), 0, 300, 1), 300u);
}

}  // namespace
