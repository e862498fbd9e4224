// One thread's heap: its direct table, its queues, how long empty pages stay, and what it says of
// addresses and contents. Each test works in a thread of its own, whose heap nobody else uses.
#include "heap/thread_heap.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include "heap/page_source.h"
#include "heap_test_support.h"

namespace ashlar {
namespace {

using namespace heap_test;

constexpr std::size_t kPlainSize = 7 * kKiB;

// Direct entries lead to the first page of the class, or to the empty page.
void check_direct_table(const ThreadHeap& heap) {
  for (std::size_t words = 0; words <= kDirectWords; ++words) {
    // By the request with its padding, so the least is what a request of nothing takes.
    const std::size_t size = words * kWordSize;
    const Page* const first = heap.queues[class_for(size > kPadding ? size - kPadding : 0)].first();
    ASSERT_EQ(heap.direct[words], first == nullptr ? &empty_page : first) << words;
  }
}

TEST(ThreadHeap, TheDirectTableLeadsToTheFirstPageOfEachClass) {
  auto heap = std::make_unique<ThreadHeap>();
  heap->start(thread_id(), &main_heap, heap.get());
  check_direct_table(*heap);
  std::vector<std::unique_ptr<Page>> pages;
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    for (int i = 0; i < 2; ++i) {
      pages.push_back(std::make_unique<Page>());
      pages.back()->size_class = c;
      i == 0 ? heap->push_back(pages.back().get()) : heap->push_front(pages.back().get());
    }
  }
  check_direct_table(*heap);
  for (std::size_t i = 1; i < pages.size(); i += 2) {
    heap->remove(pages[i].get());
  }
  check_direct_table(*heap);
  for (std::size_t i = 0; i < pages.size(); i += 2) {
    heap->remove(pages[i].get());
  }
  check_direct_table(*heap);
}

TEST(ThreadHeap, KeepsItsTableWhilePagesFillAndEmpty) {
  in_thread([] {
    std::vector<void*> held;
    for (std::size_t round = 0; round < 4000; ++round) {
      held.push_back(take(round % 1100));
      if (round % 3 == 0) {
        const std::size_t which = round * 7919 % held.size();
        free_block(held[which]);
        held[which] = held.back();
        held.pop_back();
      }
    }
    check_direct_table(*thread_heap);
    free_all(held);
    check_direct_table(*thread_heap);
    collect(false);
    check_direct_table(*thread_heap);
  });
}

TEST(ThreadHeap, TheEmptyHeapAndTheEmptyPageAreNeverWritten) {
  in_thread([] {
    free_block(take(64));
    free_block(nullptr);
  });
  EXPECT_EQ(empty_page.free, nullptr);
  EXPECT_EQ(empty_page.used(), 0u);
  check_direct_table(empty_heap);
}

TEST(ThreadHeap, AnEmptyPageIsKeptForSomeSlowPathsAndThenGivenBack) {
  in_thread([] {
    void* const block = take(kPlainSize);
    Page* const page = page_of(block);
    free_block(block);
    EXPECT_EQ(page_of(block), page) << "the next request is likely to want it";
    EXPECT_EQ(take(kPlainSize), block);
    free_block(block);
    // Slow paths of other classes: hardly any of these blocks lies in a page that has room.
    const SizeClass size_class = page->size_class;
    // Its slice may be handed out again, and the same entry then belongs to another page.
    auto is_there = [&] { return page_of(block) == page && page->size_class == size_class; };
    const std::uint64_t from = thread_heap->heartbeat;
    std::uint64_t beats = 0;
    std::array<void*, 8> others{};
    for (std::size_t i = 0; is_there() && beats < 4 * kActive.retire_visits; ++i) {
      void*& other = others[i % others.size()];
      free_block(other);
      other = take(kMediumBlockMax + 1);
      beats = thread_heap->heartbeat - from;
    }
    EXPECT_FALSE(is_there()) << "still there after " << beats << " slow paths";
    EXPECT_GE(beats, kActive.retire_visits);
    for (void* const other : others) {
      free_block(other);
    }
  });
}

// The page of a class that is allocated from all the time stays, whatever the class's slow paths.
TEST(ThreadHeap, APageThatIsEmptyBetweenAnyTwoRequestsIsNotGivenBack) {
  in_thread([] {
    void* const block = take(kPlainSize);
    Page* const page = page_of(block);
    free_block(block);
    const std::uint64_t from = thread_heap->heartbeat;
    while (thread_heap->heartbeat < from + 4 * kActive.retire_visits) {
      void* const again = take(kPlainSize);
      ASSERT_EQ(page_of(again), page);
      free_block(again);
      ASSERT_EQ(page_of(again), page);
    }
  });
}

// However the blocks in use lie: up and down across the end of a page, they make no page each time.
TEST(ThreadHeap, BlocksThatComeAndGoInWavesMakeNoPages) {
  in_thread([] {
    std::vector<void*> held = take_pages(kPlainSize, 2);
    const std::int64_t before = main_realm.stats.pages.total();
    std::int64_t needed = 0;
    for (std::size_t more = 0; more < kSliceSize / kPlainSize; ++more) {
      for (int wave = 0; wave < 50; ++wave) {
        std::array<void*, 4> blocks{};
        for (void*& block : blocks) {
          block = take(kPlainSize);
        }
        for (void* const block : blocks) {
          free_block(block);
        }
      }
      held.push_back(take(kPlainSize));
      ++needed;
    }
    EXPECT_LE(main_realm.stats.pages.total() - before, needed);
    free_all(held);
  });
}

// A thread whose pages of kPlainSize come in waves: one is kept empty behind the first, which has
// room for a block.
class KeptPage : public testing::Test {
 protected:
  template <class Body>
  void in_waves(Body body) {
    in_thread([&] {
      first_ = take_pages(kPlainSize, 1);
      free_block(first_.back());
      first_.pop_back();
      for (int wave = 0; wave < 10; ++wave) {
        make_wave();
      }
      before_ = pages_in_use();
      body();
      free_all(first_);
    });
  }
  // Fills the first page and one more, but for a block, and frees all that again.
  void make_wave() {
    const std::vector<void*> blocks = take_pages(kPlainSize, 1);
    kept_ = page_of(blocks.back());
    ASSERT_NE(kept_, page_of(first_[0]));
    free_all(blocks);
  }
  const PageQueue& queue() const { return thread_heap->queues[kept_->size_class]; }

