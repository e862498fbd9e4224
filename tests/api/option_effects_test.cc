// What options do, as a program can see it: which thread owns a page shows in where its next block
// lies. Every case sets its option in the program; that the environment does as well is
// option_environment_test.cc's, and for one of them the last case's here.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "api_test_support.h"

namespace {

using namespace api_test;

// Sets an option for as long as it lives.
class With {
 public:
  With(mi_option_t option, long value) : option_(option), before_(mi_option_get(option)) {
    mi_option_set(option, value);
  }
  ~With() { mi_option_set(option_, before_); }
  With(const With&) = delete;
  With& operator=(const With&) = delete;

 private:
  const mi_option_t option_;
  const long before_;
};

// Pages are 64 KiB of blocks of one size.
std::uintptr_t page_of(const void* p) { return address_of(p) / (64 * kKiB); }

// A heap of its own, so that its pages hold nothing but what a case puts there.
class OptionEffects : public ::testing::Test {
 protected:
  static constexpr std::size_t kSize = 1000;

  ~OptionEffects() override { mi_heap_destroy(heap_); }

  void* take() { return opaque(mi_heap_malloc(heap_, kSize)); }

  // Blocks of so many pages, taken by the calling thread: each page's blocks together.
  std::vector<std::vector<void*>> take_pages(std::size_t pages) {
    std::vector<std::vector<void*>> taken;
    for (;;) {
      void* const p = take();
      if (taken.empty() || page_of(p) != page_of(taken.back().front())) {
        if (taken.size() == pages) {
          mi_free(p);
          return taken;
        }
        taken.emplace_back();
      }
      taken.back().push_back(p);
    }
  }

  // The same by a thread that is gone when this returns.
  std::vector<std::vector<void*>> leave_pages(std::size_t pages) {
    std::vector<std::vector<void*>> taken;
    std::thread([&] { taken = take_pages(pages); }).join();
    return taken;
  }

