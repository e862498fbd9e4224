// Attaching threads, abandoning and detaching them, realms of their own, and forks.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "host.h"

namespace {

using namespace embed_test;

TEST(Attach, GivesAHeapForEachTag) {
  Host host;
  const Attached thread(host);
  std::set<ashlar_rt_heap_t*> heaps;
  for (const unsigned tag : {kPlain, kObjects, kHeld}) {
    ashlar_rt_heap_t* const heap = thread.heap(tag);
    ASSERT_NE(heap, nullptr);
    heaps.insert(heap);
    void* const block = thread.malloc(tag, 40);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(ashlar_rt_owner(block), ashlar_rt_thread_id());
    EXPECT_EQ(ashlar_rt_prefix(block), tag == kPlain ? 0 : kPrefix);
    ashlar_rt_free(block);
  }
  EXPECT_EQ(heaps.size(), 3u);
  errno = 0;
  EXPECT_EQ(thread.heap(7), nullptr);
  EXPECT_EQ(errno, EINVAL);
}

TEST(Attach, RefusesWhatIsWrong) {
  Host host;
  Reports reports;
  const std::uintptr_t id = ashlar_rt_thread_id();
  const auto refuses = [&](ashlar_rt_thread_t* thread, ashlar_rt_realm_t* realm, std::uintptr_t who,
                           const ashlar_rt_heap_spec_t* specs, std::size_t count) {
    errno = 0;
    return !ashlar_rt_thread_attach(thread, realm, who, nullptr, specs, count) && errno == EINVAL &&
           reports.take() == 1;
  };
  ashlar_rt_thread_t fresh{};
  EXPECT_TRUE(refuses(nullptr, host.realm, id, kSpecs, 3));
  EXPECT_TRUE(refuses(&fresh, nullptr, id, kSpecs, 3));
  EXPECT_TRUE(refuses(&fresh, host.realm, id + 64, kSpecs, 3));
  EXPECT_TRUE(refuses(&fresh, host.realm, 0, kSpecs, 3));
  EXPECT_TRUE(refuses(&fresh, host.realm, id, kSpecs, 0));
  const ashlar_rt_heap_spec_t twice[] = {{1, 0, false}, {1, 0, false}};
  EXPECT_TRUE(refuses(&fresh, host.realm, id, twice, 2));
  const ashlar_rt_heap_spec_t large_tag{ASHLAR_RT_TAGS, 0, false};
  EXPECT_TRUE(refuses(&fresh, host.realm, id, &large_tag, 1));
  const ashlar_rt_heap_spec_t odd_prefix{3, 12, false};
  EXPECT_TRUE(refuses(&fresh, host.realm, id, &odd_prefix, 1));

  Attached thread(host);
  EXPECT_TRUE(refuses(&thread.storage, host.realm, id, kSpecs, 3)) << "attached twice";
  const ashlar_rt_heap_spec_t other{kHeld, kPrefix, false};
  EXPECT_TRUE(refuses(&fresh, host.realm, id, &other, 1)) << "the realm's heap of the tag holds";
  const ashlar_rt_thread_t untouched{};
  EXPECT_EQ(std::memcmp(&fresh, &untouched, sizeof fresh), 0);
}

TEST(Attach, NoticesStorageThatWasMoved) {
  Host host;
  Attached thread(host);
  void* const block = thread.malloc(kPlain, 100);
  Reports reports;
  ashlar_rt_thread_t moved = thread.storage;
  EXPECT_EQ(ashlar_rt_thread_heap(&moved, kPlain), nullptr);
  EXPECT_FALSE(ashlar_rt_thread_abandon(&moved));
  EXPECT_FALSE(ashlar_rt_thread_detach(&moved));
  EXPECT_FALSE(ashlar_rt_visit(&moved, 1, true, note_seen, nullptr));
  EXPECT_EQ(ashlar_rt_collect(&moved, 0), 0u);
  EXPECT_EQ(reports.take(), 5);
  EXPECT_EQ(ashlar_rt_owner(block), ashlar_rt_thread_id());
  ashlar_rt_free(block);
}

TEST(Attach, ARealmWithThreadsIsNotDestroyed) {
  Host host;
  Attached thread(host);
  Reports reports;
  EXPECT_FALSE(ashlar_rt_realm_destroy(host.realm, nullptr));
  EXPECT_EQ(reports.take(), 1);
  ashlar_rt_free(thread.malloc(kHeld, 10));
}

TEST(Attach, DetachedStorageIsZeroAndMayBeAttachedAgain) {
  Host host;
  ashlar_rt_thread_t storage{};
  const ashlar_rt_thread_t zero{};
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(
        ashlar_rt_thread_attach(&storage, host.realm, ashlar_rt_thread_id(), nullptr, kSpecs, 3));
    ashlar_rt_free(ashlar_rt_malloc(ashlar_rt_thread_heap(&storage, kPlain), 10));
    ASSERT_TRUE(ashlar_rt_thread_detach(&storage));
    EXPECT_EQ(std::memcmp(&storage, &zero, sizeof zero), 0);
    EXPECT_TRUE(ashlar_rt_thread_detach(&storage)) << "nothing to do";
  }
}

