// The one-word ownership protocol: by hand, state by state, and with threads that free into
// orphans: one taker at a time, and no block lost.
#include "page/ownership.h"

#include <errno.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "support/messages.h"
#include "test_page.h"

namespace ashlar {
namespace {

// Hears of errors instead of the user; without it secure and debug builds would stop.
class ErrorListener {
 public:
  ErrorListener() { register_error(hear, this); }
  ~ErrorListener() { register_error(nullptr, nullptr); }
  ErrorListener(const ErrorListener&) = delete;
  ErrorListener& operator=(const ErrorListener&) = delete;

  std::vector<int> codes() const { return {codes_.begin(), codes_.begin() + count_}; }

 private:
  static void hear(int code, void* arg) {
    auto* const self = static_cast<ErrorListener*>(arg);
    if (self->count_ < 8) {
      self->codes_[static_cast<std::size_t>(self->count_++)] = code;
    }
  }
  std::array<int, 8> codes_{};
  int count_ = 0;
};

TEST(Ownership, AFreshPageIsOwnedAndHasNoRemoteFrees) {
  TestPage page(64);
  EXPECT_EQ(page.remote_value(), 0u);
  EXPECT_FALSE(has_remote_frees(page.get()));
  EXPECT_EQ(try_own(page.remote()), Taken::kNo);
  EXPECT_TRUE(collect_remote(page.get()));
}

TEST(Ownership, RemoteFreesAreCollectedByTheOwner) {
  TestPage page(64);
  std::set<const Block*> freed;
  for (int i = 0; i < 5; ++i) {
    Block* const block = page.allocate();
    freed.insert(block);
    EXPECT_EQ(push_remote(page.get(), block), Taken::kNo);
  }
  EXPECT_TRUE(has_remote_frees(page.get()));
  EXPECT_EQ(page->used(), 5u) << "until they are collected they count as used";
  EXPECT_TRUE(collect_remote(page.get()));
  EXPECT_EQ(page->used(), 0u);
  EXPECT_FALSE(has_remote_frees(page.get()));
  EXPECT_TRUE(page.adds_up());
  const std::set<const Block*> listed = page.listed();
  for (const Block* block : freed) {
    EXPECT_EQ(listed.count(block), 1u);
  }
}

TEST(Ownership, CollectingKeepsWhatTheOwnerFreed) {
  TestPage page(64);
  Block* const local = page.allocate();
  Block* const remote = page.allocate();
  page.allocate();
  push_local(page.get(), local);
  push_remote(page.get(), remote);
  EXPECT_TRUE(collect_page(page.get()));
  EXPECT_EQ(page->used(), 1u);
  EXPECT_EQ(page.listed().count(local), 1u);
  EXPECT_EQ(page.listed().count(remote), 1u);
  EXPECT_TRUE(page.adds_up());
}

TEST(Ownership, CollectedBlocksAreNotCalledZero) {
  TestPage page(4096);
  Block* const block = page.allocate();
  ASSERT_FALSE(page->has_free());
  push_remote(page.get(), block);
  collect_page(page.get());
  EXPECT_TRUE(page->has_free());
  EXPECT_EQ(page->free_contents, Contents::kUnknown);
}

TEST(Ownership, AnOrphanIsTakenOnce) {
  TestPage page(64);
  page.allocate();
  ASSERT_TRUE(try_orphan(page.get()));
  EXPECT_EQ(page.remote_value(), RemoteWord::kOrphan);
  EXPECT_FALSE(try_orphan(page.get()));
  EXPECT_FALSE(has_remote_frees(page.get()));
  EXPECT_EQ(try_own(page.remote()), Taken::kYes);
  EXPECT_EQ(try_own(page.remote()), Taken::kNo);
  EXPECT_EQ(page.remote_value(), 0u);
}

TEST(Ownership, APageWithRemoteFreesCannotBeOrphaned) {
  TestPage page(64);
  Block* const block = page.allocate();
  push_remote(page.get(), block);
  EXPECT_FALSE(try_orphan(page.get()));
  EXPECT_TRUE(has_remote_frees(page.get())) << "and nothing of them is lost";
  EXPECT_TRUE(collect_remote(page.get()));
  EXPECT_TRUE(try_orphan(page.get()));
}

TEST(Ownership, WhoFreesIntoAnOrphanOwnsItAndThoseAfterDoNot) {
  TestPage page(64);
  Block* const first = page.allocate();
  Block* const second = page.allocate();
  page.allocate();
  ASSERT_TRUE(try_orphan(page.get()));
  EXPECT_EQ(push_remote(page.get(), first), Taken::kYes);
  EXPECT_EQ(push_remote(page.get(), second), Taken::kNo);
  EXPECT_EQ(try_own(page.remote()), Taken::kNo) << "it has an owner";
  EXPECT_TRUE(collect_page(page.get()));
  EXPECT_EQ(page->used(), 1u);
  EXPECT_TRUE(page.adds_up());
}

TEST(Ownership, AListLongerThanWhatIsInUseIsDroppedAndReported) {
  TestPage page(64);
  Block* const block = page.allocate();
  page.allocate();
  for (int i = 0; i < 3; ++i) {
    push_remote(page.get(), block);
  }
  ErrorListener errors;
  EXPECT_FALSE(collect_remote(page.get()));
  EXPECT_EQ(errors.codes(), std::vector<int>{EFAULT});
  EXPECT_EQ(page->used(), 2u);
  EXPECT_TRUE(page.adds_up());
  EXPECT_FALSE(has_remote_frees(page.get()));
}

#if defined(ASHLAR_PROFILE_SECURE) || defined(ASHLAR_PROFILE_DEBUG)
// The release profile trusts the links of a list whose length is possible.
TEST(Ownership, AListWithABlockTwiceIsDroppedAndReported) {
  TestPage page(64);
  Block* const block = page.allocate();
  page.allocate();
  push_remote(page.get(), block);
  push_remote(page.get(), block);  // a double free: the list leads round in a circle
  ErrorListener errors;
  EXPECT_FALSE(collect_remote(page.get()));
  EXPECT_EQ(errors.codes(), std::vector<int>{EFAULT});
  EXPECT_EQ(page->used(), 2u) << "none of its blocks may be handed out again";
  EXPECT_TRUE(page.adds_up());
  EXPECT_FALSE(has_remote_frees(page.get()));
}

TEST(Ownership, AListThatLeavesThePageIsDroppedAndReported) {
  TestPage page(64);
  Block* const first = page.allocate();
  Block* const second = page.allocate();
  page.allocate();
  push_remote(page.get(), first);
  push_remote(page.get(), second);
  alignas(16) static Block foreign{};
  PageLinks::set_next(second, &foreign, page->keys);  // a write after free
  ErrorListener errors;
  EXPECT_FALSE(collect_remote(page.get()));
  EXPECT_EQ(errors.codes(), std::vector<int>{EFAULT});
  EXPECT_EQ(page->used(), 3u);
  EXPECT_TRUE(page.adds_up());
}

TEST(Ownership, AListThatLeadsIntoTheOwnersBlocksIsDroppedAndReported) {
  TestPage page(64);
  Block* const block = page.allocate();
  push_remote(page.get(), block);
  PageLinks::set_next(block, page->free, page->keys);
  ErrorListener errors;
  EXPECT_FALSE(collect_remote(page.get())) << "more blocks than are in use";
  EXPECT_EQ(errors.codes(), std::vector<int>{EFAULT});
  EXPECT_TRUE(page.adds_up());
}

#endif

TEST(Ownership, FlagsStandBesideTheOwner) {
  TestPage page(64);
  constexpr std::uintptr_t kSomebody = 0x7000'0000'1000;
  set_owner(page.get(), kSomebody);
  EXPECT_EQ(owner_of(page.get()), kSomebody);
  set_owner_flag(page.get(), kOwnerFull);
  set_owner_flag(page.get(), kOwnerInterior);
  EXPECT_EQ(owner_of(page.get()), kSomebody | kOwnerFull | kOwnerInterior);
  clear_owner_flag(page.get(), kOwnerFull);
  EXPECT_EQ(owner_of(page.get()), kSomebody | kOwnerInterior);
  set_owner(page.get(), kNoOwner);
  EXPECT_EQ(owner_of(page.get()), kOwnerInterior) << "a property of the blocks, not of the owner";
  set_owner(page.get(), kSomebody | kOwnerSlow);
  set_owner(page.get(), kNoOwner);
  EXPECT_EQ(owner_of(page.get()), kOwnerInterior | kOwnerSlow) << "nor is this";
}

// Threads free the blocks of a page that belongs to nobody; who takes it holds it for a moment,
// as take_over does, and lets go again. Two at a time would be two owners.
TEST(OwnershipThreads, AnOrphanHasOneTakerAtATimeAndLosesNoBlock) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 60;
  for (int round = 0; round < kRounds; ++round) {
    TestPage page(round % 2 == 0 ? 128 : 1024);
    std::array<std::vector<Block*>, kThreads> shares;
    std::size_t next = 0;
    while (Block* const block = page.allocate()) {
      shares[next++ % kThreads].push_back(block);
    }
    const std::uint32_t all = page->used();
    ASSERT_TRUE(try_orphan(page.get()));

    std::atomic<int> owners{0};
    std::atomic<int> most_owners{0};
    std::atomic<int> times_empty{0};
    auto hold_and_let_go = [&] {
      const int now = owners.fetch_add(1, std::memory_order_relaxed) + 1;
      if (now > 1) {
        most_owners.store(now, std::memory_order_relaxed);
      }
      for (;;) {
        collect_page(page.get());
        if (page->is_empty()) {
          // Released: nobody may come by any more, so ownership is kept.
          times_empty.fetch_add(1, std::memory_order_relaxed);
          return;
        }
        owners.fetch_sub(1, std::memory_order_relaxed);
        if (try_orphan(page.get())) {
          return;
        }
        owners.fetch_add(1, std::memory_order_relaxed);
      }
    };
    std::vector<std::thread> threads;
    for (const std::vector<Block*>& share : shares) {
      threads.emplace_back([&, share] {
        for (Block* const block : share) {
          if (push_remote(page.get(), block) == Taken::kYes) {
            hold_and_let_go();
          }
        }
      });
    }
    // One more that only looks for orphans to adopt.
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        if (try_own(page.remote()) == Taken::kYes) {
          hold_and_let_go();
        }
      }
    });
    for (std::thread& thread : threads) {
      thread.join();
    }
    ASSERT_EQ(most_owners.load(std::memory_order_relaxed), 0);
    ASSERT_EQ(times_empty.load(std::memory_order_relaxed), 1) << "the last free releases the page";
    ASSERT_EQ(page->used(), 0u);
    ASSERT_EQ(page.listed().size(), all);
  }
}