  mi_heap_t* const heap_ = mi_heap_new();
};

// Whether a free into a full page of a thread that is gone made the page the freeing thread's: its
// next block of that size is the one that was freed then.
bool is_taken_over(mi_heap_t* heap, std::size_t size, void* p) {
  mi_free(p);
  const Block next(mi_heap_malloc(heap, size));
  const bool same = page_of(next.get()) == page_of(p);
  return same;
}

TEST_F(OptionEffects, PageReclaimOnFreeBelowZeroTakesNothingOver) {
  std::vector<std::vector<void*>> left = leave_pages(3);
  mi_free(take());  // so that this thread has a part of the heap
  {
    const With option(mi_option_page_reclaim_on_free, -1);
    std::thread([&] {
      mi_free(opaque(mi_heap_malloc(heap_, 64)));
      EXPECT_FALSE(is_taken_over(heap_, kSize, left[0].back()));
    }).join();
  }
  std::thread([&] {
    mi_free(opaque(mi_heap_malloc(heap_, 64)));
    EXPECT_TRUE(is_taken_over(heap_, kSize, left[1].back()));
  }).join();
}

TEST_F(OptionEffects, PageReclaimOnFreeAboveZeroIsForPoolThreadsToo) {
  std::vector<std::vector<void*>> left = leave_pages(3);
  std::thread([&] {
    mi_thread_set_in_threadpool();
    mi_free(opaque(mi_heap_malloc(heap_, 64)));
    EXPECT_FALSE(is_taken_over(heap_, kSize, left[0].back()));
  }).join();
  const With option(mi_option_page_reclaim_on_free, 1);
  std::thread([&] {
    mi_thread_set_in_threadpool();
    mi_free(opaque(mi_heap_malloc(heap_, 64)));
    EXPECT_TRUE(is_taken_over(heap_, kSize, left[1].back()));
  }).join();
}

// How many of 30 full pages that a thread has left become those of a thread that frees a block of
// each.
std::size_t pages_taken_over(mi_heap_t* heap, std::size_t size,
                             const std::vector<std::vector<void*>>& left) {
  std::set<std::uintptr_t> theirs;
  std::set<std::uintptr_t> found;
  std::thread([&] {
    mi_free(opaque(mi_heap_malloc(heap, 64)));
    for (const std::vector<void*>& page : left) {
      theirs.insert(page_of(page.back()));
      mi_free(page.back());
    }
    for (;;) {
      void* const p = opaque(mi_heap_malloc(heap, size));
      if (theirs.count(page_of(p)) == 0) break;
      found.insert(page_of(p));
    }
  }).join();
  return found.size();
}

TEST_F(OptionEffects, PageCrossThreadMaxReclaimLimitsWhatFreesTakeOver) {
  EXPECT_EQ(pages_taken_over(heap_, kSize, leave_pages(30)), 16u) << "the default";
  for (const long limit : {0L, 1L, 5L, -1L}) {
    const With option(mi_option_page_cross_thread_max_reclaim, limit);
    mi_heap_t* const heap = mi_heap_new();
    std::vector<std::vector<void*>> left;
    std::thread([&] {
      while (left.size() < 31) {
        void* const p = opaque(mi_heap_malloc(heap, kSize));
        if (left.empty() || page_of(p) != page_of(left.back().front())) left.emplace_back();
        left.back().push_back(p);
      }
      left.pop_back();
    }).join();
    EXPECT_EQ(pages_taken_over(heap, kSize, left),
              limit < 0 ? left.size() : static_cast<std::size_t>(limit));
    mi_heap_destroy(heap);
  }
}

TEST_F(OptionEffects, PageMaxReclaimLimitsTheSame) {
  const With option(mi_option_page_max_reclaim, 3);
  EXPECT_EQ(pages_taken_over(heap_, kSize, leave_pages(30)), 3u);
}

TEST_F(OptionEffects, PageMaxReclaimZeroAdoptsNothing) {
  const auto is_adopted = [&] {
    const std::vector<std::vector<void*>> left = leave_pages(1);
    for (std::size_t i = 0; i < left[0].size() / 2; ++i) mi_free(left[0][i]);
    bool adopted = false;
    std::thread([&] { adopted = page_of(take()) == page_of(left[0].back()); }).join();
    return adopted;
  };
  {
    const With option(mi_option_page_max_reclaim, 0);
    EXPECT_FALSE(is_adopted());
  }
  EXPECT_TRUE(is_adopted());
}

// Which of the pages that a living thread has filled become another thread's when that one frees a
// block in them; the thread's own, at its end, is the last.
std::vector<bool> pages_let_go_of(long retain, std::size_t size) {
  const With option(mi_option_page_full_retain, retain);
  mi_heap_t* const heap = mi_heap_new();
  constexpr std::size_t kPages = 8;
  std::vector<bool> let_go;
  std::vector<void*> last_of_page;
  std::mutex mutex;
  std::condition_variable changed;
  bool filled = false;
  bool done = false;
  std::thread owner([&] {
    std::vector<std::uintptr_t> pages;
    while (pages.size() <= kPages) {
      void* const p = opaque(mi_heap_malloc(heap, size));
      if (pages.empty() || pages.back() != page_of(p)) {
        pages.push_back(page_of(p));
        last_of_page.push_back(p);
      }
      last_of_page.back() = p;
    }
    std::unique_lock<std::mutex> lock(mutex);
    filled = true;
    changed.notify_all();
    changed.wait(lock, [&] { return done; });
  });
  {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return filled; });
  }
  std::thread([&] {
    mi_free(opaque(mi_heap_malloc(heap, 64)));
    for (std::size_t i = 0; i < kPages; ++i) {
      mi_free(last_of_page[i]);
      void* const next = opaque(mi_heap_malloc(heap, size));
      let_go.push_back(page_of(next) == page_of(last_of_page[i]));
    }
  }).join();
  {
    const std::lock_guard<std::mutex> guard(mutex);
    done = true;
  }
  changed.notify_all();
  owner.join();
  mi_heap_destroy(heap);
  return let_go;
}

