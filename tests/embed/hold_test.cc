// Held pages: kept until their goal, for their own kind of blocks alone, and found again.
#include <cerrno>
#include <set>

#include "host.h"

namespace {

using namespace embed_test;

TEST(Hold, APageEmptiedByItsOwnerIsHeldUntilItsGoal) {
  Host host;
  Attached thread(host, &host);
  void* const block = thread.malloc(kHeld, 600);
  std::memset(block, 7, 600);
  ashlar_rt_free(block);
  EXPECT_EQ(host.asked, 1);
  EXPECT_EQ(host.asked_context.load(), &host);
  const std::vector<HeldPage> held = held_by(thread);
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(held[0].goal, host.goal);
  EXPECT_EQ(held[0].bytes, kSlice);
  EXPECT_EQ(stats_of(host).held_pages, 1u);
  EXPECT_EQ(stats_of(host).held_bytes, kSlice);
  EXPECT_EQ(ashlar_rt_owner(block), ashlar_rt_thread_id());
  EXPECT_EQ(ashlar_rt_collect(&thread.storage, ASHLAR_RT_COLLECT_PURGE), 0u) << "not reached yet";
  EXPECT_EQ(static_cast<unsigned char*>(block)[300], kActive.fill_blocks ? 0xDF : 7);
  host.reach_all();
  EXPECT_EQ(ashlar_rt_collect(&thread.storage, 0), kSlice);
  EXPECT_TRUE(held_by(thread).empty());
  EXPECT_EQ(ashlar_rt_owner(block), 0u);
}

TEST(Hold, ABlockHandedOutCancelsTheGoalAndTheHostIsAskedAgain) {
  Host host;
  Attached thread(host);
  ashlar_rt_free(thread.malloc(kHeld, 600));
  const std::uint64_t first = host.goal;
  void* const block = thread.malloc(kHeld, 600);
  EXPECT_TRUE(held_by(thread).empty()) << "cancelled";
  host.reach_all();
  EXPECT_EQ(ashlar_rt_collect(&thread.storage, 0), 0u) << "the page is in use";
  EXPECT_EQ(ashlar_rt_release_upto(&thread.storage, host.goal), 0u);
  ashlar_rt_free(block);
  ASSERT_EQ(held_by(thread).size(), 1u);
  EXPECT_GT(held_by(thread)[0].goal, first);
  EXPECT_EQ(host.asked, 2);
}

TEST(Hold, APageWhoseGoalWasCancelledIsNotCountedAsHeld) {
  Host host;
  Attached thread(host);
  ashlar_rt_free(thread.malloc(kHeld, 600));
  ASSERT_EQ(stats_of(host).held_pages, 1u);
  void* const block = thread.malloc(kHeld, 600);
  on_a_thread([&] { ashlar_rt_free(block); });
  EXPECT_EQ(stats_of(host).blocks, 0u);
  EXPECT_TRUE(held_by(thread).empty()) << "its owner has not looked yet";
  EXPECT_EQ(stats_of(host).held_pages, 0u);
  EXPECT_EQ(stats_of(host).held_bytes, 0u);
  ashlar_rt_collect(&thread.storage, 0);
  EXPECT_EQ(stats_of(host).held_pages, 1u);
}

TEST(Hold, APageEmptiedByRemoteFreesOnlyIsFoundAndHeld) {
  Host host;
  Attached thread(host, &host);
  const std::vector<void*> blocks = fill_pages(thread, kHeld, 200, 3);
  on_a_thread([&] { free_all(blocks); });
  EXPECT_EQ(host.asked, 0) << "its owner has not looked yet";
  EXPECT_EQ(ashlar_rt_collect(&thread.storage, 0), 0u);
  EXPECT_GE(held_by(thread).size(), 3u);
  EXPECT_EQ(host.asked_context.load(), &host);
  host.reach_all();
  EXPECT_GE(ashlar_rt_collect(&thread.storage, 0), 3 * kSlice);
  EXPECT_EQ(stats_of(host).reserved, 0u);
}

// Over many rounds in which one thread allocates and another frees, with readers that lag some
// rounds behind, no more memory is held than these rounds need.
TEST(Hold, MemoryIsFlatOverHoursOfChurn) {
  Host host;
  Attached thread(host);
  constexpr int kRounds = 400;
  constexpr std::uint64_t kLag = 64;
  std::size_t most_early = 0;
  std::size_t most_late = 0;
  for (int round = 0; round < kRounds; ++round) {
    // Each round another class, so that a page is hardly ever of use again at once.
    const std::size_t size = std::size_t{64} << (round % 5);
    const std::vector<void*> blocks = fill_pages(thread, kHeld, size, 4);
    on_a_thread([&] { free_all(blocks); });
    ashlar_rt_collect(&thread.storage, 0);
    host.reached = host.goal - kLag;
    std::size_t& most = round < kRounds / 2 ? most_early : most_late;
    const std::size_t reserved = stats_of(host).reserved;
    most = most > reserved ? most : reserved;
  }
  EXPECT_LE(most_late, most_early);
  EXPECT_LE(most_late, (kLag + 8) * kSlice);
  host.reach_all();
  ashlar_rt_collect(&thread.storage, 0);
  EXPECT_EQ(stats_of(host).reserved, 0u);
}

// Pages that are held serve their own class at once, and no other one, tag or realm.
TEST(Hold, AGoalThatIsNeverReached) {
  Host host;
  Host other_host;
  Attached thread(host);
  const Attached other(other_host);
  std::vector<void*> blocks = fill_pages(thread, kHeld, 256, 4);
  const std::set<void*> first(blocks.begin(), blocks.end());
  free_all(blocks);
  const std::size_t reserved = stats_of(host).reserved;
  for (const auto& [tag, size] : {std::pair{kHeld, 512u}, std::pair{kObjects, 256u}}) {
    blocks = fill_pages(thread, tag, size, 4);
    for (void* const block : blocks) {
      ASSERT_EQ(first.count(block), 0u);
    }
    free_all(blocks);
  }
  blocks = fill_pages(other, kHeld, 256, 4);
  for (void* const block : blocks) {
    ASSERT_EQ(first.count(block), 0u);
  }
  free_all(blocks);
  EXPECT_GE(stats_of(host, 1u << kHeld).held_pages, 8u);
  for (int round = 0; round < 50; ++round) {
    blocks = fill_pages(thread, kHeld, 256, 4);
    std::size_t again = 0;
    for (void* const block : blocks) {
      again += first.count(block);
    }
    EXPECT_GE(again + 300, first.size()) << "the same class is served by what is held";
    free_all(blocks);
  }
  EXPECT_LE(stats_of(host, 1u << kHeld).reserved, 2 * reserved + 2 * kSlice);
}

TEST(Hold, APageThatWasFullThenEmptiedWhileHeldIsFoundAgain) {
  Host host;
  Attached thread(host);
  const std::vector<void*> blocks = fill_pages(thread, kHeld, 1000, 5);
  const std::set<void*> before(blocks.begin(), blocks.end());
  on_a_thread([&] { free_all(blocks); });
  ashlar_rt_collect(&thread.storage, 0);
  ASSERT_GE(held_by(thread).size(), 5u);
  const std::size_t reserved = stats_of(host).reserved;
  const std::vector<void*> again = fill_pages(thread, kHeld, 1000, 5);
  EXPECT_EQ(stats_of(host).reserved, reserved) << "no page was made";
  std::size_t fresh = 0;
  for (void* const block : again) {
    fresh += before.count(block) == 0 ? 1 : 0;
  }
  EXPECT_LE(fresh, kSlice / 1000) << "but for what the last page had not handed out yet";
  free_all(again);
}

TEST(Hold, AbandoningKeepsGoalsAndAnotherThreadMayUseThePage) {
  Host host;
  Attached thread(host);
  const std::vector<void*> blocks = fill_pages(thread, kHeld, 128, 3);
  free_all(blocks);
  const std::vector<HeldPage> held = held_by(thread);
  ASSERT_GE(held.size(), 3u);
  const int asked = host.asked;
  ASSERT_TRUE(ashlar_rt_thread_abandon(&thread.storage));
  EXPECT_EQ(host.asked, asked) << "their goals stand";
  const std::vector<HeldPage> left = held_by_nobody(host);
  ASSERT_EQ(left.size(), held.size());
  for (std::size_t i = 0; i < held.size(); ++i) {
    EXPECT_EQ(left[i].goal, held[i].goal) << "oldest first";
    EXPECT_EQ(left[i].page, held[i].page);
  }
  on_a_thread([&] {
    Attached other(host);
    // The block may be one of the last page's that was never handed out.
    const auto slice_of = [](void* block) {
      return reinterpret_cast<std::uintptr_t>(block) / kSlice;
    };
    std::set<std::uintptr_t> slices;
    for (void* const each : blocks) {
      slices.insert(slice_of(each));
    }
    void* const block = other.malloc(kHeld, 128);
    EXPECT_EQ(slices.count(slice_of(block)), 1u) << "the page changed hands";
    EXPECT_EQ(held_by_nobody(host).size(), held.size() - 1);
    ashlar_rt_free(block);
    EXPECT_EQ(held_by(other).size(), 1u);
  });
  EXPECT_EQ(held_by_nobody(host).size(), held.size());
  host.reach_all();
  ashlar_rt_collect(&thread.storage, 0);
  EXPECT_TRUE(held_by_nobody(host).empty()) << "polling sees what nobody owns, too";
  EXPECT_EQ(stats_of(host).reserved, 0u);
}

TEST(Hold, AnOrphanEmptiedByAnybodyIsHeldAsNobodys) {
  Host host;
  std::vector<void*> blocks;
  {
    const Attached thread(host, &host);
    blocks = fill_pages(thread, kHeld, 300, 2);
  }
  host.asked_context = &host;
  on_a_thread([&] { free_all(blocks); });
  EXPECT_EQ(host.asked_context.load(), nullptr);
  const std::size_t held = held_by_nobody(host).size();
  EXPECT_GE(held, 2u);
  EXPECT_EQ(ashlar_rt_realm_release_upto(host.realm, 100), 0u);
  EXPECT_EQ(ashlar_rt_realm_release_upto(host.realm, host.goal), held * kSlice);
  EXPECT_EQ(stats_of(host).reserved, 0u);
}

TEST(Hold, HugeBlocksAreHeldAsNobodysWithTheirOwnersContext) {
  Host host;
  Attached thread(host, &host);
  auto* const block = static_cast<unsigned char*>(thread.malloc(kHeld, 500'000));
  std::memset(block, 7, 500'000);
  on_a_thread([&] { ashlar_rt_free(block); });
  EXPECT_EQ(host.asked_context.load(), &host);
  EXPECT_EQ(ashlar_rt_owner(block), 0u);
  ASSERT_EQ(held_by_nobody(host).size(), 1u);
  EXPECT_GE(held_by_nobody(host)[0].bytes, 500'000u);
  __atomic_fetch_add(reinterpret_cast<std::uint64_t*>(block + 16), 1, __ATOMIC_RELAXED);
  Reports reports;
  ashlar_rt_free(block);
  EXPECT_EQ(reports.take(), 1) << "a double free is told of";
  host.reach_all();
  void* const next = thread.malloc(kHeld, 500'000);  // large allocations poll
  EXPECT_TRUE(held_by_nobody(host).empty());
  ashlar_rt_free(next);
}

TEST(Hold, AFreshPageIsTakenOnlyAfterAskingForReachedGoals) {
  Host host;
  Attached thread(host);
  free_all(fill_pages(thread, kHeld, 64, 8));
  const std::size_t reserved = stats_of(host).reserved;
  host.reach_all();
  host.polled = 0;
  const std::vector<void*> blocks = fill_pages(thread, kHeld, 1024, 2);
  EXPECT_GT(host.polled, 0);
  EXPECT_TRUE(held_by(thread).empty());
  EXPECT_LT(stats_of(host).reserved, reserved);
  free_all(blocks);
}

TEST(Hold, ReleasingUpToAGoal) {
  Host host;
  Attached thread(host);
  std::vector<std::vector<void*>> rounds;
  for (std::size_t i = 0; i < 6; ++i) {
    rounds.push_back({thread.malloc(kHeld, std::size_t{32} << i)});
  }
  for (const std::vector<void*>& blocks : rounds) {
    free_all(blocks);
  }
  const std::vector<HeldPage> held = held_by(thread);
  ASSERT_EQ(held.size(), 6u);
  EXPECT_EQ(ashlar_rt_release_upto(&thread.storage, held[2].goal), 3 * kSlice);
  ASSERT_EQ(held_by(thread).size(), 3u);
  EXPECT_EQ(held_by(thread)[0].goal, held[3].goal);
  // The realm's release reaches stopped threads.
  on_a_thread(
      [&] { EXPECT_EQ(ashlar_rt_realm_release_upto(host.realm, held[5].goal), 3 * kSlice); });
  EXPECT_EQ(host.polled, 0);
}

TEST(Hold, GoalsAreComparedAcrossTheirWrap) {
  Host host;
  Attached thread(host);
  host.goal = ~std::uint64_t{0} - 2;
  host.reached = ~std::uint64_t{0} - 8;
  for (std::size_t i = 0; i < 5; ++i) {
    ashlar_rt_free(thread.malloc(kHeld, std::size_t{32} << i));
  }
  ASSERT_EQ(held_by(thread).size(), 5u);
  EXPECT_EQ(held_by(thread)[4].goal, 2u);
  EXPECT_EQ(ashlar_rt_collect(&thread.storage, 0), 0u);
  host.reached = ~std::uint64_t{0};
  EXPECT_EQ(ashlar_rt_collect(&thread.storage, 0), 2 * kSlice);
  host.reached = 1;
  EXPECT_EQ(ashlar_rt_collect(&thread.storage, 0), 2 * kSlice);
  EXPECT_EQ(held_by(thread).size(), 1u);
}

TEST(Hold, PagesThatNobodyReadsAreReleased) {
  Host host;
  host.holds = false;
  Attached thread(host);
  const std::vector<void*> blocks = fill_pages(thread, kHeld, 100, 4);
  on_a_thread([&] { free_all(blocks); });
  EXPECT_GE(ashlar_rt_collect(&thread.storage, 0), 4 * kSlice);
  for (int i = 0; i < 1000; ++i) {
    ashlar_rt_free(thread.malloc(kHeld, 100));
  }
  EXPECT_GE(host.asked, 1000) << "each time a page empties";
  EXPECT_TRUE(held_by(thread).empty());
}

TEST(Hold, DestroyingARealmReleasesWhatItHolds) {
  Host host;
  {
    const Attached thread(host);
    free_all(fill_pages(thread, kHeld, 700, 10));
    ashlar_rt_free(thread.malloc(kHeld, 2'000'000));
  }
  EXPECT_GE(held_by_nobody(host).size(), 11u);
  ashlar_rt_leftovers_t left{};
  left.size = sizeof left;
  EXPECT_TRUE(ashlar_rt_realm_destroy(host.realm, &left));
  EXPECT_EQ(left.blocks, 0u);
  EXPECT_EQ(left.pages, 0u);
  host.realm = nullptr;
}

// Callbacks that lie. Release builds keep memory safe: the later goal counts.
struct Liar {
  std::uint64_t goal = 0;
  bool releases = false;
  bool allocates = false;
  ashlar_rt_heap_t* heap = nullptr;
};
ashlar_rt_answer_t lie(void* user, void*, const void*, std::size_t, std::uint64_t* goal) {
  Liar& liar = *static_cast<Liar*>(user);
  if (liar.allocates) {
    // From a class that has no page yet.
    EXPECT_EQ(ashlar_rt_malloc(liar.heap, 5000), nullptr);
  }
  *goal = liar.goal;
  return liar.releases ? ASHLAR_RT_RELEASE : ASHLAR_RT_HOLD;
}

TEST(Hold, AnswersThatLieAreReportedAndChangeNothing) {
  Liar liar;
  ashlar_rt_ops_t ops{};
  ops.size = sizeof ops;
  ops.page_empty = lie;
  ashlar_rt_realm_t* const realm = ashlar_rt_realm_new(&ops, &liar);
  ashlar_rt_thread_t storage{};
  ASSERT_TRUE(ashlar_rt_thread_attach(&storage, realm, ashlar_rt_thread_id(), nullptr, kSpecs, 3));
  liar.heap = ashlar_rt_thread_heap(&storage, kHeld);
  Reports reports;
  liar.goal = 50;
  ashlar_rt_free(ashlar_rt_malloc(liar.heap, 64));
  EXPECT_EQ(reports.take(), 0);
  liar.goal = 40;  // goes back
  ashlar_rt_free(ashlar_rt_malloc(liar.heap, 128));
  EXPECT_EQ(reports.take(), 1);
  std::uint64_t goal = 0;
  const ashlar_rt_held_t* held = ashlar_rt_thread_held_next(&storage, nullptr, &goal, nullptr);
  held = ashlar_rt_thread_held_next(&storage, held, &goal, nullptr);
  ASSERT_NE(held, nullptr);
  EXPECT_EQ(goal, 50u);
  liar.releases = true;  // although the page's goal, which a block cancelled, is not reached
  ashlar_rt_free(ashlar_rt_malloc(liar.heap, 128));
  EXPECT_EQ(reports.take(), 1);
  EXPECT_EQ(ashlar_rt_release_upto(&storage, 49), 0u);
  liar.releases = false;
  liar.allocates = true;
  liar.goal = 60;
  void* const block = ashlar_rt_malloc(liar.heap, 128);
  ashlar_rt_free(block);
  EXPECT_EQ(reports.take(), 1);
  EXPECT_EQ(ashlar_rt_release_upto(&storage, 60), 2 * kSlice);
  EXPECT_TRUE(ashlar_rt_thread_detach(&storage));
  EXPECT_TRUE(ashlar_rt_realm_destroy(realm, nullptr));
}

}  // namespace
