// One arena over a system that fails on demand: what it hands out, what it says of the contents,
// what it commits, and that a call that fails leaves everything as it was.
#include "arena/arena.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "arena_test_support.h"

namespace ashlar {
namespace {

using namespace arena_test;

TEST_F(ArenaTest, IsNotMadeOfMemoryWithoutRoomForALargePage) {
  EXPECT_EQ(TestArena::create(fresh_memory(kArenaAlignment, false)), nullptr);
  EXPECT_EQ(os().commits.load(std::memory_order_relaxed), 0u);
  EXPECT_NE(TestArena::create(fresh_memory(2 * kArenaAlignment, false)), nullptr);
}

TEST_F(ArenaTest, IsNotMadeWhereItsMetadataCannotBeCommitted) {
  const ArenaMemory memory = fresh_memory(kSize, false);
  os().commit_fails = true;
  EXPECT_EQ(TestArena::create(memory), nullptr);
  os().commit_fails = false;
  EXPECT_NE(TestArena::create(memory), nullptr);
}

TEST_F(ArenaTest, HandsOutEverySliceButThoseOfItsMetadataOnce) {
  // Not a multiple of 64 slices: what lies beyond the end has bits, and must never be had.
  const std::size_t size = kSize + 3 * kSliceSize;
  TestArena* const arena = make(true, size);
  ASSERT_NE(arena, nullptr);
  EXPECT_EQ(arena->slice_total(), size / kSliceSize);
  EXPECT_EQ(arena->count_in_use(), arena->first_slice().value);
  SliceRun run;
  Contents contents;
  std::uint32_t expected = arena->first_slice().value;
  while (try_claim(arena, 1, 1, &run, &contents)) {
    EXPECT_EQ(run.first.value, expected++);
  }
  EXPECT_EQ(expected, arena->slice_total());
  EXPECT_FALSE(arena->claim_at({{arena->slice_total()}, {1}}, &contents));
}

TEST_F(ArenaTest, ItsMetadataHasAnEntryForEachSlice) {
  TestArena* const arena = make();
  std::set<void*> lines;
  const char* const end = static_cast<char*>(arena->address(arena->first_slice()));
  for (std::uint32_t i = 0; i < arena->slice_total(); ++i) {
    void* const entry = arena->page_entry({i});
    EXPECT_TRUE(is_aligned(entry, kPageEntrySize));
    for (std::size_t at = 0; at < kPageEntrySize; at += kCacheLine) {
      EXPECT_TRUE(lines.insert(at_offset(entry, at)).second);
    }
    EXPECT_LE(static_cast<char*>(entry) + kPageEntrySize, end);
    // The bits must be elsewhere: what users of the entries write may not claim slices.
    std::memset(entry, 0xFF, kPageEntrySize);
  }
  EXPECT_EQ(arena->count_in_use(), arena->first_slice().value);
  for (std::uint32_t c = 0; c < kSizeClassCount; ++c) {
    SliceIndex slice{0};
    EXPECT_FALSE(arena->orphans(c).take(&slice));
  }
}

TEST_F(ArenaTest, ItsMetadataStartsEmptyWhateverTheMemoryHeld) {
  ArenaMemory memory = fresh_memory(kSize, true);
  std::memset(memory.start, 0xFF, kSize);
  memory.zero = false;
  TestArena* const arena = TestArena::create(memory);
  ASSERT_NE(arena, nullptr);
  EXPECT_EQ(arena->count_in_use(), arena->first_slice().value);
  EXPECT_EQ(arena->count_waiting(), 0u);
  EXPECT_EQ(arena->waiting_bytes(), 0u);
  for (std::uint32_t i = 0; i < arena->slice_total(); ++i) {
    const auto* entry = static_cast<const unsigned char*>(arena->page_entry({i}));
    for (std::size_t byte = 0; byte < kPageEntrySize; ++byte) {
      ASSERT_EQ(entry[byte], 0);
    }
  }
}

TEST_F(ArenaTest, FindsSlicesByAddress) {
  TestArena* const arena = make();
  const SliceIndex slice{arena->first_slice().value + 5};
  char* const address = static_cast<char*>(arena->address(slice));
  EXPECT_TRUE(is_aligned(address, kSliceSize));
  EXPECT_EQ(arena->slice_of(address).value, slice.value);
  EXPECT_EQ(arena->slice_of(address + kSliceSize - 1).value, slice.value);
  EXPECT_TRUE(arena->contains(arena->start()));
  EXPECT_TRUE(arena->contains(at_offset(arena->start(), kSize - 1)));
  EXPECT_FALSE(arena->contains(at_offset(arena->start(), kSize)));
  EXPECT_FALSE(arena->contains(static_cast<char*>(arena->start()) - 1));
  EXPECT_FALSE(arena->contains(nullptr));
}

TEST_F(ArenaTest, HintsOfOneClassAreNotThoseOfAnother) {
  TestArena* const arena = make();
  const SliceIndex place{arena->first_slice().value + 2};
  arena->orphans(3).set(place);
  for (std::uint32_t c = 0; c < kSizeClassCount; ++c) {
    SliceIndex slice{0};
    EXPECT_EQ(arena->orphans(c).take(&slice), c == 3) << c;
  }
}

TEST_F(ArenaTest, FreshMemoryIsKnownToBeZeroAndUsedMemoryIsNot) {
  TestArena* const arena = make();
  const SliceRun run = claim(arena, 4, Contents::kZero);
  dirty(arena, run);
  release(arena, run);
  claim(arena, 4, Contents::kUnknown);
}

TEST_F(ArenaTest, OneUsedSliceMakesARunUnknown) {
  TestArena* const arena = make();
  const SliceRun run = claim(arena, 1, Contents::kZero);
  release(arena, run);
  claim(arena, 10, Contents::kUnknown);
}

TEST_F(ArenaTest, ForeignMemoryIsUnknownAndItsSlicesAreZeroAfterAPurge) {
  ArenaMemory memory = fresh_memory(kSize, true);
  std::memset(memory.start, 7, kSize);
  memory.zero = false;
  TestArena* const arena = TestArena::create(memory);
  const SliceRun run = claim(arena, 2, Contents::kUnknown);
  release(arena, run);
  EXPECT_EQ(purge(arena), 2u);
  claim(arena, 2, Contents::kZero);
}

// Whole MiB at once: see Arena::widened.
constexpr std::uint32_t kCommitUnit = 16;

TEST_F(ArenaTest, CommitsWhatItHandsOutAndWhatLiesRoundItOnce) {
  TestArena* const arena = make(false);
  ASSERT_NE(arena, nullptr);
  const std::uint64_t before = os().commits.load(std::memory_order_relaxed);
  const SliceRun run = claim(arena, 4, Contents::kZero);
  dirty(arena, run);
  EXPECT_EQ(os().commits.load(std::memory_order_relaxed), before + 1);
  EXPECT_EQ(arena->count_committed(), align_up(run.end().value, kCommitUnit));
  EXPECT_EQ(arena->count_dirty(), 4u);
  release(arena, run);
  claim(arena, 3, Contents::kUnknown);
  // Up to the end of the MiB nothing has to be committed any more.
  claim(arena, kCommitUnit - (run.first.value + 3) % kCommitUnit, Contents::kUnknown);
  EXPECT_EQ(os().commits.load(std::memory_order_relaxed), before + 1);
  dirty(arena, claim(arena, 1, Contents::kZero));
  EXPECT_EQ(os().commits.load(std::memory_order_relaxed), before + 2);
}

TEST_F(ArenaTest, WhereNoMoreCanBeCommittedARunIsCommittedAlone) {
  TestArena* const arena = make(false);
  ASSERT_NE(arena, nullptr);
  const std::uint32_t committed = arena->count_committed();
  os().calls.store(0, std::memory_order_relaxed);
  os().fail_at = 1;
  dirty(arena, claim(arena, 4, Contents::kZero));
  EXPECT_EQ(arena->count_committed(), committed + 4);
}

// Each end of what is committed is the end of a mapping, and the system has a limit on these.
TEST_F(ArenaTest, SlicesThatLieApartAreCommittedTogether) {
  TestArena* const arena = make(false);
  ASSERT_NE(arena, nullptr);
  const std::uint64_t before = os().commits.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < 2 * kCommitUnit; ++i) {
    SliceRun run;
    Contents contents = Contents::kUnknown;
    ASSERT_TRUE(try_claim(arena, 1, 2, &run, &contents));
    dirty(arena, run);
  }
  EXPECT_LE(os().commits.load(std::memory_order_relaxed), before + 5);
}

TEST_F(ArenaTest, CommittedMemoryNeedsNoCommit) {
  TestArena* const arena = make(true);
  dirty(arena, claim(arena, 4, Contents::kZero));
  EXPECT_EQ(os().commits.load(std::memory_order_relaxed), 0u);
}

TEST_F(ArenaTest, AClaimThatCannotBeCommittedLeavesEverythingAsItWas) {
  TestArena* const arena = make(false);
  SliceRun run;
  Contents contents;
  const Counts fresh = counts_of(*arena);
  os().commit_fails = true;
  EXPECT_FALSE(try_claim(arena, 4, 1, &run, &contents));
  EXPECT_EQ(counts_of(*arena), fresh);
  EXPECT_FALSE(arena->claim_at({arena->first_slice(), {2}}, &contents));
  EXPECT_EQ(counts_of(*arena), fresh);
  os().commit_fails = false;
  claim(arena, 4, Contents::kZero);
}

TEST_F(ArenaTest, AClaimThatCannotBeCommittedLeavesWaitingSlicesWaitingAndNoOthers) {
  TestArena* const arena = make(false);
  const SliceRun run = claim(arena, 2, Contents::kZero);
  dirty(arena, run);
  release(arena, run);
  const Counts before = counts_of(*arena);
  SliceRun larger;
  Contents contents;
  os().commit_fails = true;
  EXPECT_FALSE(try_claim(arena, kCommitUnit + 1, 1, &larger, &contents));
  EXPECT_EQ(counts_of(*arena), before) << "slices that were never committed wait to be purged";
  EXPECT_EQ(purge(arena), 2u);
}

// Everything at once, against a model that knows each slice.
struct SliceModel {
  bool in_use = false;
  bool committed = false;
  bool written = false;  // since it was last known to be zero
  bool waiting = false;
};

struct Step {
  int kind;
  std::uint32_t count;
  std::uint32_t alignment;
  std::uint32_t pick;
  bool fails;
};

void showValue(const Step& step, std::ostream& out) {
  out << "{" << step.kind << ", " << step.count << ", " << step.alignment << ", " << step.pick
      << (step.fails ? ", fails}" : "}");
}

rc::Gen<Step> arbitrary_step() {
  return rc::gen::apply([](int kind, std::uint32_t count, int log, std::uint32_t pick,
                           int fails) { return Step{kind, count, 1u << log, pick, fails == 0}; },
                        rc::gen::inRange(0, 10), rc::gen::inRange<std::uint32_t>(1, 70),
                        rc::gen::inRange(0, 7), rc::gen::inRange<std::uint32_t>(0, 256),
                        rc::gen::inRange(0, 4));
}

class ModelledArena {
 public:
  explicit ModelledArena(bool committed)
      : arena_(TestArena::create(fresh_memory(kSize, committed))), slices_(arena_->slice_total()) {
    for (SliceModel& slice : slices_) {
      slice.committed = committed;
    }
    for (std::uint32_t i = 0; i < arena_->first_slice().value; ++i) {
      slices_[i] = {true, true, false, false};
    }
  }

