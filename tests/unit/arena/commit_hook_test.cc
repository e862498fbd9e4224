// Memory that a function commits and decommits: what is asked of it, what is believed of its
// answers, and when it is not called.
#include "arena/commit_hook.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "arena/arena_set.h"
#include "arena/metadata_pool.h"
#include "fake_os.h"

namespace ashlar {
namespace {

constexpr std::size_t kHookedSize = 16 * kMiB;

// Notes what it is asked for, in slices from the start of the memory, and makes it so.
struct Program {
  struct Call {
    bool commit;
    std::size_t first;
    std::size_t count;
    bool operator==(const Call&) const = default;
  };
  void* start = FakeOs::reserve(nullptr, kHookedSize, kArenaAlignment, Access::kNone);
  std::vector<Call> calls;
  std::size_t fail_at = 0;  // the N-th call from now on; 0: none
  bool says_zero = true;
  bool was_barred = true;  // during all calls

  static bool run(bool commit, void* at, std::size_t size, bool* is_zero, void* arg) {
    auto& self = *static_cast<Program*>(arg);
    self.was_barred = self.was_barred && !foreign_code_allowed();
    self.calls.push_back({commit, bytes_between(self.start, at) / kSliceSize, size / kSliceSize});
    if (self.fail_at != 0 && --self.fail_at == 0) {
      return false;
    }
    EXPECT_FALSE(*is_zero);
    *is_zero = commit && self.says_zero;
    if (!commit) {
      Linux::purge(at, size);
    }
    return Linux::protect(at, size, commit ? Access::kReadWrite : Access::kNone);
  }
  std::vector<Call> take() { return std::exchange(calls, {}); }
};

class CommitHookTest : public FakeOsTest {
 protected:
  CommitHookTest() { set_->configure({.purge_delay_ms = 100, .os_allowed = false}); }

  Arena<FakeOs>* add(bool exclusive = false) {
    const std::size_t front = Arena<FakeOs>::front_bytes(kHookedSize);
    Linux::commit(program_.start, front);
    first_ = front / kSliceSize;
    return set_->add_memory({.start = program_.start,
                             .size = kHookedSize,
                             .purging = Purging::kLeavesUnknown,
                             .exclusive = exclusive,
                             .hook = {.function = Program::run, .arg = &program_},
                             .front_ready = true});
  }
  bool claim(std::uint32_t count, Claim<FakeOs>* claim) { return set_->claim({count}, {1}, claim); }
  void release(const Claim<FakeOs>& held, std::uint64_t now_ms = 0) {
    set_->release(held.arena, held.run, held.run.count, Contents::kUnknown, now_ms);
  }