TEST(Abandon, MakesPagesOrphansThatTheNextThreadTakes) {
  Host host;
  std::vector<void*> blocks;
  ashlar_rt_thread_t storage{};
  on_a_thread([&] {
    ASSERT_TRUE(
        ashlar_rt_thread_attach(&storage, host.realm, ashlar_rt_thread_id(), nullptr, kSpecs, 3));
    for (int i = 0; i < 100; ++i) {
      blocks.push_back(ashlar_rt_malloc(ashlar_rt_thread_heap(&storage, kObjects), 64));
    }
    for (std::size_t i = 0; i < 100; i += 2) {
      ashlar_rt_free(blocks[i]);
    }
    ASSERT_TRUE(ashlar_rt_thread_abandon(&storage));
    EXPECT_EQ(ashlar_rt_owner(blocks[1]), 0u);
  });
  EXPECT_EQ(visit_orphans(host).blocks.size(), 50u);
  Attached thread(host);
  void* const block = thread.malloc(kObjects, 64);
  EXPECT_EQ(ashlar_rt_owner(blocks[1]), ashlar_rt_thread_id()) << "the page changed hands";
  EXPECT_EQ(visit_orphans(host).blocks.size(), 0u);
  EXPECT_EQ(visit(thread).blocks.size(), 51u);
  ashlar_rt_free(block);
  for (std::size_t i = 1; i < 100; i += 2) {
    ashlar_rt_free(blocks[i]);
  }
  EXPECT_TRUE(ashlar_rt_thread_detach(&storage));
}