  void take(const Step& step) {
    FakeOs::state->commit_fails = step.fails;
    FakeOs::state->purge_fails = step.fails;
    if (step.kind < 4) {
      claim(step);
    } else if (step.kind == 4) {
      claim_at(step);
    } else if (step.kind < 9) {
      release(step);
    } else {
      purge(step.fails);
    }
    check_counts();
  }

 private:
  void claim(const Step& step) {
    SliceRun run;
    Contents contents = Contents::kUnknown;
    if (try_claim(arena_, step.count, step.alignment, &run, &contents)) {
      RC_ASSERT(run.count.value == step.count);
      RC_ASSERT(run.first.value % step.alignment == 0u);
      hold(run, contents, step.fails);
    }
  }
  void claim_at(const Step& step) {
    const SliceRun run{{step.pick}, {step.count}};
    Contents contents = Contents::kUnknown;
    bool possible = run.end().value <= slices_.size();
    for (std::uint32_t i = step.pick; possible && i < run.end().value; ++i) {
      possible = !slices_[i].in_use && (slices_[i].committed || !step.fails);
    }
    const bool claimed = arena_->claim_at(run, &contents);
    RC_ASSERT(claimed == possible);
    if (claimed) {
      hold(run, contents, step.fails);
    }
  }
  // Takes note of a claim; and writes to all of it, as a user would.
  void hold(SliceRun run, Contents contents, bool fails) {
    bool unknown = false;
    bool commits = false;
    for (std::uint32_t i = run.first.value; i < run.end().value; ++i) {
      commits = commits || !slices_[i].committed;
    }
    if (commits) {
      RC_ASSERT(!fails);
      commit_round(run);
    }
    for (std::uint32_t i = run.first.value; i < run.end().value; ++i) {
      SliceModel& slice = slices_[i];
      RC_ASSERT(!slice.in_use);
      RC_ASSERT(slice.committed);
      auto* const bytes = static_cast<unsigned char*>(arena_->address({i}));
      if (contents == Contents::kZero) {
        RC_ASSERT(bytes[0] == 0);
        RC_ASSERT(bytes[kSliceSize - 1] == 0);
      }
      unknown = unknown || slice.written;
      slice = {true, true, true, false};
      bytes[0] = 1;
      bytes[kSliceSize - 1] = 1;
    }
    RC_ASSERT((contents == Contents::kUnknown) == unknown);
    held_.push_back(run);
  }
  void commit_round(SliceRun run) {
    for (std::size_t i = align_down(run.first.value, kCommitUnit);
         i < align_up(run.end().value, kCommitUnit) && i < slices_.size(); ++i) {
      slices_[i].committed = true;
    }
  }
  void release(const Step& step) {
    if (held_.empty()) {
      return;
    }
    const std::size_t which = step.pick % held_.size();
    const SliceRun run = held_[which];
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(which));
    const SliceCount touched{step.kind < 8 ? run.count.value : step.count % (run.count.value + 1)};
    arena_->release(run, touched, Contents::kUnknown);
    for (std::uint32_t i = run.first.value; i < run.end().value; ++i) {
      slices_[i].in_use = false;
      slices_[i].waiting = true;  // touched now or before
    }
  }
  void purge(bool fails) {
    std::uint32_t expected = 0;
    for (SliceModel& slice : slices_) {
      if (slice.waiting) {
        slice.waiting = false;
        slice.written = fails;
        expected += fails ? 0 : 1;
      }
    }
    RC_ASSERT(arena_->purge_waiting(UINT32_MAX) == expected);
  }
  void check_counts() {
    std::uint32_t in_use = 0;
    std::uint32_t waiting = 0;
    for (const SliceModel& slice : slices_) {
      in_use += slice.in_use ? 1 : 0;
      waiting += slice.waiting ? 1 : 0;
    }
    RC_ASSERT(arena_->count_in_use() == in_use);
    RC_ASSERT(arena_->count_waiting() == waiting);
    RC_ASSERT(arena_->waiting_bytes() == waiting * kSliceSize);
  }

