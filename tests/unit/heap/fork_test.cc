// A forked child: pages of the threads that it lacks become orphans, what stood in their lists is
// lost until they are empty, and ids of those threads mean nothing any more.
#include "heap/fork.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <latch>
#include <thread>
#include <vector>

#include "heap_test_support.h"

namespace ashlar {
namespace {

using namespace heap_test;

// A thread that holds blocks of one size, some of them freed again, until it is let go.
class Holder {
 public:
  explicit Holder(std::size_t size) : thread_([this, size] { hold(size); }) { ready_.wait(); }
  ~Holder() {
    done_.count_down();
    thread_.join();
  }
  const std::vector<void*>& live() const { return live_; }
  std::uintptr_t id() const { return id_; }

 private:
  void hold(std::size_t size) {
    id_ = thread_id();
    live_ = take_pages(size, 4);
    for (std::size_t i = 0; i < live_.size(); ++i) {
      free_block(live_[i]);
      live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    ready_.count_down();
    done_.wait();
    free_all(live_);
  }

  std::vector<void*> live_;
  std::uintptr_t id_ = 0;
  std::latch ready_{1};
  std::latch done_{1};
  std::thread thread_;
};

TEST(Fork, PagesOfVanishedThreadsAreOrphansInTheChild) {
  const Holder holder(700);
  EXPECT_TRUE(holds_in_child([&] {
    for (void* const block : holder.live()) {
      const Page* const page = page_of(block);
      if ((owner_of(page) & ~kOwnerFlags) != kNoOwner || !is_orphan(page)) {
        return false;
      }
    }
    return true;
  }));
  EXPECT_EQ(owner_of(page_of(holder.live()[0])) & ~kOwnerFlags, holder.id())
      << "in the parent they are the thread's";
}

TEST(Fork, WhatStoodInTheirListsIsCountedAsLost) {
  const Holder holder(700);
  EXPECT_TRUE(holds_in_child([&] {
    const Page* const page = page_of(holder.live()[0]);
    return page->free == nullptr && page->local_free == nullptr &&
           page->used() + page->lost == page->capacity && page->used() > 0;
  }));
}

TEST(Fork, TheChildFreesWhatTheyHadAndGetsThePagesBack) {
  const Holder holder(700);
  EXPECT_TRUE(holds_in_child([&] {
    const std::int64_t before = pages_in_use();
    free_all(holder.live());
    collect(true);
    return pages_in_use() <= before - 4;
  }));
}

TEST(Fork, TheChildAllocatesFromTheirPagesWhatWasNeverTouched) {
  const Holder holder(8 * kKiB);
  EXPECT_TRUE(holds_in_child([&] {
    std::vector<void*> fresh;
    for (int i = 0; i < 1000; ++i) {
      fresh.push_back(take(8 * kKiB));
    }
    for (void* const live : holder.live()) {
      for (void* const block : fresh) {
        if (block == live) {
          return false;  // handed out twice
        }
      }
    }
    free_all(fresh);
    return true;
  }));
}

TEST(Fork, TheChildIsSingleThreadedAndKnowsOnlyItself) {
  free_block(take(100));  // where libc's malloc is the test's, this thread may be unknown so far
  const Holder holder(100);
  ASSERT_TRUE(is_multi_threaded());
  EXPECT_TRUE(holds_in_child(
      [&] { return !is_multi_threaded() && main_realm.stats.threads.current() == 1; }));
  EXPECT_TRUE(is_multi_threaded());
}

TEST(Fork, ItsOwnPagesStayItsOwn) {
  void* const block = take(100);
  EXPECT_TRUE(holds_in_child([&] {
    return (owner_of(page_of(block)) & ~kOwnerFlags) == thread_id() && take(100) != nullptr;
  }));
  free_block(block);
}

TEST(Fork, PartsOfHeapsThatVanishedThreadsHadAreGone) {
  Heap* const heap = make_heap(nullptr, 0, true);
  std::latch ready(1);
  std::latch done(1);
  void* block = nullptr;
  std::thread other([&] {
    block = allocate_plain(heap, 100, Contents::kUnknown);
    ready.count_down();
    done.wait();
  });
  ready.wait();
  EXPECT_TRUE(holds_in_child([&] {
    const bool parted = heap->thread_heaps == nullptr;
    delete_heap(heap);
    const bool moved = home_of(page_of(block)) == &main_heap;
    free_block(block);
    return parted && moved;
  }));
  done.count_down();
  other.join();
  destroy_heap(heap);
}

}  // namespace
}  // namespace ashlar