  Program program_;
  std::size_t first_ = 0;  // slice behind the metadata
  std::unique_ptr<ArenaSet<FakeOs>> set_ = std::make_unique<ArenaSet<FakeOs>>();
};

using Calls = std::vector<Program::Call>;

TEST_F(CommitHookTest, IsAskedForWhatIsClaimedAndOnlyOnce) {
  ASSERT_NE(add(), nullptr);
  EXPECT_EQ(program_.take(), Calls{}) << "the front was ready";
  Claim<FakeOs> held;
  ASSERT_TRUE(claim(3, &held));
  EXPECT_EQ(held.contents, Contents::kZero);
  EXPECT_EQ(program_.take(), (Calls{{true, first_, 3}}));
  std::memset(held.start(), 1, 3 * kSliceSize);
  release(held);
  ASSERT_TRUE(claim(5, &held));
  EXPECT_EQ(program_.take(), (Calls{{true, first_ + 3, 2}})) << "three are committed already";
  EXPECT_EQ(held.contents, Contents::kUnknown);
  std::memset(held.start(), 1, 5 * kSliceSize);
  EXPECT_TRUE(program_.was_barred);
  EXPECT_EQ(os().commits.load(std::memory_order_relaxed), 0u);
}

TEST_F(CommitHookTest, IsBelievedOnlyWhenItSaysZero) {
  program_.says_zero = false;
  ASSERT_NE(add(), nullptr);
  Claim<FakeOs> held;
  ASSERT_TRUE(claim(3, &held));
  EXPECT_EQ(held.contents, Contents::kUnknown);
}

TEST_F(CommitHookTest, DecommitsWhenTheDelayIsOverAndNotBefore) {
  Arena<FakeOs>* const arena = add();
  Claim<FakeOs> held;
  ASSERT_TRUE(claim(4, &held));
  program_.take();
  release(held, 1000);
  EXPECT_TRUE(set_->purge_pending());
  EXPECT_EQ(set_->purge_if_due(1050), 0u);
  EXPECT_EQ(program_.take(), Calls{});
  EXPECT_EQ(set_->purge_if_due(1200), 4 * kSliceSize);
  EXPECT_EQ(program_.take(), (Calls{{false, first_, 4}}));
  EXPECT_FALSE(set_->purge_pending());
  EXPECT_EQ(arena->count_waiting(), 0u);
  ASSERT_TRUE(claim(4, &held));
  EXPECT_EQ(program_.take(), (Calls{{true, first_, 4}}));
  EXPECT_EQ(held.contents, Contents::kZero);
  EXPECT_EQ(os().purges.load(std::memory_order_relaxed), 0u);
}

TEST_F(CommitHookTest, IsNotCalledByAReleaseWhoseCallerMayHoldLocks) {
  set_->configure({.purge_delay_ms = 0, .os_allowed = false});
  add();
  Claim<FakeOs> held;
  ASSERT_TRUE(claim(32, &held));
  program_.take();
  release(held);
  EXPECT_EQ(program_.take(), Calls{});
  EXPECT_EQ(set_->purge_now(), 32 * kSliceSize);
}

TEST_F(CommitHookTest, AFailureLeavesAllAsItWas) {
  Arena<FakeOs>* const arena = add();
  const std::uint32_t committed = arena->count_committed();
  const std::uint32_t in_use = arena->count_in_use();
  program_.fail_at = 1;
  Claim<FakeOs> held;
  EXPECT_FALSE(claim(4, &held));
  EXPECT_EQ(arena->count_committed(), committed);
  EXPECT_EQ(arena->count_in_use(), in_use);
  ASSERT_TRUE(claim(4, &held));
  std::memset(held.start(), 7, 4 * kSliceSize);
  release(held);
  program_.fail_at = 1;
  EXPECT_EQ(set_->purge_now(), 0u) << "a refusal to decommit";
  EXPECT_EQ(arena->count_committed(), committed + 4);
  program_.take();
  ASSERT_TRUE(claim(4, &held));
  EXPECT_EQ(program_.take(), Calls{});
  EXPECT_EQ(held.contents, Contents::kUnknown);
  EXPECT_EQ(*static_cast<char*>(held.start()), 7);
}

TEST_F(CommitHookTest, PartsThatWereCommittedBeforeAFailureAreNotCommittedAgain) {
  add();
  Claim<FakeOs> middle;
  Claim<FakeOs> front;
  ASSERT_TRUE(claim(1, &front));
  ASSERT_TRUE(claim(1, &middle));
  release(front);
  set_->purge_now();  // the first is not committed, the second is held
  release(middle);
  program_.take();
  program_.fail_at = 2;
  Claim<FakeOs> held;
  EXPECT_FALSE(claim(3, &held));
  EXPECT_EQ(program_.take(), (Calls{{true, first_, 1}, {true, first_ + 2, 1}}));
  ASSERT_TRUE(claim(3, &held));
  EXPECT_EQ(program_.take(), (Calls{{true, first_ + 2, 1}}));
}

TEST_F(CommitHookTest, IsNotCalledWhereForeignCodeIsBarred) {
  add();
  Claim<FakeOs> held;
  {
    const ForeignCodeBar bar;
    EXPECT_FALSE(claim(1, &held));
    EXPECT_EQ(program_.take(), Calls{});
  }
  ASSERT_TRUE(claim(1, &held));
  release(held);
  program_.take();
  {
    const ForeignCodeBar bar;
    EXPECT_EQ(set_->purge_now(), 0u);
    EXPECT_EQ(set_->purge_if_due(1'000'000), 0u);
    ASSERT_TRUE(claim(1, &held)) << "what is committed needs no call";
    release(held);
  }
  EXPECT_EQ(program_.take(), Calls{});
  EXPECT_EQ(set_->purge_if_due(1'000'000), kSliceSize) << "put off, not forgotten";
}

TEST_F(CommitHookTest, RecordsAreNotTakenFromTheProgramsMemory) {
  Arena<FakeOs>* const arena = add();
  MetadataPool<FakeOs> pool(*set_);
  void* const record = pool.allocate(64);
  ASSERT_NE(record, nullptr);
  EXPECT_FALSE(arena->contains(record));
  EXPECT_EQ(program_.take(), Calls{});
  pool.unmap();
}

TEST_F(CommitHookTest, MemoryThatIsCommittedFromTheStartIsDecommittedToo) {
  Linux::commit(program_.start, kHookedSize);
  first_ = Arena<FakeOs>::front_bytes(kHookedSize) / kSliceSize;
  Arena<FakeOs>* const arena =
      set_->add_memory({.start = program_.start,
                        .size = kHookedSize,
                        .committed = true,
                        .zero = true,
                        .purging = Purging::kLeavesUnknown,
                        .hook = {.function = Program::run, .arg = &program_},
                        .front_ready = true});
  ASSERT_NE(arena, nullptr);
  EXPECT_EQ(arena->count_committed(), arena->slice_total());
  Claim<FakeOs> held;
  ASSERT_TRUE(claim(2, &held));
  EXPECT_EQ(held.contents, Contents::kZero);
  EXPECT_EQ(program_.take(), Calls{});
  release(held);
  EXPECT_EQ(set_->purge_now(), 2 * kSliceSize);
  EXPECT_EQ(program_.take(), (Calls{{false, first_, 2}}));
}

TEST_F(CommitHookTest, WhatIsPinnedIsNotDecommitted) {
  Linux::commit(program_.start, kHookedSize);
  set_->add_memory({.start = program_.start,
                    .size = kHookedSize,
                    .committed = true,
                    .zero = true,
                    .purging = Purging::kNever,
                    .hook = {.function = Program::run, .arg = &program_},
                    .front_ready = true});
  Claim<FakeOs> held;
  ASSERT_TRUE(claim(2, &held));
  release(held);
  EXPECT_FALSE(set_->purge_pending());
  EXPECT_EQ(set_->purge_now(), 0u);
  EXPECT_EQ(program_.take(), Calls{});
}

}  // namespace
}  // namespace ashlar