TEST_F(OptionEffects, PageFullRetainIsTheFullPagesThatAThreadKeeps) {
  const auto kept = [](long retain) {
    const std::vector<bool> let_go = pages_let_go_of(retain, kSize);
    return std::count(let_go.begin(), let_go.end(), false);
  };
  EXPECT_EQ(kept(2), 1);
  EXPECT_EQ(kept(0), 0);
  EXPECT_EQ(kept(5), 4);
  EXPECT_EQ(kept(-1), 8);
}

TEST_F(OptionEffects, GenericCollectIsHowManySlowPathsACollectionComesAfter) {
  const auto is_collected = [&](long every) {
    const With option(mi_option_generic_collect, every);
    const std::vector<std::vector<void*>> taken = take_pages(3);
    std::thread([&] {
      for (const std::vector<void*>& page : taken) {
        for (void* const p : page) mi_free(p);
      }
    }).join();
    // Slow paths that have nothing to do with those pages: blocks with pages of their own.
    for (int i = 0; i < 300; ++i) mi_free(opaque(mi_malloc(200 * kKiB)));
    bool all_gone = true;
    for (const std::vector<void*>& page : taken) {
      all_gone = all_gone && !mi_heap_contains(heap_, page.front());
    }
    return all_gone;
  };
  EXPECT_FALSE(is_collected(1'000'000'000));
  EXPECT_TRUE(is_collected(100));
}

// Looking at a page costs a slow path or two: eight of them pass for each page that a thread has.
TEST_F(OptionEffects, ManyPagesAreCollectedMoreSeldom) {
  constexpr int kPages = 1000;
  const With option(mi_option_generic_collect, 100);
  const With kept(mi_option_page_full_retain, -1);  // or who frees would have the page
  std::thread([&] {
    const std::vector<std::vector<void*>> taken = take_pages(kPages);
    const auto slow_paths_until_collected = [&](const std::vector<void*>& page) {
      std::thread([&] {
        for (void* const p : page) mi_free(p);
      }).join();
      int paths = 0;
      for (; mi_heap_contains(heap_, page.front()) && paths < 20 * kPages; ++paths) {
        mi_free(opaque(mi_malloc(200 * kKiB)));  // with a page of its own: a slow path
      }
      return paths;
    };
    slow_paths_until_collected(taken[0]);  // a collection was just now, and counted the pages
    const int paths = slow_paths_until_collected(taken[1]);
    EXPECT_GE(paths, 8 * kPages - 200);
    EXPECT_LE(paths, 8 * kPages + 300);
    for (std::size_t i = 2; i < taken.size(); ++i) {
      for (void* const p : taken[i]) mi_free(p);
    }
  }).join();
}

// Slices that are free and wait to be purged, counted in the drawing of all arenas.
std::size_t waiting_slices() {
  std::size_t count = 0;
  for (const std::string& line : lines_sent_by(mi_arenas_print)) {
    const std::size_t signs = line.find(" MiB ");
    if (signs == std::string::npos || line.find_first_not_of(' ') == 0) continue;
    const auto from = line.begin() + static_cast<std::ptrdiff_t>(signs) + 5;
    const std::string drawn(from, line.end());
    if (drawn.find_first_not_of("m#=wpd.,\n") != std::string::npos) continue;
    count += static_cast<std::size_t>(std::count(drawn.begin(), drawn.end(), 'w'));
  }
  return count;
}

TEST_F(OptionEffects, AbandonedPagePurgePurgesAtTheEndOfAThread) {
  const auto waiting_after_a_thread = [&] {
    mi_collect(true);
    std::thread([&] {
      for (const std::vector<void*>& page : take_pages(8)) {
        for (void* const p : page) mi_free(p);
      }
    }).join();
    return waiting_slices();
  };
  EXPECT_GT(waiting_after_a_thread(), 0u) << "or the case proves nothing";
  const With option(mi_option_abandoned_page_purge, 1);
  EXPECT_EQ(waiting_after_a_thread(), 0u);
}

// What follows runs in a child: its addresses are limited, so that a large block cannot be had
// before another one is freed.
constexpr std::size_t kLarge = 160 * kMiB;

std::atomic<int> forced{0};
void count_forced(bool force, unsigned long long, void*) {
  if (force) forced.fetch_add(1, std::memory_order_relaxed);  // relaxed: a count.
}

void limit_addresses_to_what_there_is() {
  std::size_t pages = 0;
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%zu", &pages) != 1) _exit(3);
  std::fclose(file);
  const rlimit limit{pages * 4096 + kLarge / 2, pages * 4096 + kLarge / 2};
  if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(3);
}

enum class Freeing { kDuringTheWait, kAfterwards };

// 0: the block was had, 1: it was not; while another thread frees one as large.
int ask_while_another_thread_frees(long retry_ms, Freeing freeing) {
  mi_option_set(mi_option_retry_on_oom, retry_ms);
  mi_option_set(mi_option_arena_max_object_size, 1024);  // KiB: a mapping for each
  mi_free(opaque(mi_malloc(100)));
  std::atomic<bool> asked{false};
  std::atomic<bool> ready{false};
  std::thread other([&] {
    void* const large = opaque(mi_malloc(kLarge));
    limit_addresses_to_what_there_is();
    ready.store(true);
    // The first forced collection comes before there is any waiting, the second after a step of it.
    while (!asked.load() && (freeing == Freeing::kAfterwards || forced.load() < 2)) {
      std::this_thread::yield();
    }
    mi_free(large);
  });
  while (!ready.load()) std::this_thread::yield();
  mi_register_deferred_free(count_forced, nullptr);
  void* const p = opaque(mi_malloc(kLarge));
  asked.store(true);
  other.join();
  return p != nullptr ? 0 : 1;
}

// The status that a child ends with, which does this.
template <class Work>
int status_of_child(Work work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

TEST(RetryOnOom, WaitsForAnotherThreadToFree) {
  EXPECT_EQ(status_of_child(
                [] { return ask_while_another_thread_frees(60'000, Freeing::kDuringTheWait); }),
            0);
}

TEST(RetryOnOom, ZeroIsNoWait) {
  EXPECT_EQ(
      status_of_child([] { return ask_while_another_thread_frees(0, Freeing::kDuringTheWait); }),
      1);
}

TEST(RetryOnOom, TheWaitEnds) {
  EXPECT_EQ(
      status_of_child([] { return ask_while_another_thread_frees(20, Freeing::kAfterwards); }), 1);
}

// How often memory is collected by force tells whether a request was tried again.
template <class Request>
int tries_of(Request request) {
  mi_register_deferred_free(count_forced, nullptr);
  forced.store(0);
  EXPECT_EQ(opaque(request()), nullptr);
  mi_register_deferred_free(nullptr, nullptr);
  return forced.load();
}

TEST(RetryOnOom, IsNotForWhatNobodyCanGiveBack) {
  std::thread([] { mi_free(opaque(mi_malloc(10))); }).join();
  const With option(mi_option_retry_on_oom, 60'000);
  EXPECT_EQ(tries_of([] { return mi_malloc(opaque(kMoreThanThereIs)); }), 1) << "more than is held";
  EXPECT_EQ(tries_of([] { return mi_malloc_aligned(opaque(kMoreThanThereIs), kMiB); }), 1);
  EXPECT_EQ(tries_of([] { return mi_malloc(opaque(kMaxDifference + 1)); }), 0) << "no such object";
  mi_arena_id_t arena = 0;
  ASSERT_EQ(mi_reserve_os_memory_ex(8 * kMiB, false, false, true, &arena), 0);
  mi_heap_t* const heap = mi_heap_new_in_arena(arena);
  ASSERT_NE(heap, nullptr);
  EXPECT_EQ(tries_of([heap] { return mi_heap_malloc(heap, 20 * kMiB); }), 1) << "its arena's limit";
  mi_heap_destroy(heap);
}

}  // namespace
