// First-class heaps through the public header: whose a block is, what deleting and destroying do,
// default heaps, and that any thread may use any heap.
#include <gtest/gtest.h>
#include <limits.h>

#include <functional>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "api_test_support.h"
#include "heap_calls.h"

namespace {

using namespace api_test;

void on_other_thread(const std::function<void()>& work) { std::thread(work).join(); }

class Heaps : public testing::Test {
 protected:
  void SetUp() override {
    heap_ = mi_heap_new();
    ASSERT_NE(heap_, nullptr);
  }
  void TearDown() override { mi_heap_destroy(heap_); }

  mi_heap_t* heap_ = nullptr;
};

TEST_F(Heaps, EveryCallAllocatesFromTheHeapThatItNames) {
  for (const HeapCall& call : heap_calls()) {
    void* const block = opaque(call.allocate(heap_));
    ASSERT_NE(block, nullptr) << call.name;
    EXPECT_EQ(mi_heap_of(block), heap_) << call.name;
    EXPECT_TRUE(mi_heap_contains(heap_, block)) << call.name;
    EXPECT_TRUE(mi_heap_contains_block(heap_, block)) << call.name;
    EXPECT_TRUE(mi_heap_check_owned(heap_, block)) << call.name;
    EXPECT_TRUE(mi_any_heap_contains(block)) << call.name;
    EXPECT_FALSE(mi_heap_contains(mi_heap_main(), block)) << call.name;
    mi_free(block);
  }
}

TEST_F(Heaps, EveryCallServesTheMainHeapToo) {
  for (const HeapCall& call : heap_calls()) {
    const Block block(call.allocate(mi_heap_main()));
    ASSERT_TRUE(block) << call.name;
    EXPECT_EQ(mi_heap_of(block.get()), mi_heap_main()) << call.name;
  }
}

TEST_F(Heaps, BlocksOfEverySizeBelongToTheirHeap) {
  for (const std::size_t size : border_sizes(64 * kMiB)) {
    const Block ours(mi_heap_malloc(heap_, size));
    const Block other(mi_malloc(size));
    ASSERT_TRUE(ours && other) << size;
    ASSERT_EQ(mi_heap_of(ours.get()), heap_) << size;
    ASSERT_EQ(mi_heap_of(other.get()), mi_heap_main()) << size;
    ASSERT_GE(mi_usable_size(ours.get()), size);
  }
}

TEST_F(Heaps, ForeignPointersBelongToNoHeap) {
  int local = 0;
  static int fixed = 0;
  for (const void* p :
       {static_cast<const void*>(&local), static_cast<const void*>(&fixed),
        static_cast<const void*>(nullptr), reinterpret_cast<const void*>(~std::uintptr_t{7})}) {
    EXPECT_EQ(mi_heap_of(p), nullptr);
    EXPECT_FALSE(mi_heap_contains(heap_, p));
    EXPECT_FALSE(mi_heap_contains_block(heap_, p));
    EXPECT_FALSE(mi_any_heap_contains(p));
  }
  EXPECT_FALSE(mi_heap_contains(nullptr, nullptr));
}

TEST_F(Heaps, AnInteriorPointerIsInTheHeapButIsNoBlock) {
  const Block block(mi_heap_malloc(heap_, 1000));
  EXPECT_TRUE(mi_heap_contains(heap_, block.bytes() + 500));
  EXPECT_FALSE(mi_heap_contains_block(heap_, block.bytes() + 500));
}

TEST_F(Heaps, StringsAreCopied) {
  const std::string text(300, 'x');
  const Block whole(mi_heap_strdup(heap_, text.c_str()));
  EXPECT_EQ(text, static_cast<char*>(whole.get()));
  const Block part(mi_heap_strndup(heap_, text.c_str(), 7));
  EXPECT_STREQ(static_cast<char*>(part.get()), "xxxxxxx");
  const Block path(mi_heap_realpath(heap_, "/usr/../", nullptr));
  EXPECT_STREQ(static_cast<char*>(path.get()), "/");
  char buffer[PATH_MAX];
  EXPECT_EQ(mi_heap_realpath(heap_, "/usr/../", buffer), buffer);
  EXPECT_EQ(mi_heap_strdup(heap_, nullptr), nullptr);
  EXPECT_EQ(mi_heap_strndup(heap_, nullptr, 3), nullptr);
  EXPECT_EQ(mi_heap_realpath(heap_, "/no/such/place", nullptr), nullptr);
}

TEST_F(Heaps, ResizingMovesIntoTheHeapAndKeepsWhatWasThere) {
  unsigned char* block = static_cast<unsigned char*>(mi_malloc(40));
  fill(block, 0, 40, 5);
  block = static_cast<unsigned char*>(opaque(mi_heap_realloc(heap_, block, 5000)));
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(first_difference(block, 0, 40, 5), 40u);
  EXPECT_EQ(mi_heap_of(block), heap_);
  block = static_cast<unsigned char*>(opaque(mi_heap_realloc(heap_, block, 3 * kMiB)));
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(first_difference(block, 0, 40, 5), 40u);
  EXPECT_EQ(mi_heap_of(block), heap_);
  mi_free(block);
}

TEST_F(Heaps, ZeroingCallsZero) {
  for (const std::size_t size : {std::size_t{24}, std::size_t{3000}, 200 * kKiB}) {
    for (int i = 0; i < 20; ++i) {
      const Block dirty(mi_heap_malloc(heap_, size));
      std::memset(dirty.get(), 0xAB, size);
    }
    const Block zero(mi_heap_zalloc(heap_, size));
    EXPECT_EQ(first_nonzero(zero.get(), 0, size), size);
    void* grown = opaque(mi_heap_rezalloc(heap_, mi_heap_zalloc(heap_, size), 3 * size));
    EXPECT_EQ(first_nonzero(grown, 0, 3 * size), 3 * size);
    mi_free(grown);
  }
}

TEST_F(Heaps, WhatCannotBeHadFailsAsElsewhere) {
  ErrorRecorder errors;
  errno = 0;
  EXPECT_EQ(mi_heap_malloc(heap_, opaque(kMoreThanThereIs)), nullptr);
  EXPECT_EQ(errno, ENOMEM);
  EXPECT_EQ(mi_heap_calloc(heap_, opaque(kMaxSize), 2), nullptr);
  EXPECT_EQ(mi_heap_mallocn(heap_, opaque(kMaxSize), 2), nullptr);
  const Block kept(mi_heap_malloc(heap_, 10));
  EXPECT_EQ(mi_heap_realloc(heap_, kept.get(), opaque(kMoreThanThereIs)), nullptr);
  EXPECT_EQ(mi_heap_reallocn(heap_, kept.get(), opaque(kMaxSize), 2), nullptr);
  EXPECT_EQ(mi_heap_reallocf(heap_, mi_heap_malloc(heap_, 10), opaque(kMoreThanThereIs)), nullptr);
  EXPECT_EQ(mi_heap_malloc_aligned(heap_, 10, opaque(std::size_t{3})), nullptr);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_THROW(static_cast<void>(mi_heap_alloc_new(heap_, opaque(kMoreThanThereIs))),
               std::bad_alloc);
  EXPECT_THROW(static_cast<void>(mi_heap_alloc_new_n(heap_, opaque(kMaxSize), 2)), std::bad_alloc);
}

TEST_F(Heaps, ABlockOfAnyHeapIsFreedByAnyThread) {
  std::vector<void*> blocks;
  on_other_thread([&] {
    for (std::size_t i = 0; i < 5000; ++i) {
      blocks.push_back(opaque(mi_heap_malloc(heap_, i % 700 + 1)));
      fill(blocks.back(), 0, i % 700 + 1, 9);
    }
  });
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    ASSERT_EQ(mi_heap_of(blocks[i]), heap_);
    ASSERT_EQ(first_difference(blocks[i], 0, i % 700 + 1, 9), i % 700 + 1);
    mi_free(blocks[i]);
  }
}

