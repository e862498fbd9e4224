// Realms: their isolation, threads that join and leave, walks, giving up and destroying.
#include <gtest/gtest.h>
#include <mimalloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "api_test_support.h"

namespace {

template <class Work>
void on_a_thread(Work work) {
  std::thread(work).join();
}

bool same(mi_subproc_id_t a, mi_subproc_id_t b) { return a._mi_subproc_id == b._mi_subproc_id; }

std::vector<mi_heap_t*> heaps_of(mi_subproc_id_t realm) {
  std::vector<mi_heap_t*> heaps;
  heaps.reserve(1000);
  EXPECT_TRUE(mi_subproc_visit_heaps(
      realm,
      [](mi_heap_t* heap, void* arg) {
        static_cast<std::vector<mi_heap_t*>*>(arg)->push_back(heap);
        return true;
      },
      &heaps));
  return heaps;
}

TEST(Realms, AThreadIsInTheMainRealmUntilItJoinsAnother) {
  const mi_subproc_id_t realm = mi_subproc_new();
  ASSERT_NE(realm._mi_subproc_id, nullptr);
  on_a_thread([realm] {
    EXPECT_TRUE(same(mi_subproc_current(), mi_subproc_main()));
    mi_heap_t* const heap_before = mi_heap_main();
    void* const before = mi_malloc(100);
    mi_subproc_add_current_thread(realm);
    EXPECT_TRUE(same(mi_subproc_current(), realm));
    EXPECT_NE(mi_heap_main(), heap_before);
    EXPECT_EQ(mi_heap_get_default(), mi_heap_main());
    void* const inside = mi_malloc(100);
    EXPECT_EQ(mi_heap_of(before), heap_before);
    EXPECT_EQ(mi_heap_of(inside), mi_heap_main());
    mi_free(before);
    mi_subproc_add_current_thread(mi_subproc_main());
    EXPECT_TRUE(same(mi_subproc_current(), mi_subproc_main()));
    EXPECT_EQ(mi_heap_main(), heap_before);
    mi_free(inside);
  });
  EXPECT_TRUE(same(mi_subproc_current(), mi_subproc_main())) << "other threads stay where they are";
  mi_subproc_destroy(realm);
}

TEST(Realms, LeavesTheRealmByThreadDone) {
  const mi_subproc_id_t realm = mi_subproc_new();
  on_a_thread([realm] {
    mi_subproc_add_current_thread(realm);
    mi_free(mi_malloc(10));
    mi_thread_done();
    EXPECT_TRUE(same(mi_subproc_current(), mi_subproc_main()));
    void* const block = mi_malloc(10);
    EXPECT_TRUE(same(mi_subproc_current(), mi_subproc_main()));
    mi_free(block);
  });
  mi_subproc_destroy(realm);
}

TEST(Realms, BlocksOfADeletedRealmStayValidUntilTheyAreFreed) {
  const mi_subproc_id_t realm = mi_subproc_new();
  std::vector<void*> blocks;
  blocks.reserve(3000);
  on_a_thread([&] {
    mi_subproc_add_current_thread(realm);
    mi_heap_t* const heap = mi_heap_new();
    for (std::size_t i = 0; i < 1000; ++i) {
      blocks.push_back(mi_malloc(1 + i % 3000));
      blocks.push_back(mi_heap_malloc(heap, 1 + i % 3000));
    }
    blocks.push_back(mi_malloc(300'000));
    blocks.push_back(mi_heap_malloc(heap, 300'000));
    blocks.push_back(mi_heap_zalloc(heap, std::size_t{100} << 20));
    for (void* const block : blocks) {  // the zeroed one is a mapping
      std::memset(block, 7, mi_usable_size(block) > 4096 ? 4096 : mi_usable_size(block));
    }
    mi_subproc_delete(realm);
    EXPECT_TRUE(same(mi_subproc_current(), realm)) << "the thread stays in it until its end";
    blocks.push_back(mi_malloc(50));
    std::memset(blocks.back(), 7, 50);
  });
  for (void* const block : blocks) {
    ASSERT_NE(block, nullptr);
    ASSERT_EQ(*static_cast<unsigned char*>(block), 7);
    ASSERT_TRUE(mi_is_in_heap_region(block));
    mi_free(block);
  }
  EXPECT_FALSE(mi_is_in_heap_region(blocks.front())) << "the realm's memory is unmapped";
}

TEST(Realms, DestroyingFreesAllAtOnce) {
  const mi_subproc_id_t realm = mi_subproc_new();
  void* small = nullptr;
  void* huge = nullptr;
  void* mapped = nullptr;
  on_a_thread([&] {
    mi_subproc_add_current_thread(realm);
    small = mi_malloc(100);
    huge = mi_heap_malloc(mi_heap_new_ex(3, false, 0), 200'000);
    mapped = mi_zalloc(std::size_t{80} << 20);
  });
  ASSERT_TRUE(mi_is_in_heap_region(small));
  mi_subproc_destroy(realm);
  EXPECT_FALSE(mi_is_in_heap_region(small));
  EXPECT_FALSE(mi_is_in_heap_region(huge));
  EXPECT_FALSE(mi_is_in_heap_region(mapped));
}

TEST(Realms, ADestroyingThreadInItIsMovedOut) {
  on_a_thread([] {
    const mi_subproc_id_t realm = mi_subproc_new();
    mi_subproc_add_current_thread(realm);
    EXPECT_NE(mi_malloc(100), nullptr);
    mi_subproc_destroy(realm);
    EXPECT_TRUE(same(mi_subproc_current(), mi_subproc_main()));
    mi_free(mi_malloc(100));
  });
}

TEST(Realms, DestroyingWithThreadsInItDeletesItInstead) {
  static int code = 0;
  code = 0;
  mi_register_error([](int error, void*) { code = error; }, nullptr);
  const mi_subproc_id_t realm = mi_subproc_new();
  std::thread other;
  void* block = nullptr;
  {
    std::atomic<bool> joined{false};
    static std::atomic<bool> leave;
    leave = false;
    other = std::thread([&] {
      mi_subproc_add_current_thread(realm);
      block = mi_malloc(100);
      joined = true;
      while (!leave) {
        std::this_thread::yield();
      }
      mi_free(mi_malloc(40));
    });
    while (!joined) {
      std::this_thread::yield();
    }
    mi_subproc_destroy(realm);
    EXPECT_EQ(code, EINVAL);
    EXPECT_TRUE(mi_is_in_heap_region(block));
    std::memset(block, 1, 100);
    leave = true;
  }
  other.join();
  mi_free(block);
  EXPECT_FALSE(mi_is_in_heap_region(block));
  mi_register_error(nullptr, nullptr);
}

TEST(Realms, HeapsAreVisitedOnceEach) {
  const mi_subproc_id_t realm = mi_subproc_new();
  on_a_thread([realm] {
    mi_subproc_add_current_thread(realm);
    std::set<mi_heap_t*> expected{mi_heap_main()};
    for (int i = 0; i < 10; ++i) {
      expected.insert(mi_heap_new());
    }
    const std::vector<mi_heap_t*> seen = heaps_of(realm);
    EXPECT_EQ(seen.front(), mi_heap_main());
    EXPECT_EQ(std::set<mi_heap_t*>(seen.begin(), seen.end()), expected);
    EXPECT_EQ(seen.size(), expected.size());
    for (mi_heap_t* const heap : heaps_of(mi_subproc_main())) {
      EXPECT_EQ(expected.count(heap), 0u);
    }
  });
  mi_subproc_destroy(realm);
}

TEST(Realms, AVisitorMayGiveHeapsUpAndEndTheVisit) {
  on_a_thread([] {
    const mi_subproc_id_t realm = mi_subproc_new();
    mi_subproc_add_current_thread(realm);
    for (int i = 0; i < 6; ++i) {
      mi_heap_t* const heap = mi_heap_new();
      EXPECT_NE(mi_heap_malloc(heap, 30), nullptr);
    }
    int seen = 0;
    EXPECT_TRUE(mi_subproc_visit_heaps(
        realm,
        [](mi_heap_t* heap, void* arg) {
          int& count = *static_cast<int*>(arg);
          ++count;
          count % 2 == 0 ? mi_heap_destroy(heap) : mi_heap_delete(heap);
          mi_free(mi_malloc(77));
          return true;
        },
        &seen));
    EXPECT_EQ(seen, 7);
    EXPECT_EQ(heaps_of(realm).size(), 1u);
    EXPECT_FALSE(mi_subproc_visit_heaps(realm, [](mi_heap_t*, void*) { return false; }, nullptr));
    mi_subproc_destroy(realm);
  });
}

TEST(Realms, AnyThreadMayAllocateFromAHeapOfAnother) {
  const mi_subproc_id_t realm = mi_subproc_new();
  mi_heap_t* heap = nullptr;
  on_a_thread([&] {
    mi_subproc_add_current_thread(realm);
    heap = mi_heap_new();
  });
  void* const block = mi_heap_malloc(heap, 100);
  EXPECT_EQ(mi_heap_of(block), heap);
  mi_heap_delete(heap);
  on_a_thread([&] {
    mi_subproc_add_current_thread(realm);
    mi_free(mi_malloc(100));
  });
  mi_free(mi_malloc(2000));  // the next slow path moves what this thread has of the heap
  mi_collect(false);
  EXPECT_NE(mi_heap_of(block), mi_heap_main()) << "it never gets to another realm";
  mi_free(block);
  mi_subproc_delete(realm);
  EXPECT_FALSE(mi_is_in_heap_region(block));
}

TEST(Realms, AreToldApartByTheirArenas) {
  on_a_thread([] {
    const mi_subproc_id_t realm = mi_subproc_new();
    mi_subproc_add_current_thread(realm);
    mi_arena_id_t arena = 0;
    ASSERT_EQ(mi_reserve_os_memory_ex(std::size_t{16} << 20, true, false, true, &arena), 0);
    std::size_t size = 0;
    EXPECT_NE(mi_arena_area(arena, &size), nullptr);
    EXPECT_EQ(size, std::size_t{16} << 20);
    mi_heap_t* const heap = mi_heap_new_in_arena(arena);
    ASSERT_NE(heap, nullptr);
    void* const block = mi_heap_malloc(heap, 100);
    EXPECT_TRUE(mi_arena_contains(arena, block));
    mi_subproc_add_current_thread(mi_subproc_main());
    errno = 0;
    EXPECT_EQ(mi_heap_new_in_arena(arena), nullptr) << "an arena of another realm";
    EXPECT_EQ(errno, EINVAL);
    mi_subproc_destroy(realm);
    EXPECT_EQ(mi_arena_area(arena, nullptr), nullptr);
  });
}

TEST(Realms, ManyComeAndGoWithoutUsingUpAnything) {
  for (int round = 0; round < 2000; ++round) {
    const mi_subproc_id_t realm = mi_subproc_new();
    ASSERT_NE(realm._mi_subproc_id, nullptr);
    if (round % 50 == 0) {
      on_a_thread([realm] {
        mi_subproc_add_current_thread(realm);
        EXPECT_NE(mi_malloc(100), nullptr);
      });
      mi_subproc_destroy(realm);
    } else {
      mi_subproc_delete(realm);
    }
  }
}

// The child lacks the thread that is in the realm; what it left can be freed, and the realm ended.
TEST(Realms, SurviveAFork) {
  const mi_subproc_id_t realm = mi_subproc_new();
  std::atomic<bool> ready{false};
  std::atomic<bool> leave{false};
  void* block = nullptr;
  std::thread inside([&] {
    mi_subproc_add_current_thread(realm);
    block = mi_malloc(100);
    ready = true;
    while (!leave) {
      mi_free(mi_malloc(300));
    }
  });
  while (!ready) {
    std::this_thread::yield();
  }
  const pid_t child = fork();
  if (child == 0) {
    bool good = mi_subproc_visit_heaps(realm, [](mi_heap_t*, void*) { return true; }, nullptr);
    mi_free(block);
    mi_subproc_add_current_thread(realm);
    void* const fresh = mi_malloc(100);
    good = good && fresh != nullptr;
    mi_subproc_destroy(realm);
    good = good && !mi_is_in_heap_region(fresh) && same(mi_subproc_current(), mi_subproc_main());
    mi_free(mi_malloc(100));
    _exit(good ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  leave = true;
  inside.join();
  mi_free(block);
  mi_subproc_destroy(realm);
}

TEST(Realms, NothingHappensForTheMainRealmOrNone) {
  const mi_subproc_id_t none{nullptr};
  mi_subproc_add_current_thread(none);
  mi_subproc_delete(none);
  mi_subproc_destroy(none);
  EXPECT_FALSE(mi_subproc_visit_heaps(none, [](mi_heap_t*, void*) { return true; }, nullptr));
  EXPECT_FALSE(mi_subproc_visit_heaps(mi_subproc_main(), nullptr, nullptr));
  mi_subproc_delete(mi_subproc_main());
  mi_subproc_destroy(mi_subproc_main());
  EXPECT_TRUE(same(mi_subproc_current(), mi_subproc_main()));
  mi_free(mi_malloc(100));
}

TEST(Realms, FreesFromOutsideRaceWithTheEnd) {
  for (int round = 0; round < 30; ++round) {
    const mi_subproc_id_t realm = mi_subproc_new();
    std::vector<void*> blocks(2000);
    on_a_thread([&] {
      mi_subproc_add_current_thread(realm);
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        blocks[i] = mi_malloc(16 + i % 500);
      }
    });
    const auto free_half = [&blocks](std::size_t from) {
      for (std::size_t i = from; i < blocks.size(); i += 2) {
        mi_free(blocks[i]);
      }
    };
    std::thread first(free_half, 0);
    std::thread second(free_half, 1);
    mi_subproc_delete(realm);
    first.join();
    second.join();
    ASSERT_FALSE(mi_is_in_heap_region(blocks[0]));
  }
}

}  // namespace