  TestArena* const arena_;
  std::vector<SliceModel> slices_;
  std::vector<SliceRun> held_;
};

RC_GTEST_PROP(ArenaModel, KeepsItsPromisesWhateverFails, (bool committed)) {
  FakeOsScope os;
  ModelledArena arena(committed);
  const auto steps = *rc::gen::container<std::vector<Step>>(arbitrary_step());
  for (const Step& step : steps) {
    arena.take(step);
  }
}

// One thread purges all the time while others write to what they claimed: nothing that is held
// may be purged, and no slice may be called zero that is not.
TEST_F(ArenaTest, APurgeNeverTouchesWhatAThreadHolds) {
  constexpr int kThreads = 3;
  constexpr int kRounds = 800;
  TestArena* const arena = make();
  std::atomic<int> at_work{kThreads};
  std::atomic<int> errors{0};
  std::vector<std::thread> threads;
  for (int id = 1; id <= kThreads; ++id) {
    threads.emplace_back([&, id] {
      std::mt19937 random(static_cast<unsigned>(id));
      for (int round = 0; round < kRounds; ++round) {
        SliceRun run;
        Contents contents;
        if (!try_claim(arena, 1 + static_cast<std::uint32_t>(random() % 12), 1, &run, &contents)) {
          continue;
        }
        bool good = true;
        for (std::uint32_t i = run.first.value; i < run.end().value; ++i) {
          auto* const word = static_cast<volatile int*>(arena->address({i}));
          good = good && (contents == Contents::kUnknown || *word == 0);
          *word = id;
        }
        std::this_thread::yield();
        for (std::uint32_t i = run.first.value; i < run.end().value; ++i) {
          good = good && *static_cast<volatile int*>(arena->address({i})) == id;
        }
        if (!good) {
          errors.fetch_add(1, std::memory_order_relaxed);
        }
        release(arena, run);
      }
      at_work.fetch_sub(1, std::memory_order_release);
    });
  }
  while (at_work.load(std::memory_order_acquire) != 0) {
    purge(arena);
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(errors.load(std::memory_order_relaxed), 0);
  EXPECT_EQ(arena->count_in_use(), arena->first_slice().value);
  EXPECT_EQ(arena->waiting_bytes(), arena->count_waiting() * kSliceSize);
  purge(arena);
  EXPECT_EQ(arena->waiting_bytes(), 0u);
}

}  // namespace
}  // namespace ashlar
