// That the delays of builds for schedules are at the operations they are meant for, can be
// repeated, and find a wrong order of steps that the right order does not have.
#include "os/schedule.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "arena/hint_bitmap.h"
#include "arena/slice_claim.h"
#include "page/ownership.h"
#include "schedule/schedule_control.h"
#include "test_page.h"

namespace ashlar {
namespace {

struct Operation {
  const char* name;
  std::function<void()> run;
};

// The shared state that the operations work on, by themselves.
struct Scene {
  TestPage page{64};
  Block* block = page.allocate();
  std::array<AtomicWord, 1> hint_words{};
  std::array<AtomicWord, 1> hint_summary{};
  HintBitmap hints{hint_words.data(), 1, hint_summary.data(), 1};
  std::array<SliceWords, 1> slice_words{};
  std::array<AtomicWord, 1> full{};
  SliceClaim claim{slice_words.data(), full.data(), 1};

  std::vector<Operation> operations() {
    return {
        {"push and collect",
         [this] {
           push_remote(page.get(), block);
           collect_page(page.get());
           block = page.allocate();
         }},
        {"orphan and own",
         [this] {
           try_orphan(page.get());
           try_own(page.remote());
         }},
        {"read the owner", [this] { owner_of(page.get()); }},
        {"set the owner", [this] { set_owner(page.get(), kNoOwner); }},
        {"set a flag", [this] { set_owner_flag(page.get(), kOwnerFull); }},
        {"clear a flag", [this] { clear_owner_flag(page.get(), kOwnerFull); }},
        {"look for remote frees", [this] { has_remote_frees(page.get()); }},
        {"set and take a hint",
         [this] {
           SliceIndex slice{0};
           hints.set({7});
           hints.take(&slice);
         }},
        {"read a hint", [this] { hints.is_set({7}); }},
        {"claim and release slices",
         [this] {
           SliceRun run;
           if (claim.claim({1}, {1}, &run)) {
             claim.release(run);
           }
         }},
    };
  }
};

// Runs it in a thread that sets the seed itself, and so is the first to arrive.
template <class Work>
unsigned long long delays_of(std::uint64_t seed, Work work) {
  unsigned long long delays = 0;
  std::thread thread([&] {
    ashlar_test_set_schedule(seed);
    work();
    delays = ashlar_test_schedule_delays();
    ashlar_test_set_schedule(0);
  });
  thread.join();
  return delays;
}

TEST(Schedule, EveryOperationCanBeDelayed) {
  Scene scene;
  for (const Operation& operation : scene.operations()) {
    // Bounded by the lowest rate: a visit in 2^11 yields.
    const unsigned long long delays = delays_of(1, [&] {
      for (int i = 0; i < 1 << 15 && ashlar_test_schedule_delays() == 0; ++i) {
        operation.run();
      }
    });
    EXPECT_GT(delays, 0u) << operation.name;
  }
}

TEST(Schedule, WithoutASeedNothingIsDelayed) {
  Scene scene;
  for (const Operation& operation : scene.operations()) {
    EXPECT_EQ(delays_of(0,
                        [&] {
                          for (int i = 0; i < 1 << 15; ++i) {
                            operation.run();
                          }
                        }),
              0u)
        << operation.name;
  }
}

TEST(Schedule, TheSameSeedDelaysTheSameStepsAgain) {
  const auto work = [] {
    Scene scene;
    for (int i = 0; i < 2000; ++i) {
      for (const Operation& operation : scene.operations()) {
        operation.run();
      }
    }
  };
  std::vector<unsigned long long> all;
  for (const std::uint64_t seed : {3u, 4u, 5u}) {
    const unsigned long long first = delays_of(seed, work);
    EXPECT_EQ(first, delays_of(seed, work)) << "seed " << seed;
    all.push_back(first);
  }
  EXPECT_FALSE(all[0] == all[1] && all[1] == all[2]);
}

// Publishing an orphan: what the heap does (the word, then the hint), and the other way round.
enum class PublishOrder { kHintLast, kHintFirst };

// One thread publishes a page again and again while another looks for hints as a thread in need
// does: it takes the hint, and where the page is not to be had, goes on. Returns how often a
// page was nobody's at the end, with no hint left by which anybody would find it.
int count_lost_pages(std::uint64_t seed, PublishOrder order) {
  constexpr int kRounds = 200;
  Scene scene;
  std::atomic<int> publisher_at{0};  // rounds that it has finished
  std::atomic<int> seeker_at{0};
  int lost = 0;
  const auto wait_for = [](const std::atomic<int>& at, int round) {
    // acquire: what the other thread did in its round is seen.
    while (at.load(std::memory_order_acquire) < round) {
      std::this_thread::yield();
    }
  };
  ashlar_test_set_schedule(seed);
  std::thread seeker([&] {
    for (int round = 1; round <= kRounds; ++round) {
      bool found = false;
      const auto seek = [&] {
        SliceIndex slice{0};
        if (scene.hints.take(&slice) && try_own(scene.page.remote()) == Taken::kYes) {
          found = true;
        }
      };
      // Once at some moment, and once when all is done.
      seek();
      wait_for(publisher_at, round);
      seek();
      if (!found) {
        ++lost;
        // Owned again, for the next round.
        EXPECT_EQ(try_own(scene.page.remote()), Taken::kYes);
      }
      // release: hands the page back.
      seeker_at.store(round, std::memory_order_release);
    }
  });
  for (int round = 1; round <= kRounds; ++round) {
    if (order == PublishOrder::kHintLast) {
      EXPECT_TRUE(try_orphan(scene.page.get()));
      scene.hints.set({5});
    } else {
      scene.hints.set({5});
      EXPECT_TRUE(try_orphan(scene.page.get()));
    }
    // release: hands the page over.
    publisher_at.store(round, std::memory_order_release);
    wait_for(seeker_at, round);
  }
  seeker.join();
  ashlar_test_set_schedule(0);
  return lost;
}

constexpr std::uint64_t kMostSeeds = 100;

TEST(Schedule, AHintThatIsSetTooEarlyLosesPages) {
  std::uint64_t seed = 1;
  while (seed <= kMostSeeds && count_lost_pages(seed, PublishOrder::kHintFirst) == 0) {
    ++seed;
  }
  RecordProperty("seeds", static_cast<int>(seed));
  EXPECT_LE(seed, kMostSeeds) << "no seed showed what is wrong";
}

TEST(Schedule, AHintThatIsSetLastLosesNone) {
  for (std::uint64_t seed = 1; seed <= kMostSeeds; ++seed) {
    ASSERT_EQ(count_lost_pages(seed, PublishOrder::kHintLast), 0) << "seed " << seed;
  }
}

}  // namespace
}  // namespace ashlar
