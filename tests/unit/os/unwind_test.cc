// Stacks against those of the compiler's own unwinder, in all the ways that code calls code, and
// stacks that make no sense.
#include "os/unwind.h"

#include <alloca.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unwind.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "base/compiler.h"
#include "base/integer.h"
#include "unit/os/unwind_test_support.h"

namespace ashlar {
namespace {

// All but the innermost frame, which stands at two different calls.
void expect_same(std::size_t least) {
  ASSERT_GE(ours.count, least);
  ASSERT_EQ(ours.count, theirs.count);
  for (std::size_t i = 1; i < ours.count; ++i) {
    EXPECT_EQ(ours.at[i], theirs.at[i]) << "frame " << i;
  }
}

ASHLAR_NOINLINE int recurse(int depth) {
  if (depth == 0) {
    unwind_twice();
    return 1;
  }
  const int below = recurse(depth - 1);
  asm volatile("");
  return below + 1;
}

TEST(Unwind, DeepCalls) {
  for (const int depth : {0, 1, 5, 20, 40}) {
    recurse(depth);
    expect_same(static_cast<std::size_t>(depth) + 3);
  }
}

TEST(Unwind, NoMoreThanThereIsRoomFor) {
  std::uintptr_t frames[3] = {1, 1, 1};
  EXPECT_EQ(unwind_here(frames, 2), 2u);
  EXPECT_EQ(frames[2], 1u);
}

// Frames of changing size, and aligned ones, whose tables need expressions.
ASHLAR_NOINLINE int with_odd_frame(std::size_t bytes, int depth) {
  struct alignas(128) Wide {
    char text[128];
  };
  volatile Wide wide{};
  auto* const more = static_cast<volatile char*>(alloca(bytes));
  more[0] = 1;
  wide.text[0] = 1;
  const int below = depth == 0 ? recurse(2) : with_odd_frame(bytes + 100, depth - 1);
  asm volatile("");
  return below + more[0] + wide.text[0];
}

TEST(Unwind, AlignedAndGrowingFrames) {
  with_odd_frame(10, 4);
  expect_same(10);
}

int compare_and_take(const void* left, const void* right) {
  unwind_twice();
  return *static_cast<const int*>(left) - *static_cast<const int*>(right);
}

TEST(Unwind, ThroughTheCLibrary) {
  int numbers[] = {3, 1, 2};
  qsort(numbers, 3, sizeof numbers[0], compare_and_take);
  expect_same(5);
}

void take_in_handler(int) { unwind_twice(); }

TEST(Unwind, ThroughASignalFrame) {
  const Handler handler(SIGUSR1, 0, take_in_handler, nullptr);
  raise(SIGUSR1);
  expect_same(6);
}

TEST(Unwind, OnASignalStack) {
  std::vector<char> memory(64 * kKiB);
  const stack_t stack{memory.data(), 0, memory.size()};
  stack_t before;
  ASSERT_EQ(sigaltstack(&stack, &before), 0);
  {
    const Handler handler(SIGUSR1, SA_ONSTACK, take_in_handler, nullptr);
    raise(SIGUSR1);
  }
  sigaltstack(&before, nullptr);
  expect_same(6);
}

TEST(Unwind, OfAThread) {
  std::thread([] { recurse(3); }).join();
  expect_same(6);
}

TEST(Unwind, LeavesErrnoAlone) {
  errno = 77;
  std::uintptr_t frames[8];
  unwind_here(frames, 8);
  EXPECT_EQ(errno, 77);
}

TEST(Unwind, CodeIsFoundInItsModule) {
  const CodePlace here = find_code(address_of(reinterpret_cast<void*>(&unwind_twice)));
  ASSERT_NE(here.module, nullptr);
  EXPECT_STREQ(here.module, "");
  const CodePlace libc = find_code(address_of(reinterpret_cast<void*>(&gnu_get_libc_version)));
  ASSERT_NE(libc.module, nullptr);
  EXPECT_NE(strstr(libc.module, "libc"), nullptr);
  EXPECT_LT(libc.offset, 16 * kMiB);
  EXPECT_EQ(find_code(12).module, nullptr);
}

// A stack that was overwritten: nothing is read that is not there, and it ends.
TEST(Unwind, BrokenStacksEnd) {
  void* const block =
      mmap(nullptr, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(block, MAP_FAILED);
  ASSERT_EQ(mprotect(at_offset(block, 2 * 4096), 4096, PROT_NONE), 0);
  std::mt19937_64 random(1);
  auto* const words = static_cast<std::uintptr_t*>(block);
  const std::uintptr_t codes[] = {address_of(reinterpret_cast<void*>(&qsort)),
                                  address_of(reinterpret_cast<void*>(&recurse)),
                                  address_of(reinterpret_cast<void*>(&sigaction)),
                                  address_of(reinterpret_cast<void*>(&fprintf))};
  for (int round = 0; round < 20'000; ++round) {
    for (int i = 0; i < 1024; i += 1 + round % 3) {
      const std::uint64_t number = random();
      words[i] = number % 4 == 0   ? codes[number / 4 % 4] + number / 16 % 512
                 : number % 4 == 1 ? address_of(block) + number / 4 % (3 * 4096)
                                   : number;
    }
    ucontext_t context{};
    // Wherever the processor keeps them, any register may be any of these.
    std::uintptr_t registers[sizeof context.uc_mcontext / sizeof(std::uintptr_t)];
    for (std::uintptr_t& general : registers) {
      const std::uint64_t number = random();
      general = number % 3 == 0   ? codes[number / 4 % 4] + number / 16 % 512
                : number % 3 == 1 ? address_of(block) + number / 4 % (2 * 4096) / 8 * 8
                                  : number;
    }
    memcpy(&context.uc_mcontext, registers, sizeof registers);
    std::uintptr_t frames[24];
    EXPECT_LE(unwind_interrupted(&context, frames, 24), 24u);
  }
  munmap(block, 3 * 4096);
}

// Not a test of speed, but a line in the log to read it from.
TEST(Unwind, Cost) {
  struct Timed {
    ASHLAR_NOINLINE static int recurse(int depth) {
      if (depth != 0) {
        const int below = recurse(depth - 1);
        asm volatile("");
        return below + 1;
      }
      constexpr int kRounds = 2000;
      std::uintptr_t frames[24];
      std::size_t count = 0;
      const auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < kRounds; ++i) {
        count += unwind_here(frames, 24);
      }
      const double us =
          std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
              .count() /
          kRounds;
      std::printf("a stack of %zu frames takes %.2f us\n", count / kRounds, us);
      return 1;
    }
  };
  EXPECT_EQ(Timed::recurse(20), 21);
}

}  // namespace
}  // namespace ashlar
