// Visits and counts: each live block once, the same each time, and nothing changed by it.
#include <algorithm>
#include <cerrno>
#include <set>

#include "host.h"

namespace {

using namespace embed_test;

std::set<void*> set_of(const std::vector<void*>& blocks) { return {blocks.begin(), blocks.end()}; }

TEST(Visit, ShowsEachLiveBlockOnceAndTheSameEachTime) {
  Host host;
  Attached thread(host);
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < 30'000; ++i) {
    blocks.push_back(thread.malloc(tag_at(i), 8 + i % 700));
  }
  for (std::size_t i = 0; i < 6; ++i) {
    blocks.push_back(thread.malloc(tag_at(i), std::size_t{40'000} << i));
  }
  std::vector<void*> remote;
  std::set<void*> live;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i % 3 == 1) {
      ashlar_rt_free(blocks[i]);
    } else if (i % 5 == 0) {
      remote.push_back(blocks[i]);
    } else {
      live.insert(blocks[i]);
    }
  }
  on_a_thread([&] { free_all(remote); });
  const int asked = host.asked;
  const int polled = host.polled;
  const std::size_t reserved = stats_of(host).reserved;
  const Seen first = visit(thread);
  EXPECT_EQ(first.blocks.size(), live.size());
  EXPECT_EQ(set_of(first.blocks), live) << "what was freed remotely is not shown";
  EXPECT_EQ(visit(thread), first);
  on_a_thread([&] { EXPECT_EQ(visit(thread), first) << "any thread may look"; });
  EXPECT_EQ(host.asked, asked) << "nothing is asked";
  EXPECT_EQ(host.polled, polled);
  EXPECT_EQ(stats_of(host).reserved, reserved) << "and nothing released";
  Seen by_tag;
  for (const unsigned tag : {kPlain, kObjects, kHeld}) {
    const Seen of_tag = visit(thread, 1u << tag);
    by_tag.areas.insert(by_tag.areas.end(), of_tag.areas.begin(), of_tag.areas.end());
    by_tag.blocks.insert(by_tag.blocks.end(), of_tag.blocks.begin(), of_tag.blocks.end());
  }
  EXPECT_EQ(by_tag, first);
  EXPECT_TRUE(ashlar_rt_thread_abandon(&thread.storage));
  EXPECT_TRUE(visit(thread).blocks.empty());
  const Seen orphans = visit_orphans(host);
  EXPECT_EQ(orphans.blocks.size(), live.size());
  EXPECT_EQ(set_of(orphans.blocks), live);
  EXPECT_EQ(visit_orphans(host), orphans);
  EXPECT_EQ(visit_orphans(host), orphans);
  for (void* const block : live) {
    ashlar_rt_free(block);
  }
  EXPECT_TRUE(visit_orphans(host).blocks.empty());
}

TEST(Visit, TellsOfAreas) {
  Host host;
  const Attached thread(host);
  void* const block = thread.malloc(kHeld, 100);
  ashlar_rt_area_t seen{};
  EXPECT_TRUE(ashlar_rt_visit(
      &thread.storage, 1u << kHeld, false,
      [](const ashlar_rt_area_t* area, void* none, void* arg) {
        EXPECT_EQ(none, nullptr);
        *static_cast<ashlar_rt_area_t*>(arg) = *area;
        return true;
      },
      &seen));
  EXPECT_EQ(seen.size, sizeof seen);
  EXPECT_EQ(seen.reserved, kSlice);
  EXPECT_EQ(seen.live, 1u);
  EXPECT_EQ(seen.prefix, kPrefix);
  EXPECT_EQ(seen.tag, kHeld);
  EXPECT_EQ(seen.owner, ashlar_rt_thread_id());
  EXPECT_GE(seen.usable, 100u);
  EXPECT_GE(seen.block_size, seen.usable);
  EXPECT_GE(seen.committed, seen.block_size);
  const auto offset =
      static_cast<std::size_t>(static_cast<char*>(block) - static_cast<char*>(seen.start));
  EXPECT_EQ(offset % seen.block_size, 0u);
  EXPECT_LT(offset, seen.reserved);
  ashlar_rt_free(block);
}

TEST(Visit, EndsWhereTheFunctionSays) {
  Host host;
  const Attached thread(host);
  const std::vector<void*> blocks = fill_pages(thread, kPlain, 1000, 2);
  int calls = 0;
  EXPECT_FALSE(ashlar_rt_visit(
      &thread.storage, ASHLAR_RT_ALL_TAGS, true,
      [](const ashlar_rt_area_t*, void*, void* arg) { return ++*static_cast<int*>(arg) < 5; },
      &calls));
  EXPECT_EQ(calls, 5);
  errno = 0;
  EXPECT_FALSE(ashlar_rt_visit(&thread.storage, ASHLAR_RT_ALL_TAGS, true, nullptr, nullptr));
  EXPECT_EQ(errno, EINVAL);
  free_all(blocks);
}

TEST(Visit, LetsItsFunctionAllocateRaw) {
  Host host;
  Attached thread(host);
  std::vector<void*> blocks = fill_pages(thread, kObjects, 500, 3);
  blocks.push_back(thread.malloc(kObjects, 100'000));
  ASSERT_TRUE(ashlar_rt_thread_abandon(&thread.storage));
  blocks.push_back(thread.malloc(kHeld, 50));
  const auto allocate = [](const ashlar_rt_area_t*, void* block, void* arg) {
    // All sizes, so that pages are made, and mappings.
    static std::size_t turn = 0;
    void* const raw = ashlar_rt_raw_malloc(std::size_t{8} << (++turn % 22));
    EXPECT_NE(raw, nullptr);
    EXPECT_EQ(ashlar_rt_prefix(block), block == nullptr ? 0 : kPrefix);
    static_cast<std::vector<void*>*>(arg)->push_back(raw);
    return true;
  };
  std::vector<void*> raw;
  EXPECT_TRUE(ashlar_rt_visit_orphans(host.realm, ASHLAR_RT_ALL_TAGS, true, allocate, &raw));
  EXPECT_TRUE(ashlar_rt_visit(&thread.storage, ASHLAR_RT_ALL_TAGS, true, allocate, &raw));
  EXPECT_GE(raw.size(), blocks.size());
  for (void* const block : raw) {
    ashlar_rt_raw_free(block);
  }
  free_all(blocks);
}

TEST(Visit, WhatItFindsEmptyWaitsForTheOwnersNextSlowPath) {
  Host host;
  Attached thread(host);
  const std::vector<void*> blocks = fill_pages(thread, kHeld, 400, 4);
  on_a_thread([&] { free_all(blocks); });
  EXPECT_TRUE(visit(thread).blocks.empty());
  EXPECT_EQ(host.asked, 0);
  EXPECT_GE(stats_of(host).reserved, 4 * kSlice);
  ashlar_rt_free(thread.malloc(kHeld, 30'000));  // a class without a page: a slow path
  EXPECT_GE(host.asked, 4);
  EXPECT_GE(held_by(thread).size(), 4u);
}

TEST(Stats, CountExactlyWhatIsThere) {
  Host host;
  Attached thread(host);
  std::vector<void*> blocks;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < 5000; ++i) {
    blocks.push_back(thread.malloc(tag_at(i), 100));
    bytes += ashlar_rt_good_size(100);
  }
  EXPECT_EQ(stats_of(host).blocks, 5000u);
  EXPECT_EQ(stats_of(host).bytes, bytes);
  EXPECT_EQ(stats_of(host).bytes_overhead, bytes + 5000 * ashlar::kPadding);
  EXPECT_GE(stats_of(host).reserved, stats_of(host).committed);
  EXPECT_GE(stats_of(host).committed, stats_of(host).bytes_overhead);
  EXPECT_EQ(stats_of(host, 1u << kObjects).blocks, 1667u);
  on_a_thread([&] {
    for (std::size_t i = 0; i < 1000; ++i) {
      ashlar_rt_free(blocks[i]);
    }
  });
  EXPECT_EQ(stats_of(host).blocks, 4000u) << "remote frees count at once";
  ASSERT_TRUE(ashlar_rt_thread_abandon(&thread.storage));
  EXPECT_EQ(stats_of(host).blocks, 4000u);
  blocks.erase(blocks.begin(), blocks.begin() + 1000);
  free_all(blocks);
  ashlar_rt_stats_t wrong{};
  errno = 0;
  EXPECT_FALSE(ashlar_rt_stats(host.realm, 1, &wrong));
  EXPECT_EQ(errno, EINVAL);
}

TEST(Stats, FastOnesAreNearAndMayBeReadAtAnyTime) {
  Host host;
  std::atomic<bool> stop{false};
  std::atomic<int> rounds{0};
  std::thread worker([&] {
    const Attached thread(host);
    while (!stop) {
      free_all(fill_pages(thread, kObjects, 64, 4));
      ++rounds;
    }
  });
  ashlar_rt_fast_stats_t fast{};
  fast.size = sizeof fast;
  while (rounds < 20) {
    ASSERT_TRUE(ashlar_rt_stats_fast(host.realm, &fast));
    ASSERT_LE(fast.blocks, 10'000u);
    ASSERT_LE(fast.pages, 16 * kSlice);
  }
  stop = true;
  worker.join();
  Attached thread(host);
  const std::vector<void*> blocks = fill_pages(thread, kObjects, 64, 10);
  const std::vector<void*> large(3, thread.malloc(kHeld, 200'000));
  ASSERT_TRUE(ashlar_rt_stats_fast(host.realm, &fast));
  EXPECT_NEAR(static_cast<double>(fast.blocks), static_cast<double>(blocks.size()), 1100);
  EXPECT_EQ(fast.pages, stats_of(host).reserved);
  free_all(blocks);
  ashlar_rt_free(large[0]);
  host.reach_all();
  ashlar_rt_collect(&thread.storage, ASHLAR_RT_COLLECT_ORPHANS);
  ASSERT_TRUE(ashlar_rt_thread_abandon(&thread.storage));
  ASSERT_TRUE(ashlar_rt_stats_fast(host.realm, &fast));
  EXPECT_EQ(fast.blocks, 0u);
  EXPECT_EQ(fast.bytes, 0u);
}

}  // namespace
