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

namespace ashlar {
namespace {

constexpr std::size_t kMost = 64;

struct Frames {
  std::uintptr_t at[kMost] = {};
  std::size_t count = 0;
};

// The compiler's answer, in our terms: the first frame is the function that asks.
_Unwind_Reason_Code note_frame(_Unwind_Context* context, void* arg) {
  auto& frames = *static_cast<Frames*>(arg);
  int exact = 0;
  const std::uintptr_t code = _Unwind_GetIPInfo(context, &exact);
  if (code == 0 || frames.count == kMost) {
    return _URC_END_OF_STACK;
  }
  frames.at[frames.count++] = exact != 0 ? code : code - 1;
  return _URC_NO_REASON;
}

Frames ours;
Frames theirs;

ASHLAR_NOINLINE void unwind_twice() {
  ours.count = unwind_here(ours.at, kMost);
  theirs.count = 0;
  _Unwind_Backtrace(note_frame, &theirs);
  asm volatile("");  // so that the calls above are none in the last position
}

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

struct Handler {
  Handler(int signal, int flags, void (*plain)(int), void (*full)(int, siginfo_t*, void*))
      : signal_(signal) {
    struct sigaction action{};
    action.sa_flags = flags;
    if (full != nullptr) {
      action.sa_sigaction = full;
    } else {
      action.sa_handler = plain;
    }
    sigaction(signal, &action, &before_);
  }
  ~Handler() { sigaction(signal_, &before_, nullptr); }
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

 private:
  int signal_;
  struct sigaction before_;
};

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

// A function without a frame of its own, stopped in its middle by the processor.
[[gnu::naked, gnu::noinline]] void leaf_that_stops() { asm("nop\n\tud2\n\tret"); }

// Theirs begins with the handler, the frame of the signal, and those of a sanitizer that stands
// between the two.
bool ends_alike(const Frames& interrupted, const Frames& from_handler) {
  return from_handler.count >= interrupted.count + 2 &&
         std::equal(interrupted.at, interrupted.at + interrupted.count,
                    from_handler.at + from_handler.count - interrupted.count);
}

void step_over(int, siginfo_t*, void* context) {
  ours.count = unwind_interrupted(context, ours.at, kMost);
  theirs.count = 0;
  _Unwind_Backtrace(note_frame, &theirs);
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 2;  // behind the instruction
}

TEST(Unwind, ALeafThatWasInterrupted) {
  const Handler handler(SIGILL, SA_SIGINFO, nullptr, step_over);
  leaf_that_stops();
  ASSERT_GE(ours.count, 3u);
  EXPECT_EQ(ours.at[0], address_of(reinterpret_cast<void*>(&leaf_that_stops)) + 1);
  EXPECT_TRUE(ends_alike(ours, theirs));
}

// Stopped at any instruction, in prologues and epilogues as well.
std::size_t differences = 0;
std::size_t looks = 0;
void look(int, siginfo_t*, void* context) {
  Frames here;
  Frames compared;
  here.count = unwind_interrupted(context, here.at, kMost);
  _Unwind_Backtrace(note_frame, &compared);
  ++looks;
  // Single steps go through code that has no tables, such as the trampoline of the test itself.
  if (!ends_alike(here, compared)) {
    ++differences;
  }
}

TEST(Unwind, AtEachInstruction) {
  const Handler handler(SIGTRAP, SA_SIGINFO, nullptr, look);
  int numbers[] = {5, 3, 1, 2, 4};
  looks = 0;
  differences = 0;
  // The trap flag: the processor stops behind each instruction.
  asm volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
  qsort(numbers, 5, sizeof numbers[0], [](const void* left, const void* right) {
    return *static_cast<const int*>(left) - *static_cast<const int*>(right);
  });
  asm volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
  EXPECT_GT(looks, 100u);
  EXPECT_EQ(differences, 0u);
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
    for (greg_t& general : context.uc_mcontext.gregs) {
      general = static_cast<greg_t>(random() % 2 == 0 ? random()
                                                      : address_of(block) + random() % (3 * 4096));
    }
    context.uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(codes[random() % 4] + random() % 512);
    if (round % 2 == 0) {
      context.uc_mcontext.gregs[REG_RSP] =
          static_cast<greg_t>(address_of(block) + random() % (2 * 4096) / 8 * 8);
    }
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
