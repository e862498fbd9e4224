// Touched bytes and their limits: what is counted, what fails at the hard limit and what works
// again afterwards, and when the program is told. Every limit is lifted before an assertion may
// allocate.
#include <ashlar/limits.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csetjmp>
#include <thread>
#include <vector>

#include "api_test_support.h"

#if defined(__GNUC__) && !defined(__clang__)
// A block stays valid when realloc fails, which the compiler can't know.
#pragma GCC diagnostic ignored "-Wuse-after-free"
#endif

namespace {

using namespace api_test;

// What records of the library may add beyond the hard limit, see docs/limits.md.
constexpr std::size_t kRecords = 128 * kKiB;

// All the blocks of a size that the hard limit allows, linked through their first words.
class Hoard {
 public:
  explicit Hoard(std::size_t size) : size_(size) {}
  ~Hoard() { free_some(count_); }
  Hoard(const Hoard&) = delete;
  Hoard& operator=(const Hoard&) = delete;

  // False: no more.
  bool add() {
    void* const p = opaque(mi_malloc(size_));
    if (p == nullptr) return false;
    std::memset(p, 0x5a, size_);
    std::memcpy(p, &first_, sizeof first_);
    first_ = p;
    ++count_;
    return true;
  }
  std::size_t fill_up() {
    while (add()) {
    }
    return count_;
  }
  void free_some(std::size_t count) {
    for (; count != 0 && first_ != nullptr; --count, --count_) {
      void* next = nullptr;
      std::memcpy(&next, first_, sizeof next);
      mi_free(first_);
      first_ = next;
    }
  }
  bool is_intact() const {
    for (const void* p = first_; p != nullptr;) {
      if (size_ > 16 && static_cast<const unsigned char*>(p)[size_ - 1] != 0x5a) return false;
      std::memcpy(&p, p, sizeof p);
    }
    return true;
  }
  std::size_t count() const { return count_; }

 private:
  std::size_t size_;
  void* first_ = nullptr;
  std::size_t count_ = 0;
};

struct Limits : testing::Test {
  void SetUp() override {
    // A wait in vain would keep later tests from waiting.
    mi_option_set(mi_option_retry_on_oom, 0);
    mi_collect(true);
    heard_ = {};
  }
  void TearDown() override {
    ashlar_limit_memory(0, 0);
    ashlar_register_pressure(nullptr, nullptr);
    mi_option_set(mi_option_retry_on_oom, 400);
    mi_collect(true);
  }