TEST_F(Heaps, AThreadUsesWhatAnotherOneLeftInTheSameHeap) {
  std::vector<void*> left;
  on_other_thread([&] {
    for (int i = 0; i < 64; ++i) left.push_back(opaque(mi_heap_malloc(heap_, 512)));
    for (int i = 0; i < 64; i += 2) {
      mi_free(left[static_cast<std::size_t>(i)]);
    }
  });
  const auto page_of = [](const void* p) { return address_of(p) / (64 * kKiB); };
  const Block ours(mi_heap_malloc(heap_, 512));
  EXPECT_EQ(page_of(ours.get()), page_of(left[1])) << "the orphan is adopted by its own heap";
  const Block others(mi_malloc(512));
  EXPECT_NE(page_of(others.get()), page_of(left[1])) << "and by no other";
}

TEST(HeapLife, DeletingMovesLiveBlocksToTheMainHeap) {
  mi_heap_t* const heap = mi_heap_new();
  std::vector<void*> blocks;
  std::vector<std::size_t> sizes;
  for (const std::size_t size : border_sizes(40 * kMiB)) {
    blocks.push_back(opaque(mi_heap_malloc(heap, size)));
    sizes.push_back(size < 4096 ? size : 4096);
    fill(blocks.back(), 0, sizes.back(), 3);
  }
  mi_heap_delete(heap);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(mi_heap_of(blocks[i]), mi_heap_main());
    EXPECT_EQ(first_difference(blocks[i], 0, sizes[i], 3), sizes[i]);
    mi_free(blocks[i]);
  }
}