// One thread allocates from its page, others free: what comes back is handed out again, once.
TEST(OwnershipThreads, AnOwnerAllocatesWhileOthersFree) {
  constexpr int kFreers = 3;
  constexpr int kBlocks = 6000;
  TestPage page(256);
  std::array<std::atomic<Block*>, 64> hands{};
  std::atomic<bool> finished{false};
  std::atomic<int> freed{0};
  std::vector<std::thread> threads;
  for (int id = 0; id < kFreers; ++id) {
    threads.emplace_back([&] {
      for (bool last = false; !last;) {
        last = finished.load(std::memory_order_acquire);
        for (std::atomic<Block*>& hand : hands) {
          if (Block* const block = hand.exchange(nullptr, std::memory_order_acquire)) {
            EXPECT_EQ(push_remote(page.get(), block), Taken::kNo);
            freed.fetch_add(1, std::memory_order_relaxed);
          }
        }
        std::this_thread::yield();
      }
    });
  }
  int given = 0;
  for (std::size_t turn = 0; given < kBlocks; ++turn) {
    std::atomic<Block*>& hand = hands[turn % hands.size()];
    if (hand.load(std::memory_order_relaxed) != nullptr) {
      if (turn % hands.size() == 0) {
        std::this_thread::yield();
      }
      continue;
    }
    Block* const block = page.allocate();
    if (block == nullptr) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_TRUE(is_block_start(page.get(), block));
    hand.store(block, std::memory_order_release);
    ++given;
  }
  finished.store(true, std::memory_order_release);
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(freed.load(std::memory_order_relaxed), kBlocks);
  EXPECT_TRUE(collect_page(page.get()));
  EXPECT_EQ(page->used(), 0u);
  EXPECT_TRUE(page.adds_up());
}

}  // namespace
}  // namespace ashlar