  std::vector<void*> first_;
  Page* kept_ = nullptr;
  std::int64_t before_ = 0;
};

TEST_F(KeptPage, ServesAfterThoseInUse) {
  in_waves([this] {
    EXPECT_EQ(queue().count(), 2u);
    EXPECT_EQ(queue().last(), kept_);
    void* const one = take(kPlainSize);
    EXPECT_EQ(page_of(one), page_of(first_[0]));
    void* const next = take(kPlainSize);
    EXPECT_EQ(page_of(next), kept_);
    free_block(one);
    free_block(next);
    EXPECT_EQ(queue().last(), kept_) << "it is kept again, and again behind the other";
    EXPECT_EQ(pages_in_use(), before_);
  });
}

TEST_F(KeptPage, IsTheOnlyEmptyOneOfItsClass) {
  in_waves([this] {
    const std::vector<void*> blocks = take_pages(kPlainSize, 3);
    ASSERT_NE(page_of(blocks.back()), kept_);
    free_all(blocks);
    EXPECT_EQ(queue().count(), 2u);
  });
}

TEST_F(KeptPage, GoesWhenOtherClassesHaveHadTheirSlowPaths) {
  in_waves([this] {
    const SizeClass size_class = kept_->size_class;
    for (unsigned beats = 0; beats < kActive.retire_visits; ++beats) {
      free_block(take(kMediumBlockMax + 1));
    }
    EXPECT_EQ(thread_heap->queues[size_class].count(), 1u);
    make_wave();
    EXPECT_EQ(thread_heap->queues[size_class].count(), 1u) << "the last one was kept in vain";
  });
}

TEST(ThreadHeap, ARetiredPageThatIsUsedAgainStays) {
  in_thread([] {
    void* const block = take(kPlainSize);
    free_block(block);
    void* const again = take(kPlainSize);
    ASSERT_EQ(again, block);
    for (unsigned beats = 0; beats < 4 * kActive.retire_visits; ++beats) {
      free_block(take(kMediumBlockMax + 1));
    }
    std::memset(again, 0x5A, kPlainSize);
    EXPECT_NE(page_of(again), nullptr);
    EXPECT_EQ(static_cast<unsigned char*>(again)[kPlainSize - 1], 0x5A);
    free_block(again);
  });
}

TEST(ThreadHeap, APageThatIsNotTheLastOfItsClassGoesAtOnce) {
  in_thread([] {
    const std::vector<void*> blocks = take_pages(kPlainSize, 3);
    const std::int64_t before = pages_in_use();
    free_all(blocks);
    EXPECT_LE(pages_in_use(), before - 2);
  });
}

TEST(ThreadHeap, CollectingGivesEmptyPagesBack) {
  in_thread([] {
    void* const block = take(kPlainSize);
    free_block(block);
    collect(false);
    EXPECT_EQ(page_of(block), nullptr);
  });
}

TEST(ThreadHeap, BlocksOfOneClassAreDifferent) {
  in_thread([] {
    for (const std::size_t size : {0u, 1u, 8u, 24u, 1024u, 1025u, 9000u, 70000u, 600000u}) {
      std::set<void*> blocks;
      for (int i = 0; i < 50; ++i) {
        ASSERT_TRUE(blocks.insert(take(size)).second);
      }
      for (void* const block : blocks) {
        EXPECT_GE(resolve(block).usable, size);
        EXPECT_EQ(resolve(block).block, block);
        free_block(block);
      }
    }
  });
}

TEST(ThreadHeap, ZeroedBlocksAreZeroWhateverWasThereBefore) {
  in_thread([] {
    for (const std::size_t size : {8u, 64u, 1000u, 5000u, 100000u, 1000000u}) {
      for (int round = 0; round < 3; ++round) {
        std::vector<void*> held;
        for (int i = 0; i < 20; ++i) {
          auto* const block = static_cast<unsigned char*>(allocate<Contents::kZero>(size));
          ASSERT_NE(block, nullptr);
          const std::size_t usable = resolve(block).usable;
          for (std::size_t at = 0; at < usable; ++at) {
            ASSERT_EQ(block[at], 0) << "byte " << at << " of " << size;
          }
          std::memset(block, 0xFF, usable);
          held.push_back(block);
        }
        free_all(held);
      }
    }
  });
}

int deferred_calls = 0;
void count_deferred(bool, unsigned long long, void* arg) {
  ++deferred_calls;
  free_block(take(*static_cast<std::size_t*>(arg)));  // must not call itself again
}

TEST(ThreadHeap, DeferredFreesAreCalledFromSlowPaths) {
  in_thread([] {
    std::size_t size = 300 * kKiB;
    deferred_calls = 0;
    register_deferred_free(count_deferred, &size);
    free_block(take(kMediumBlockMax + 1));
    register_deferred_free(nullptr, nullptr);
    const int calls = deferred_calls;
    EXPECT_GE(calls, 1);
    free_block(take(kMediumBlockMax + 1));
    EXPECT_EQ(deferred_calls, calls);
  });
}

TEST(EmptyHeap, NobodyCanWriteToItOrToTheEmptyPage) {
  const auto write = [](void* volatile* place) { *place = nullptr; };
  EXPECT_DEATH(write(const_cast<void* volatile*>(reinterpret_cast<void**>(&empty_page))), "");
  EXPECT_DEATH(write(const_cast<void* volatile*>(reinterpret_cast<void**>(&empty_heap))), "");
}

}  // namespace
}  // namespace ashlar
