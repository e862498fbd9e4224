// The failing system, over a system that only counts: which call fails, and that a call that fails
// does not reach the system below.
#include "os/faulty.h"

#include <gtest/gtest.h>

#include <array>

namespace ashlar {
namespace {

struct CountingOs {
  static inline int calls = 0;
  static inline char memory[16];

  static std::size_t page_size() { return 4096; }
  static bool overcommits() { return true; }
  static void* reserve(void*, std::size_t, std::size_t, Access) {
    ++calls;
    return memory;
  }
  static bool release(void*, std::size_t) { return ++calls > 0; }
  static bool commit(void*, std::size_t) { return ++calls > 0; }
  static bool purge(void*, std::size_t) { return ++calls > 0; }
  static std::uint64_t purge_pieces(const MemoryPiece*, std::uint32_t count) {
    calls += static_cast<int>(count);
    return low_bits(count);
  }
  static bool populate(void*, std::size_t) { return ++calls > 0; }
  static bool reset(void*, std::size_t) { return ++calls > 0; }
  static bool protect(void*, std::size_t, Access) { return ++calls > 0; }
  static bool remap(void*, std::size_t, void*, std::size_t) { return ++calls > 0; }
  static void* reserve_large(void*, std::size_t, std::size_t) {
    ++calls;
    return memory;
  }
  static int map_huge_page(void*, int) {
    ++calls;
    return 0;
  }
  static bool advise_huge_pages(void*, std::size_t, HugeAdvice) { return ++calls > 0; }
  static bool makes_huge_pages() { return false; }
  static bool bind_to_node(void*, std::size_t, int) { return ++calls > 0; }
};

using Os = Faulty<CountingOs>;
static_assert(OsMemory<CountingOs>);
static_assert(OsMemory<Os>);

constexpr std::size_t kKinds = 11;
using Outcomes = std::array<bool, kKinds>;

// One call of each kind, while the N-th is to fail. Nothing else may run in between, since in
// some builds the plan also counts the calls of the allocator itself.
Outcomes call_all(std::uint64_t fail_at, bool onwards) {
  CountingOs::calls = 0;
  fault_plan.calls.store(0, std::memory_order_relaxed);
  fault_plan.fail_onwards.store(onwards, std::memory_order_relaxed);
  fault_plan.fail_at.store(fail_at, std::memory_order_relaxed);
  const Outcomes outcomes = {
      Os::reserve(nullptr, 1, 1, Access::kNone) != nullptr,
      Os::release(nullptr, 1),
      Os::commit(nullptr, 1),
      Os::purge(nullptr, 1),
      Os::reset(nullptr, 1),
      Os::protect(nullptr, 1, Access::kNone),
      Os::remap(nullptr, 1, nullptr, 2),
      Os::reserve_large(nullptr, 1, 1) != nullptr,
      Os::map_huge_page(nullptr, -1) == 0,
      Os::advise_huge_pages(nullptr, 1, HugeAdvice::kWanted),
      Os::bind_to_node(nullptr, 1, 0),
  };
  fault_plan.fail_at.store(0, std::memory_order_relaxed);
  fault_plan.fail_onwards.store(false, std::memory_order_relaxed);
  return outcomes;
}

TEST(Faulty, WithoutAPlanEveryCallReachesTheSystem) {
  Outcomes all;
  all.fill(true);
  EXPECT_EQ(call_all(0, false), all);
  EXPECT_EQ(CountingOs::calls, static_cast<int>(kKinds));
}

TEST(Faulty, ExactlyTheNthCallFails) {
  for (std::size_t n = 1; n <= kKinds; ++n) {
    const Outcomes outcomes = call_all(n, false);
    EXPECT_EQ(CountingOs::calls, static_cast<int>(kKinds) - 1)
        << "the failed call must not reach the system";
    for (std::size_t i = 0; i < kKinds; ++i) {
      EXPECT_EQ(outcomes[i], i + 1 != n) << "call " << i + 1 << " of the plan " << n;
    }
  }
}

TEST(Faulty, OnwardsMeansEveryLaterCallToo) {
  const Outcomes outcomes = call_all(3, true);
  EXPECT_EQ(outcomes, (Outcomes{true, true}));
  EXPECT_EQ(CountingOs::calls, 2);
}

TEST(Faulty, EachPieceOfAPurgeMayFail) {
  const MemoryPiece pieces[3] = {};
  fault_plan.start(2, false);
  const std::uint64_t purged = Os::purge_pieces(pieces, 3);
  fault_plan.start(0, false);
  EXPECT_EQ(purged, 0b101u);
}

TEST(Faulty, QuestionsAreNotCalls) {
  FaultPlan plan;
  plan.fail_at.store(1, std::memory_order_relaxed);
  EXPECT_EQ(Os::page_size(), 4096u);
  EXPECT_TRUE(Os::overcommits());
  EXPECT_TRUE(plan.next_call_fails());
  EXPECT_FALSE(plan.next_call_fails());
  EXPECT_EQ(plan.calls.load(std::memory_order_relaxed), 2u);
}

}  // namespace
}  // namespace ashlar