TEST(HeapLife, DeletingMovesWhatEndedThreadsLeft) {
  mi_heap_t* const heap = mi_heap_new();
  std::vector<void*> blocks;
  on_other_thread([&] {
    for (int i = 0; i < 3000; ++i) blocks.push_back(opaque(mi_heap_malloc(heap, 100)));
  });
  mi_heap_delete(heap);
  for (void* const block : blocks) {
    ASSERT_EQ(mi_heap_of(block), mi_heap_main());
    mi_free(block);
  }
}

TEST(HeapLife, WhatOtherThreadsHoldMovesWhenTheyComeBy) {
  mi_heap_t* const heap = mi_heap_new();
  void* block = nullptr;
  std::atomic<int> step{0};
  const auto wait_for = [&](int n) {
    while (step.load(std::memory_order_acquire) < n) std::this_thread::yield();
  };
  std::thread other([&] {
    block = opaque(mi_heap_malloc(heap, 100));
    EXPECT_EQ(mi_heap_set_default(heap), mi_heap_main());
    step.store(1, std::memory_order_release);
    wait_for(2);
    mi_collect(false);
    EXPECT_EQ(mi_heap_of(block), mi_heap_main());
    EXPECT_EQ(mi_heap_get_default(), mi_heap_main()) << "a deleted default is replaced";
    mi_free(block);
    mi_free(mi_malloc(100));
  });
  wait_for(1);
  mi_heap_delete(heap);
  step.store(2, std::memory_order_release);
  other.join();
}

TEST(HeapLife, DestroyingFreesAllBlocksAtOnce) {
  for (int round = 0; round < 200; ++round) {
    mi_heap_t* const heap = mi_heap_new();
    void* first = nullptr;
    for (const std::size_t size : {16u, 100u, 5000u, 40000u, 300000u}) {
      for (int i = 0; i < 10; ++i) first = opaque(mi_heap_malloc(heap, size));
    }
    ASSERT_NE(first, nullptr) << "memory does not run out: 200 rounds of 3 MiB";
    mi_heap_destroy(heap);
    EXPECT_NE(mi_heap_of(first), heap);
  }
}

TEST(HeapLife, DestroyingFreesWhatEndedThreadsLeftToo) {
  const Block kept(mi_malloc(100));
  fill(kept.get(), 0, 100, 1);
  for (int round = 0; round < 50; ++round) {
    mi_heap_t* const heap = mi_heap_new();
    void* orphaned = nullptr;
    on_other_thread([&] {
      for (int i = 0; i < 2000; ++i) orphaned = opaque(mi_heap_malloc(heap, 200));
      EXPECT_NE(mi_heap_malloc(heap, 2 * kMiB), nullptr);
    });
    ASSERT_EQ(mi_heap_of(orphaned), heap);
    mi_heap_destroy(heap);
    ASSERT_EQ(mi_heap_of(orphaned), nullptr);
  }
  EXPECT_EQ(first_difference(kept.get(), 0, 100, 1), 100u);
}

TEST(HeapLife, AHeapThatMayNotBeDestroyedIsDeleted) {
  mi_heap_t* const heap = mi_heap_new_ex(7, false, 0);
  const Block block(mi_heap_malloc(heap, 100));
  fill(block.get(), 0, 100, 2);
  mi_heap_destroy(heap);
  EXPECT_EQ(first_difference(block.get(), 0, 100, 2), 100u);
  EXPECT_EQ(mi_heap_of(block.get()), mi_heap_main());
}

TEST(HeapLife, TheMainHeapAndNoHeapAreLeftAlone) {
  const Block block(mi_malloc(100));
  mi_heap_delete(mi_heap_main());
  mi_heap_destroy(mi_heap_main());
  mi_heap_delete(nullptr);
  mi_heap_destroy(nullptr);
  EXPECT_EQ(mi_heap_of(block.get()), mi_heap_main());
  EXPECT_EQ(mi_heap_get_backing(), mi_heap_main());
}

TEST(HeapLife, ATaggedHeapWorksAsAnyOther) {
  mi_heap_t* const heap = mi_heap_new_ex(42, true, 0);
  ASSERT_NE(heap, nullptr);
  EXPECT_EQ(mi_heap_of(opaque(mi_heap_malloc(heap, 10))), heap);
  mi_heap_destroy(heap);
  EXPECT_EQ(mi_heap_new_ex(0, true, 12345), nullptr) << "there is no such arena";
}

