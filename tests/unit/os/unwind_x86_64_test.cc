// Stacks of code that was interrupted at any instruction, by what x86-64 has for that: an
// instruction that stops, and a trap behind each one.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unwind.h>

#include <algorithm>
#include <cstdint>

#include "base/compiler.h"
#include "base/integer.h"
#include "os/unwind.h"
#include "unit/os/unwind_test_support.h"

namespace ashlar {
namespace {

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

}  // namespace
}  // namespace ashlar