TEST(Abandon, TwiceWithAllocationsBetweenAndByAnotherThread) {
  Host host;
  Attached thread(host);
  std::vector<void*> blocks;
  for (int round = 0; round < 4; ++round) {
    for (std::size_t i = 0; i < 300; ++i) {
      blocks.push_back(thread.malloc(tag_at(i), 16 + i));
      ASSERT_NE(blocks.back(), nullptr);
      std::memset(blocks.back(), round, 16 + i);
    }
    blocks.push_back(thread.malloc(kHeld, 300'000));
    if (round % 2 == 0) {
      ASSERT_TRUE(ashlar_rt_thread_abandon(&thread.storage));
    } else {
      on_a_thread([&] { ASSERT_TRUE(ashlar_rt_thread_abandon(&thread.storage)); });
    }
    ASSERT_TRUE(ashlar_rt_thread_abandon(&thread.storage));
    for (void* const block : blocks) {
      ASSERT_EQ(ashlar_rt_owner(block), 0u);
    }
  }
  const Seen seen = visit_orphans(host);
  EXPECT_EQ(seen.blocks.size(), blocks.size());
  EXPECT_EQ(std::set<void*>(seen.blocks.begin(), seen.blocks.end()),
            std::set<void*>(blocks.begin(), blocks.end()));
  free_all(blocks);
}

TEST(Abandon, ComesByItselfWhenTheThreadEnds) {
  Host host;
  ashlar_rt_thread_t storage{};
  void* block = nullptr;
  on_a_thread([&] {
    ASSERT_TRUE(
        ashlar_rt_thread_attach(&storage, host.realm, ashlar_rt_thread_id(), nullptr, kSpecs, 3));
    mi_free(mi_malloc(10));
    mi_thread_done();  // what malloc keeps ends here, the attachment does not
    block = ashlar_rt_malloc(ashlar_rt_thread_heap(&storage, kPlain), 10);
  });
  EXPECT_EQ(ashlar_rt_owner(block), 0u);
  ashlar_rt_free(block);
  EXPECT_TRUE(ashlar_rt_thread_detach(&storage));
}

// Threads free blocks of a thread that abandons over and over: nothing is lost, nothing freed
// twice.
TEST(Abandon, RacesWithRemoteFrees) {
  Host host;
  for (int round = 0; round < 20; ++round) {
    Attached thread(host);
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < 6'000; ++i) {
      blocks.push_back(thread.malloc(tag_at(i), 16 + i % 200));
    }
    for (int i = 0; i < 4; ++i) {
      blocks.push_back(thread.malloc(kHeld, 100'000));
    }
    std::atomic<bool> go{false};
    std::vector<std::thread> freers;
    for (std::size_t f = 0; f < 2; ++f) {
      freers.emplace_back([&, f] {
        while (!go) {
        }
        for (std::size_t i = f; i < blocks.size(); i += 2) {
          ashlar_rt_free(blocks[i]);
        }
      });
    }
    go = true;
    std::vector<void*> more;
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(ashlar_rt_thread_abandon(&thread.storage));
      more.push_back(thread.malloc(kHeld, 48));
    }
    for (std::thread& freer : freers) {
      freer.join();
    }
    free_all(more);
    host.reach_all();
    ashlar_rt_collect(&thread.storage, ASHLAR_RT_COLLECT_ORPHANS);
    const ashlar_rt_stats_t stats = stats_of(host);
    EXPECT_EQ(stats.blocks, 0u);
    EXPECT_LE(stats.reserved, 6 * kSlice) << "pages that are kept for the next request";
  }
}

TEST(Realms, OneThreadInTwoOfThem) {
  Host a;
  Host b;
  Attached in_a(a, &a);
  Attached in_b(b, &b);
  void* const of_a = in_a.malloc(kHeld, 100);
  void* const of_b = in_b.malloc(kHeld, 100);
  EXPECT_EQ(ashlar_rt_owner(of_a), ashlar_rt_owner(of_b));
  EXPECT_EQ(visit(in_a).blocks, std::vector<void*>{of_a});
  EXPECT_EQ(visit(in_b).blocks, std::vector<void*>{of_b});
  ASSERT_TRUE(ashlar_rt_thread_abandon(&in_a.storage));
  EXPECT_EQ(ashlar_rt_owner(of_a), 0u);
  EXPECT_NE(ashlar_rt_owner(of_b), 0u) << "the context is abandoned, not the OS thread";
  ashlar_rt_free(of_b);
  EXPECT_EQ(b.asked_context.load(), &b);
  EXPECT_EQ(a.asked.load(), 0);
  ashlar_rt_free(of_a);
  EXPECT_EQ(a.asked.load(), 1);
  EXPECT_EQ(a.asked_context.load(), nullptr) << "nobody owned it";
}

TEST(Realms, TwiceInTheSameOne) {
  Host host;
  Attached first(host, &host);
  void* const block = first.malloc(kObjects, 100);
  {
    Attached second(host);
    void* const other = second.malloc(kObjects, 100);
    EXPECT_EQ(visit(second).blocks, std::vector<void*>{other});
    ashlar_rt_free(other);
  }
  EXPECT_EQ(visit(first).blocks, std::vector<void*>{block});
  ashlar_rt_free(block);
}

TEST(Realms, DestroyingCountsWhatIsLeftWhichStaysFreeable) {
  Host host;
  std::vector<void*> blocks;
  {
    const Attached thread(host);
    for (std::size_t i = 0; i < 1000; ++i) {
      blocks.push_back(thread.malloc(tag_at(i), 64));
    }
    blocks.push_back(thread.malloc(kHeld, 200'000));
    std::vector<void*> gone = fill_pages(thread, kHeld, 512, 3);
    free_all(gone);
  }
  EXPECT_GE(held_by_nobody(host).size(), 3u);
  ashlar_rt_leftovers_t left{};
  left.size = sizeof left;
  ASSERT_TRUE(ashlar_rt_realm_destroy(host.realm, &left));
  EXPECT_EQ(left.blocks, 1001u);
  EXPECT_GE(left.bytes, 1000u * 64 + 200'000);
  EXPECT_GE(left.pages, 4u);
  const int asked = host.asked;
  Reports reports;
  ashlar_rt_thread_t storage{};
  EXPECT_FALSE(
      ashlar_rt_thread_attach(&storage, host.realm, ashlar_rt_thread_id(), nullptr, kSpecs, 3));
  EXPECT_FALSE(ashlar_rt_realm_destroy(host.realm, nullptr));
  EXPECT_EQ(reports.take(), 2);
  host.realm = nullptr;
  for (void* const block : blocks) {
    ASSERT_TRUE(mi_is_in_heap_region(block));
    ashlar_rt_free(block);
  }
  EXPECT_FALSE(mi_is_in_heap_region(blocks.front())) << "the realm's memory is unmapped";
  EXPECT_EQ(host.asked, asked) << "the ops are not called any more";
  EXPECT_EQ(reports.take(), 0);
  if (!ashlar::is_watched()) {
    ashlar_rt_free(blocks.front());  // into nothing
    EXPECT_EQ(reports.take(), 1);
  }
}

// The child finds all as it was: the dead threads' free blocks too.
TEST(Fork, WithEightStoppedThreads) {
  Host host;
  constexpr int kThreads = 8;
  ashlar_rt_thread_t storages[kThreads] = {};
  std::vector<void*> blocks[kThreads];
  std::atomic<int> ready{0};
  std::atomic<bool> leave{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      ASSERT_TRUE(ashlar_rt_thread_attach(&storages[t], host.realm, ashlar_rt_thread_id(), nullptr,
                                          kSpecs, 3));
      for (std::size_t i = 0; i < 500; ++i) {
        blocks[t].push_back(ashlar_rt_malloc(ashlar_rt_thread_heap(&storages[t], tag_at(i)), 80));
      }
      blocks[t].push_back(ashlar_rt_malloc(ashlar_rt_thread_heap(&storages[t], kHeld), 90'000));
      for (std::size_t i = 0; i < 250; ++i) {
        ashlar_rt_free(blocks[t][i]);
      }
      ++ready;
      while (!leave) {
        std::this_thread::yield();
      }
      EXPECT_TRUE(ashlar_rt_thread_detach(&storages[t]));
    });
  }
  while (ready < kThreads) {
    std::this_thread::yield();
  }
  ASSERT_TRUE(ashlar_rt_fork(ASHLAR_RT_FORK_PREPARE));
  const pid_t child = fork();
  if (child == 0) {
    bool good = ashlar_rt_fork(ASHLAR_RT_FORK_CHILD);
    Attached survivor(host);
    good = good && stats_of(host).blocks == 251u * kThreads;
    for (ashlar_rt_thread_t& storage : storages) {
      good = good && visit(survivor).blocks.empty() && ashlar_rt_thread_detach(&storage);
    }
    good = good && visit_orphans(host).blocks.size() == 251u * kThreads;
    const std::size_t reserved = stats_of(host).reserved;
    // What was free in the dead threads' pages serves again: no page is made for it.
    std::vector<void*> fresh;
    for (std::size_t i = 0; i < 250 * kThreads / 2; ++i) {
      fresh.push_back(survivor.malloc(tag_at(i), 80));
    }
    good = good && stats_of(host).reserved == reserved;
    free_all(fresh);
    for (const std::vector<void*>& of_thread : blocks) {
      for (std::size_t i = 250; i < of_thread.size(); ++i) {
        ashlar_rt_free(of_thread[i]);
      }
    }
    host.reach_all();
    ashlar_rt_collect(&survivor.storage, ASHLAR_RT_COLLECT_ORPHANS);
    good = good && stats_of(host).blocks == 0;
    _exit(good ? 0 : 1);
  }
  EXPECT_TRUE(ashlar_rt_fork(ASHLAR_RT_FORK_PARENT));
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  leave = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const std::vector<void*>& of_thread : blocks) {
    for (std::size_t i = 250; i < of_thread.size(); ++i) {
      ashlar_rt_free(of_thread[i]);
    }
  }
}

// Without a word before: what the other thread was doing may be torn. Its blocks stay freeable.
TEST(Fork, WithoutAWordBefore) {
  Host host;
  std::atomic<bool> ready{false};
  std::atomic<bool> leave{false};
  ashlar_rt_thread_t storage{};
  void* block = nullptr;
  std::thread other([&] {
    ASSERT_TRUE(
        ashlar_rt_thread_attach(&storage, host.realm, ashlar_rt_thread_id(), nullptr, kSpecs, 3));
    block = ashlar_rt_malloc(ashlar_rt_thread_heap(&storage, kHeld), 80);
    ready = true;
    while (!leave) {
      ashlar_rt_free(ashlar_rt_malloc(ashlar_rt_thread_heap(&storage, kHeld), 80));
    }
    EXPECT_TRUE(ashlar_rt_thread_detach(&storage));
  });
  while (!ready) {
    std::this_thread::yield();
  }
  const pid_t child = fork();
  if (child == 0) {
    bool good = ashlar_rt_owner(block) == 0;
    {
      const Attached survivor(host);
      good = good && ashlar_rt_thread_detach(&storage);
      ashlar_rt_free(block);
      ashlar_rt_free(survivor.malloc(kHeld, 80));
    }
    good = good && ashlar_rt_realm_destroy(host.realm, nullptr);
    _exit(good ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  leave = true;
  other.join();
  ashlar_rt_free(block);
}

TEST(Fork, SidesComeInOrder) {
  Reports reports;
  EXPECT_FALSE(ashlar_rt_fork(ASHLAR_RT_FORK_PARENT));
  EXPECT_EQ(reports.take(), 1);
  EXPECT_TRUE(ashlar_rt_fork(ASHLAR_RT_FORK_PREPARE));
  EXPECT_TRUE(ashlar_rt_fork(ASHLAR_RT_FORK_PARENT));
}

}  // namespace