TEST(DefaultHeap, ServesMallocInItsThreadAlone) {
  mi_heap_t* const heap = mi_heap_new();
  EXPECT_EQ(mi_heap_get_default(), mi_heap_main());
  EXPECT_EQ(mi_heap_set_default(heap), mi_heap_main());
  EXPECT_EQ(mi_heap_get_default(), heap);
  EXPECT_EQ(mi_heap_set_default(nullptr), nullptr);
  EXPECT_EQ(mi_heap_get_default(), heap) << "NULL changes nothing";
  for (const std::size_t size : {std::size_t{10}, std::size_t{3000}, 2 * kMiB}) {
    EXPECT_EQ(mi_heap_of(opaque(mi_malloc(size))), heap);
    EXPECT_EQ(mi_heap_of(opaque(mi_malloc_aligned(size, 256))), heap);
    EXPECT_EQ(mi_heap_of(opaque(mi_calloc(1, size))), heap);
  }
  on_other_thread([] { EXPECT_EQ(mi_heap_get_default(), mi_heap_main()); });
  mi_heap_destroy(heap);
  EXPECT_EQ(mi_heap_get_default(), mi_heap_main())
      << "destroying the default restores the main one";
  const Block block(mi_malloc(10));
  EXPECT_EQ(mi_heap_of(block.get()), mi_heap_main());
}

TEST(ManyHeaps, AThousandLiveSideBySide) {
  std::vector<mi_heap_t*> heaps;
  std::vector<unsigned char*> blocks;
  for (unsigned i = 0; i < 1000; ++i) {
    heaps.push_back(mi_heap_new());
    blocks.push_back(static_cast<unsigned char*>(opaque(mi_heap_malloc(heaps.back(), 100))));
    ASSERT_NE(blocks.back(), nullptr);
    fill(blocks.back(), 0, 100, i);
  }
  for (unsigned i = 0; i < 1000; ++i) {
    ASSERT_EQ(mi_heap_of(blocks[i]), heaps[i]);
    ASSERT_EQ(first_difference(blocks[i], 0, 100, i), 100u);
    if (i % 2 == 0) {
      mi_heap_destroy(heaps[i]);
    } else {
      mi_heap_delete(heaps[i]);
      ASSERT_EQ(mi_heap_of(blocks[i]), mi_heap_main());
      mi_free(blocks[i]);
    }
  }
}

TEST(ManyHeaps, ThreadsAllocateFromOneHeapWhileAnotherFreesItAndDeletesIt) {
  for (int round = 0; round < 20; ++round) {
    mi_heap_t* const heap = mi_heap_new();
    std::vector<std::vector<void*>> blocks(4);
    std::vector<std::thread> threads;
    for (auto& mine : blocks) {
      threads.emplace_back([&mine, heap] {
        for (std::size_t i = 0; i < 4000; ++i) {
          mine.push_back(opaque(mi_heap_malloc(heap, i % 300 + 8)));
          if (i % 3 == 0) {
            mi_free(mine.back());
            mine.pop_back();
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    threads.clear();
    // Blocks are freed by several threads while the heap is deleted.
    for (auto& mine : blocks) {
      threads.emplace_back([&mine] {
        for (void* const block : mine) mi_free(block);
      });
    }
    mi_heap_delete(heap);
    for (std::thread& thread : threads) thread.join();
  }
}

// What the header says of a heap's cost: 832 bytes, and for a thread that uses it 1,856 and a page.
TEST(HeapCost, AThousandHeapsAreSmall) {
  const auto committed = [] {
    std::size_t bytes = 0;
    mi_process_info(nullptr, nullptr, nullptr, nullptr, nullptr, &bytes, nullptr, nullptr);
    return bytes;
  };
  constexpr std::size_t kHeaps = 1000;
  constexpr std::size_t kSlice = 64 * 1024;
  std::vector<mi_heap_t*> heaps(kHeaps);
  const std::size_t before = committed();
  for (mi_heap_t*& heap : heaps) {
    heap = mi_heap_new();
  }
  EXPECT_LE(committed() - before, kHeaps * 832 + kSlice);
  for (mi_heap_t* const heap : heaps) {
    EXPECT_NE(mi_heap_malloc(heap, 100), nullptr);
  }
  EXPECT_LE(committed() - before, kHeaps * (832 + 1856 + kSlice) + 2 * kSlice);
  for (mi_heap_t* const heap : heaps) {
    mi_heap_destroy(heap);
  }
}

}  // namespace
