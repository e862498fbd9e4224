// Stacks that are kept once each, in all profiles: the depot knows nothing of blocks.
#include "support/noted_stacks.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

namespace ashlar {
namespace {

class NotedStacks : public testing::Test {
 protected:
  void SetUp() override { set_notes_stacks(true); }
  void TearDown() override { set_notes_stacks(false); }
};

#define STEP [[gnu::noinline]]

STEP NotedStack note_here() {
  const NotedStack noted = note_stack();
  asm volatile("" ::: "memory");  // no tail call
  return noted;
}

STEP NotedStack note_there() {
  const NotedStack noted = note_stack();
  asm volatile("" ::: "memory");
  return noted;
}

// A stack for each number: its bits pick one of two calls of the function by itself. And for each
// leaf, so that 16 frames are enough for more stacks than are kept.
template <int kLeaf>
STEP NotedStack note_path(unsigned number, int depth) {
  NotedStack noted{};
  if (depth == 0) {
    noted = note_stack();
    asm volatile("# leaf %c0" ::"i"(kLeaf) : "memory");  // no two leaves are one function
  } else if ((number & 1) != 0) {
    asm volatile("# odd" ::: "memory");  // before and after: the calls are not one
    noted = note_path<kLeaf>(number >> 1, depth - 1);
    asm volatile("# odd" ::: "memory");
  } else {
    asm volatile("# even" ::: "memory");
    noted = note_path<kLeaf>(number >> 1, depth - 1);
    asm volatile("# even" ::: "memory");
  }
  return noted;
}

template <int kLeaf>
std::size_t note_all_paths(int depth) {
  std::size_t kept = 0;
  for (unsigned path = 0; path < (1U << depth); ++path) {
    kept += note_path<kLeaf>(path, depth) != NotedStack::kNone ? 1U : 0U;
  }
  return kept;
}

std::string text_of(NotedStack stack) {
  std::string text;
  print_stack([](const char* line, void* arg) { static_cast<std::string*>(arg)->append(line); },
              &text, "noted", stack);
  return text;
}

TEST_F(NotedStacks, NothingIsNotedWhileItIsOff) {
  set_notes_stacks(false);
  EXPECT_EQ(note_here(), NotedStack::kNone);
  EXPECT_EQ(text_of(NotedStack::kNone), "");
}

TEST_F(NotedStacks, OneStackHasOneNumber) {
  std::set<NotedStack> numbers;
  for (int i = 0; i < 100; ++i) {
    numbers.insert(note_here());
  }
  EXPECT_EQ(numbers.size(), 1U);
  EXPECT_NE(*numbers.begin(), NotedStack::kNone);
  EXPECT_NE(note_there(), *numbers.begin());
}

TEST_F(NotedStacks, AreToldFrameByFrame) {
  const std::string text = text_of(note_here());
  EXPECT_EQ(text.substr(0, text.find('\n')), "  noted:");
  EXPECT_NE(text.find("    #0 "), std::string::npos) << text;
  EXPECT_NE(text.find("unit_support+0x"), std::string::npos) << text;
}

TEST_F(NotedStacks, ThreadsAgreeOnNumbers) {
  constexpr int kThreads = 4;
  constexpr unsigned kPaths = 200;
  std::vector<std::vector<NotedStack>> seen(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&numbers = seen[static_cast<std::size_t>(t)]] {
      for (unsigned i = 0; i < kPaths; ++i) {
        numbers.push_back(note_path<0>(i, 8));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(std::set<NotedStack>(seen[0].begin(), seen[0].end()).size(), kPaths);
  for (const std::vector<NotedStack>& numbers : seen) {
    EXPECT_EQ(numbers, seen[0]);
  }
}

// The last test of this file, since the depot is full for good then.
TEST_F(NotedStacks, WhatIsKnownIsFoundWhenThereIsNoRoomForMore) {
  // A frame a bit; the outermost ones may not be among those kept, so there are more leaves.
  constexpr int kDepth = static_cast<int>(kNotedFrames) - 2;
  std::vector<NotedStack> known;
  std::size_t kept = 0;
  for (int i = 0; i < 2; ++i) {
    known.push_back(note_there());
    kept = note_all_paths<1>(kDepth) + note_all_paths<2>(kDepth) + note_all_paths<3>(kDepth) +
           note_all_paths<4>(kDepth);
  }
  EXPECT_LT(kept, 4U << kDepth);
  EXPECT_GT(kept, kNotedStacksMax - 1000) << "there is room for nearly as many";
  EXPECT_EQ(known[0], known[1]);
}

}  // namespace
}  // namespace ashlar