  // Calls of the pressure function, by stage.
  struct Heard {
    std::array<int, 5> calls{};
    ashlar_pressure_t last{};
    bool in_order = true;
    int last_stage = 0;
    void (*also)(int stage) = nullptr;
  };
  static Heard heard_;
  static void note(const ashlar_pressure_t* pressure, void* heard) {
    auto* const into = static_cast<Heard*>(heard);
    into->calls.at(static_cast<std::size_t>(pressure->stage))++;
    into->in_order = into->in_order && pressure->stage > into->last_stage;
    into->last_stage = pressure->stage;
    into->last = *pressure;
    if (into->also != nullptr) into->also(pressure->stage);
  }
  static void listen() { ashlar_register_pressure(note, &heard_); }
};
Limits::Heard Limits::heard_;

TEST_F(Limits, HugeBlocksAreCountedAndForgotten) {
  const std::size_t before = touched();
  void* const p = mi_malloc(20 * kMiB);
  const std::size_t with = touched();
  void* const mapping = mi_malloc(100 * kMiB);
  const std::size_t with_both = touched();
  mi_free(mapping);
  mi_free(p);
  mi_collect(true);
  const std::size_t after = touched();
  EXPECT_GE(with, before + 20 * kMiB);
  EXPECT_LE(with, before + 20 * kMiB + kRecords);
  EXPECT_GE(with_both, with + 100 * kMiB);
  EXPECT_LE(with_both, with + 100 * kMiB + kRecords);
  EXPECT_LE(after, before + kRecords);
  EXPECT_GE(memory_use().peak, with_both);
}

TEST_F(Limits, SmallBlocksAreCountedAsTheyAreLinked) {
  for (const std::size_t size : {std::size_t{16}, std::size_t{200}, std::size_t{5000}}) {
    const std::size_t before = touched();
    {
      Hoard hoard(size);
      while (hoard.count() * block_bytes(size) < 8 * kMiB) hoard.add();
      const std::size_t grown = touched() - before;
      EXPECT_GE(grown, 8 * kMiB - 256 * kKiB) << size;
      EXPECT_LE(grown, 8 * kMiB + 8 * kMiB / 16 + kRecords) << size;
    }
    mi_collect(true);
    EXPECT_LE(touched(), before + kMiB) << size;
  }
}

TEST_F(Limits, ResizedBlocksAreCountedAsLargeAsTheyAre) {
  const std::size_t before = touched();
  void* p = mi_zalloc(100 * kMiB);  // in a mapping, which gives back at once
  p = mi_realloc(p, 40 * kMiB - kPadding);
  const std::size_t less = touched();
  p = mi_realloc(p, 200 * kMiB - kPadding);
  const std::size_t more = touched();
  mi_free(p);
  EXPECT_LE(less, before + 40 * kMiB + kRecords);
  EXPECT_GE(more, before + 200 * kMiB);
  EXPECT_LE(more, before + 200 * kMiB + kRecords);
}

TEST_F(Limits, AResizeThatFailsLeavesThePeakAlone) {
  // With a mapping of its own, which the system is asked to make larger.
  void* const block = opaque(mi_malloc(opaque(600 * kMiB)));
  ASSERT_NE(block, nullptr);
  const std::size_t peak = memory_use().peak;
  // More than any machine has; the last is so large that the sum with the others overflows.
  for (const std::size_t size : {kGiB << 20, kGiB << 30, SIZE_MAX / 2 - 100 * kMiB}) {
    EXPECT_EQ(opaque(mi_realloc(block, opaque(size))), nullptr) << size;
    EXPECT_LE(memory_use().peak, peak + kRecords) << size;
  }
  mi_free(block);
}

TEST_F(Limits, WhatWaitsIsPartOfWhatIsTouched) {
  void* const p = mi_malloc(8 * kMiB);
  mi_free(p);
  const ashlar_memory_use_t use = memory_use();
  EXPECT_GE(use.touched, use.waiting);
  mi_collect(true);
  const ashlar_memory_use_t later = memory_use();
  EXPECT_EQ(later.waiting, 0U);
  EXPECT_LE(later.touched + use.waiting, use.touched + kRecords);
}

TEST_F(Limits, AreReadBackAndLeftAlone) {
  EXPECT_TRUE(ashlar_limit_memory(3 * kGiB, 4 * kGiB));
  EXPECT_EQ(memory_use().soft, 3 * kGiB);
  EXPECT_EQ(memory_use().hard, 4 * kGiB);
  EXPECT_TRUE(ashlar_limit_memory(SIZE_MAX, 5 * kGiB));
  EXPECT_EQ(memory_use().soft, 3 * kGiB);
  EXPECT_EQ(memory_use().hard, 5 * kGiB);
  EXPECT_TRUE(ashlar_limit_memory(0, SIZE_MAX));
  EXPECT_EQ(memory_use().soft, 0U);
  EXPECT_EQ(memory_use().hard, 5 * kGiB);
}

TEST_F(Limits, ImpossibleOnesChangeNothing) {
  ASSERT_TRUE(ashlar_limit_memory(3 * kGiB, 4 * kGiB));
  const std::pair<std::size_t, std::size_t> impossible[] = {
      {4 * kGiB + 1, SIZE_MAX}, {SIZE_MAX, 2 * kGiB}, {0, kMiB - 1}, {0, 1}};
  for (const auto& [soft, hard] : impossible) {
    errno = 0;
    EXPECT_FALSE(ashlar_limit_memory(soft, hard));
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(memory_use().soft, 3 * kGiB);
    EXPECT_EQ(memory_use().hard, 4 * kGiB);
  }
  mi_option_set(mi_option_hard_limit, 1);
  EXPECT_EQ(memory_use().hard, 4 * kGiB);
  mi_option_set(mi_option_hard_limit, 0);
  EXPECT_EQ(memory_use().hard, 0U);
}

TEST_F(Limits, FiguresAreWrittenAsFarAsTheCallerHasRoom) {
  EXPECT_FALSE(ashlar_memory_use(nullptr));
  ashlar_memory_use_t use{};
  EXPECT_FALSE(ashlar_memory_use(&use));
  use.size = 2 * sizeof(std::size_t);
  use.peak = 77;
  EXPECT_TRUE(ashlar_memory_use(&use));
  EXPECT_NE(use.touched, 0U);
  EXPECT_EQ(use.peak, 77U);
}

TEST_F(Limits, OptionsSetThem) {
  mi_option_set(mi_option_soft_limit, 3 * 1024 * 1024);
  mi_option_set(mi_option_hard_limit, 4 * 1024 * 1024);
  EXPECT_EQ(memory_use().soft, 3 * kGiB);
  EXPECT_EQ(memory_use().hard, 4 * kGiB);
  mi_option_set(mi_option_soft_limit, 0);
  mi_option_set(mi_option_hard_limit, 0);
  EXPECT_EQ(memory_use().soft, 0U);
  EXPECT_EQ(memory_use().hard, 0U);
}

// Fills up, frees half, fills up again, for blocks of every kind.
TEST_F(Limits, NoRequestPassesTheHardLimitAndFreesMakeRoom) {
  for (const std::size_t size :
       {std::size_t{16}, std::size_t{100}, std::size_t{1000}, std::size_t{5000},
        std::size_t{30'000}, std::size_t{100'000}, 3 * kMiB, 40 * kMiB}) {
    const std::size_t room = size < kMiB ? 24 * kMiB : 10 * size;
    mi_collect(true);
    const std::size_t hard = touched() + room;
    Hoard hoard(size);
    ASSERT_TRUE(ashlar_limit_memory(0, hard));
    const std::size_t all = hoard.fill_up();
    const int error = errno;
    const std::size_t full = touched();
    const bool intact = hoard.is_intact();
    hoard.free_some(all / 2);
    const std::size_t again = hoard.fill_up();
    const std::size_t full_again = touched();
    ashlar_limit_memory(0, 0);
    EXPECT_EQ(error, ENOMEM) << size;
    EXPECT_TRUE(intact) << size;
    EXPECT_LE(full, hard + kRecords) << size;
    EXPECT_LE(full_again, hard + kRecords) << size;
    EXPECT_GE(all * block_bytes(size), room - room / 5) << size;
    EXPECT_LE(all * block_bytes(size), room + kRecords) << size;
    // A page that could not be extended is of use again.
    EXPECT_GE(again + again / 50 + 1, all) << size;
    EXPECT_TRUE(hoard.is_intact()) << size;
  }
}

TEST_F(Limits, ResizingRespectsTheHardLimit) {
  for (const std::size_t size : {4 * kMiB, 64 * kMiB}) {
    mi_collect(true);
    auto* const p = static_cast<unsigned char*>(opaque(mi_malloc(size)));
    fill(p, 0, size, 3);
    ASSERT_TRUE(ashlar_limit_memory(0, touched() + kMiB));
    errno = 0;
    void* const more = opaque(mi_realloc(p, size + 4 * kMiB));
    const int error = errno;
    void* const expanded = opaque(mi_malloc(2 * kMiB));
    ashlar_limit_memory(0, 0);
    EXPECT_EQ(more, nullptr);
    EXPECT_EQ(error, ENOMEM);
    EXPECT_EQ(expanded, nullptr);
    EXPECT_EQ(first_difference(p, 0, size, 3), size);
    void* const grown = mi_realloc(p, size + 4 * kMiB);
    ASSERT_NE(grown, nullptr);
    EXPECT_EQ(first_difference(grown, 0, size, 3), size);
    mi_free(grown);
  }
}

TEST_F(Limits, AlignedRequestsRespectTheHardLimit) {
  ASSERT_TRUE(ashlar_limit_memory(0, touched() + 2 * kMiB));
  void* const p = opaque(mi_malloc_aligned(4 * kMiB, kMiB));
  void* const q = opaque(mi_zalloc_aligned(8 * kMiB, 8 * kMiB));
  ashlar_limit_memory(0, 0);
  EXPECT_EQ(p, nullptr);
  EXPECT_EQ(q, nullptr);
}

TEST_F(Limits, AHardLimitBelowWhatIsInUseLeavesBlocksUsable) {
  Hoard hoard(1000);
  while (hoard.count() < 20'000) hoard.add();
  ASSERT_TRUE(ashlar_limit_memory(0, touched() - 10 * kMiB));
  void* const refused = opaque(mi_malloc(100'000));
  const bool intact = hoard.is_intact();
  hoard.free_some(15'000);
  void* const served = opaque(mi_malloc(100'000));
  ashlar_limit_memory(0, 0);
  EXPECT_EQ(refused, nullptr);
  EXPECT_TRUE(intact);
  EXPECT_NE(served, nullptr);
  mi_free(served);
}

TEST_F(Limits, FailingReportsOutOfMemory) {
  ErrorRecorder errors;
  ASSERT_TRUE(ashlar_limit_memory(0, touched() + kMiB));
  void* const p = opaque(mi_malloc(4 * kMiB));
  ashlar_limit_memory(0, 0);
  EXPECT_EQ(p, nullptr);
  EXPECT_EQ(errors.take(), std::vector<int>{ENOMEM});
}

TEST_F(Limits, ASoftLimitBelowWhatWaitsPurgesAtOnce) {
  mi_option_set(mi_option_purge_delay, 1000);
  void* const p = mi_malloc(900 * kKiB);
  mi_free(p);
  const std::size_t waiting = memory_use().waiting;
  ASSERT_TRUE(ashlar_limit_memory(kMiB, 0));
  const std::size_t left = memory_use().waiting;
  ashlar_limit_memory(0, 0);
  mi_option_set(mi_option_purge_delay, 10);
  EXPECT_GE(waiting, 800 * kKiB);
  EXPECT_EQ(left, 0U);
}

TEST_F(Limits, ASoftLimitGivesBackWhatWaits) {
  mi_option_set(mi_option_purge_delay, -1);
  const std::size_t base = touched();
  ASSERT_TRUE(ashlar_limit_memory(base + 16 * kMiB, 0));
  std::size_t most = 0;
  // Without a limit all of this would wait.
  for (std::size_t size = 100 * kKiB; size < 8 * kMiB; size += 100 * kKiB) {
    void* const p = opaque(mi_malloc(size));
    mi_free(p);
    const std::size_t now = touched();
    most = now > most ? now : most;
  }
  ashlar_limit_memory(0, 0);
  mi_option_set(mi_option_purge_delay, 10);
  EXPECT_LE(most, base + 16 * kMiB + kRecords);
}

TEST_F(Limits, EachStageIsToldOnceAndInOrder) {
  const std::size_t base = touched();
  listen();
  ASSERT_TRUE(ashlar_limit_memory(base + 16 * kMiB, base + 32 * kMiB));
  Hoard hoard(1000);
  hoard.fill_up();
  const Heard heard = heard_;
  void* const p = opaque(mi_malloc(1000));
  const Heard later = heard_;
  ashlar_limit_memory(0, 0);
  EXPECT_EQ(p, nullptr);
  EXPECT_EQ(heard.calls, (std::array<int, 5>{0, 1, 1, 1, 1}));
  EXPECT_TRUE(heard.in_order);
  EXPECT_EQ(later.calls, heard.calls);
  EXPECT_EQ(heard.last.stage, 4);
  EXPECT_EQ(heard.last.size, sizeof(ashlar_pressure_t));
  EXPECT_EQ(heard.last.soft, base + 16 * kMiB);
  EXPECT_EQ(heard.last.hard, base + 32 * kMiB);
  EXPECT_EQ(heard.last.requested, 1000U);
  EXPECT_GE(heard.last.touched, base + 31 * kMiB);
}

TEST_F(Limits, StagesAreToldAgainAfterTheyWereOver) {
  const std::size_t base = touched();
  listen();
  ASSERT_TRUE(ashlar_limit_memory(base + 16 * kMiB, base + 32 * kMiB));
  int after_little = 0;
  int after_much = 0;
  {
    Hoard hoard(100'000);
    while (touched() < base + 20 * kMiB) hoard.add();
    hoard.free_some(40);
    mi_collect(true);
    while (touched() < base + 20 * kMiB) hoard.add();
    after_little = heard_.calls[1];
    hoard.free_some(100);
    mi_collect(true);
    while (touched() < base + 20 * kMiB) hoard.add();
    after_much = heard_.calls[1];
  }
  ashlar_limit_memory(0, 0);
  EXPECT_EQ(after_little, 1);
  EXPECT_EQ(after_much, 2);
  EXPECT_EQ(heard_.calls[2], 0);
}

TEST_F(Limits, AProgramAboveItsSoftLimitIsToldOnce) {
  listen();
  Hoard base(1000);
  while (base.count() < 10'000) base.add();
  ASSERT_TRUE(ashlar_limit_memory(kMiB, 0));
  Hoard hoard(500);
  for (int i = 0; i < 50'000; ++i) hoard.add();
  ashlar_limit_memory(0, 0);
  EXPECT_EQ(heard_.calls, (std::array<int, 5>{0, 1, 0, 0, 0}));
}

Hoard* cache = nullptr;

// What the function frees serves the request at hand, time and again.
TEST_F(Limits, TheLastStageSavesRequests) {
  listen();
  Hoard cached(10'000);
  cache = &cached;
  heard_.also = [](int stage) {
    if (stage == 4) cache->free_some(100);
  };
  const std::size_t base = touched();
  ASSERT_TRUE(ashlar_limit_memory(0, base + 16 * kMiB));
  while (touched() < base + 14 * kMiB) cached.add();
  Hoard hoard(60'000);
  while (cached.count() > 300) {
    if (!hoard.add()) break;
  }
  ashlar_limit_memory(0, 0);
  EXPECT_LE(cached.count(), 300U);
  EXPECT_GE(heard_.calls[4], 8);
}

TEST_F(Limits, TheFunctionMayDoAlmostAnything) {
  listen();
  heard_.also = [](int stage) {
    void* const p = opaque(mi_malloc(50'000));
    if (p != nullptr) std::memset(p, 1, 50'000);
    mi_free(p);
    mi_free(opaque(mi_malloc(100 * kMiB)));  // fails at the limit, and calls nothing
    mi_collect(true);
    mi_heap_t* const heap = mi_heap_new();
    if (heap != nullptr) {
      mi_free(opaque(mi_heap_malloc(heap, 100)));
      mi_heap_delete(heap);
    }
    ashlar_register_pressure(Limits::note, &heard_);
    if (stage == 3) ashlar_limit_memory(SIZE_MAX, memory_use().hard + 8 * kMiB);
  };
  const std::size_t base = touched();
  ASSERT_TRUE(ashlar_limit_memory(base + 8 * kMiB, base + 16 * kMiB));
  Hoard hoard(1000);
  while (heard_.calls[3] == 0 && hoard.add()) {
  }
  const std::size_t hard = memory_use().hard;
  while (touched() < base + 20 * kMiB && hoard.add()) {
  }
  const std::size_t reached = touched();
  ashlar_limit_memory(0, 0);
  EXPECT_EQ(hard, base + 24 * kMiB);
  EXPECT_GE(reached, base + 20 * kMiB);
  EXPECT_TRUE(hoard.is_intact());
}

std::jmp_buf jump_out;

// In a child, since the thread counts as being inside the function for good.
TEST_F(Limits, AFunctionThatJumpsOutLosesNothing) {
  const pid_t child = fork();
  if (child == 0) {
    listen();
    heard_.also = [](int) { std::longjmp(jump_out, 1); };
    const std::size_t base = touched();
    if (!ashlar_limit_memory(base + 8 * kMiB, base + 16 * kMiB)) _exit(1);
    static Hoard hoard(1000);
    if (setjmp(jump_out) == 0) {
      hoard.fill_up();
      _exit(2);
    }
    if (hoard.fill_up() * 1000 < 14 * kMiB || !hoard.is_intact()) _exit(3);
    if (heard_.calls != std::array<int, 5>{0, 1, 0, 0, 0}) _exit(4);
    hoard.free_some(hoard.count());
    mi_collect(true);
    _exit(touched() <= base + kRecords ? 0 : 5);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Limits, HoldForAllRealmsTogether) {
  const mi_subproc_id_t realm = mi_subproc_new();
  ASSERT_TRUE(ashlar_limit_memory(0, touched() + 16 * kMiB));
  std::size_t served = 0;
  std::thread([&] {
    mi_subproc_add_current_thread(realm);
    Hoard hoard(100'000);
    served = hoard.fill_up();
  }).join();
  ashlar_limit_memory(0, 0);
  mi_subproc_delete(realm);
  EXPECT_GE(served * 100'000, 13 * kMiB);
  EXPECT_LE(served * 100'000, 16 * kMiB);
}

TEST_F(Limits, RacingThreadsDoNotPassTheHardLimit) {
  constexpr int kThreads = 6;
  mi_option_set(mi_option_retry_on_oom, 1);
  std::array<std::thread, kThreads> threads;
  std::atomic<bool> go{false};
  std::atomic<std::size_t> most{0};
  std::atomic<int> failures{0};
  std::atomic<bool> intact{true};
  for (int t = 0; t < kThreads; ++t) {
    threads.at(static_cast<std::size_t>(t)) = std::thread([&, t] {
      while (!go.load()) std::this_thread::yield();
      for (int round = 0; round < 40; ++round) {
        const std::size_t sizes[] = {40, 900, 20'000, 300'000, 3 * kMiB};
        Hoard hoard(sizes[(t + round) % 5]);
        for (int i = 0; i < 20'000 && hoard.add(); ++i) {
          if (i % 64 == 0) {
            const std::size_t now = memory_use().touched;
            std::size_t seen = most.load();
            while (seen < now && !most.compare_exchange_weak(seen, now)) {
            }
          }
        }
        failures.fetch_add(hoard.count() < 20'000 ? 1 : 0);
        if (!hoard.is_intact()) intact.store(false);
      }
    });
  }
  const std::size_t hard = touched() + 16 * kMiB;
  ASSERT_TRUE(ashlar_limit_memory(hard - 4 * kMiB, hard));
  go.store(true);
  for (std::thread& thread : threads) thread.join();
  ashlar_limit_memory(0, 0);
  EXPECT_LE(most.load(), hard + kThreads * kRecords);
  EXPECT_GT(failures.load(), 0);
  EXPECT_TRUE(intact.load());
  mi_collect(true);
  EXPECT_LE(touched(), hard);
}

TEST_F(Limits, AForkedChildHasItsOwnFigures) {
  Hoard hoard(1000);
  while (hoard.count() < 10'000) hoard.add();
  const std::size_t base = touched();
  ASSERT_TRUE(ashlar_limit_memory(0, base + 8 * kMiB));
  const pid_t child = fork();
  if (child == 0) {
    if (memory_use().touched > base + kRecords || memory_use().touched + kRecords < base) _exit(1);
    Hoard own(1000);
    const std::size_t got = own.fill_up() * 1000;
    if (got > 8 * kMiB || got < 6 * kMiB) _exit(2);
    if (memory_use().touched > base + 8 * kMiB + kRecords) _exit(3);
    own.free_some(own.count());
    hoard.free_some(hoard.count());
    mi_collect(true);
    _exit(memory_use().touched + 8 * kMiB < base ? 0 : 4);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const std::size_t after = touched();
  ashlar_limit_memory(0, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_LE(after, base + kRecords);
}

TEST_F(Limits, TheControlGroupIsAskedForOnly) {
  errno = 0;
  const bool found = ashlar_limit_from_cgroup();
  const int error = errno;
  const ashlar_memory_use_t use = memory_use();
  ashlar_limit_memory(0, 0);
  if (found) {
    EXPECT_TRUE(use.hard != 0 || use.soft != 0);
  } else {
    EXPECT_TRUE(error == ENOENT || error == EINVAL);
    EXPECT_EQ(use.hard, 0U);
    EXPECT_EQ(use.soft, 0U);
  }
}

}  // namespace
