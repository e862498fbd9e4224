// Thread heaps through the public header.
#include <gtest/gtest.h>
#include <mimalloc.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "api_test_support.h"

namespace {

using api_test::opaque;

// Debug and secure builds look whose a thread heap is.
bool looks_whose_it_is() {
  const char* const profile = std::getenv("ASHLAR_PROFILE");
  return profile != nullptr &&
         (std::strcmp(profile, "debug") == 0 || std::strcmp(profile, "secure") == 0);
}

bool all_zero(const void* block, std::size_t size) {
  const auto* const bytes = static_cast<const unsigned char*>(block);
  for (std::size_t i = 0; i < size; ++i) {
    if (bytes[i] != 0) {
      return false;
    }
  }
  return true;
}

TEST(ThreadHeaps, AreTheSameForAThreadAndAHeap) {
  mi_heap_t* const heap = mi_heap_new();
  mi_theap_t* const part = mi_heap_theap(heap);
  ASSERT_NE(part, nullptr);
  EXPECT_EQ(mi_heap_theap(heap), part);
  EXPECT_NE(mi_heap_theap(mi_heap_main()), part);
  EXPECT_EQ(mi_theap_get_default(), mi_heap_theap(mi_heap_main()));
  std::thread([&] { EXPECT_NE(mi_heap_theap(heap), part); }).join();
  EXPECT_EQ(mi_heap_theap(nullptr), nullptr);
  mi_heap_destroy(heap);
}

TEST(ThreadHeaps, AllocateFromTheirHeap) {
  mi_heap_t* const heap = mi_heap_new();
  mi_theap_t* const part = mi_heap_theap(heap);
  std::vector<void*> blocks;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100},
                                 std::size_t{1024}, std::size_t{5000}, std::size_t{100'000}}) {
    blocks.push_back(mi_theap_malloc(part, size));
    blocks.push_back(mi_theap_zalloc(part, size));
    EXPECT_TRUE(all_zero(blocks.back(), size));
    blocks.push_back(mi_theap_calloc(part, 3, size));
    EXPECT_TRUE(all_zero(blocks.back(), 3 * size));
    blocks.push_back(mi_theap_malloc_aligned(part, size, 256));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(blocks.back()) % 256, 0u);
  }
  blocks.push_back(mi_theap_malloc_small(part, 64));
  blocks.push_back(mi_theap_zalloc_small(part, 64));
  EXPECT_TRUE(all_zero(blocks.back(), 64));
  void* grown = mi_malloc(40);
  std::memset(grown, 5, 40);
  grown = mi_theap_realloc(part, grown, 4000);
  EXPECT_EQ(static_cast<char*>(grown)[39], 5);
  blocks.push_back(grown);
  for (void* const block : blocks) {
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(mi_heap_of(block), heap);
    mi_free(block);
  }
  mi_theap_collect(part, false);
  mi_theap_collect(part, true);
  mi_heap_delete(heap);
}

TEST(ThreadHeaps, NullIsTheDefaultOne) {
  void* const block = mi_theap_malloc(nullptr, 100);
  EXPECT_EQ(mi_heap_of(block), mi_heap_get_default());
  mi_free(block);
  mi_theap_collect(nullptr, false);
  EXPECT_EQ(mi_theap_set_default(nullptr), nullptr);
}

TEST(ThreadHeaps, TheDefaultOneServesMalloc) {
  mi_heap_t* const heap = mi_heap_new();
  mi_theap_t* const before = mi_theap_set_default(mi_heap_theap(heap));
  EXPECT_EQ(before, mi_heap_theap(mi_heap_main()));
  EXPECT_EQ(mi_theap_get_default(), mi_heap_theap(heap));
  void* const block = mi_malloc(100);
  EXPECT_EQ(mi_heap_of(block), heap);
  EXPECT_EQ(mi_theap_set_default(before), mi_heap_theap(heap));
  mi_free(block);
  mi_heap_delete(heap);
}

TEST(ThreadHeaps, FailuresAreThoseOfMalloc) {
  mi_theap_t* const part = mi_theap_get_default();
  errno = 0;
  EXPECT_EQ(mi_theap_malloc(part, opaque(SIZE_MAX)), nullptr);
  EXPECT_EQ(errno, ENOMEM);
  errno = 0;
  EXPECT_EQ(mi_theap_calloc(part, opaque(SIZE_MAX / 2), 3), nullptr);
  EXPECT_EQ(errno, ENOMEM);
}

TEST(ThreadHeaps, OfAnotherThreadAreRefusedWhereItIsChecked) {
  static int code = 0;
  code = 0;
  mi_register_error([](int error, void*) { code = error; }, nullptr);
  mi_theap_t* const mine = mi_theap_get_default();
  std::thread([mine] {
    EXPECT_EQ(mi_theap_set_default(mine), nullptr);
    EXPECT_EQ(code, EINVAL);
    if (looks_whose_it_is()) {
      code = 0;
      void* const block = mi_theap_malloc(mine, 10);
      EXPECT_EQ(code, EINVAL);
      EXPECT_EQ(mi_heap_of(block), mi_heap_main());
      mi_free(block);
    }
  }).join();
  mi_register_error(nullptr, nullptr);
}

struct Seen {
  std::multiset<void*> blocks{};
  std::size_t areas = 0;
  std::size_t used = 0;
  bool free_them = false;
  std::size_t stop_after = SIZE_MAX;
};

bool see(const mi_heap_t*, const mi_heap_area_t* area, void* block, std::size_t, void* arg) {
  Seen& seen = *static_cast<Seen*>(arg);
  if (block == nullptr) {
    ++seen.areas;
    seen.used += area->used;
    return true;
  }
  seen.blocks.insert(block);
  if (seen.free_them) {
    mi_free(block);
  }
  return seen.blocks.size() < seen.stop_after;
}

TEST(ThreadHeaps, AreVisitedByThemselves) {
  mi_heap_t* const heap = mi_heap_new();
  void* const mine = mi_heap_malloc(heap, 100);
  void* others = nullptr;
  std::thread([&] {
    others = mi_heap_malloc(heap, 100);
    Seen seen;
    EXPECT_TRUE(mi_theap_visit_blocks(mi_heap_theap(heap), true, see, &seen));
    EXPECT_EQ(seen.blocks, std::multiset<void*>{others});
  }).join();
  Seen seen;
  EXPECT_TRUE(mi_theap_visit_blocks(mi_heap_theap(heap), true, see, &seen));
  EXPECT_EQ(seen.blocks, std::multiset<void*>{mine});
  EXPECT_EQ(seen.used, 1u);
  EXPECT_FALSE(mi_theap_visit_blocks(nullptr, true, see, &seen));
  EXPECT_FALSE(mi_theap_visit_blocks(mi_heap_theap(heap), true, nullptr, nullptr));
  mi_heap_destroy(heap);
}

TEST(AbandonedBlocks, AreVisitedOnceEach) {
  mi_heap_t* const heap = mi_heap_new_ex(7, true, 0);
  void* const mine = mi_heap_malloc(heap, 100);
  std::multiset<void*> left;
  std::thread([&] {
    for (std::size_t i = 0; i < 3000; ++i) {
      void* const block = mi_heap_malloc(heap, 20 + i % 900);
      if (i % 3 == 0) {
        mi_free(block);
      } else {
        left.insert(block);
      }
    }
  }).join();
  Seen seen;
  EXPECT_TRUE(mi_heap_visit_abandoned_blocks(heap, true, see, &seen));
  EXPECT_EQ(seen.blocks, left);
  EXPECT_EQ(seen.used, left.size());
  EXPECT_EQ(seen.blocks.count(mine), 0u);
  Seen areas;
  EXPECT_TRUE(mi_heap_visit_abandoned_blocks(heap, false, see, &areas));
  EXPECT_EQ(areas.areas, seen.areas);
  EXPECT_TRUE(areas.blocks.empty());
  Seen tagged;
  EXPECT_TRUE(mi_abandoned_visit_blocks(mi_subproc_current(), 7, true, see, &tagged));
  EXPECT_EQ(tagged.blocks, left);
  Seen other_tag;
  EXPECT_TRUE(mi_abandoned_visit_blocks(mi_subproc_current(), 8, true, see, &other_tag));
  EXPECT_TRUE(other_tag.blocks.empty());
  Seen all;
  EXPECT_TRUE(mi_abandoned_visit_blocks(mi_subproc_current(), -1, true, see, &all));
  for (void* const block : left) {
    EXPECT_EQ(all.blocks.count(block), 1u);
  }
  Seen stopped{.stop_after = 5};
  EXPECT_FALSE(mi_heap_visit_abandoned_blocks(heap, true, see, &stopped));
  EXPECT_EQ(stopped.blocks.size(), 5u);
  Seen freed{.free_them = true};
  EXPECT_TRUE(mi_heap_visit_abandoned_blocks(heap, true, see, &freed));
  EXPECT_EQ(freed.blocks, left);
  Seen none;
  EXPECT_TRUE(mi_heap_visit_abandoned_blocks(heap, true, see, &none));
  EXPECT_TRUE(none.blocks.empty());
  EXPECT_FALSE(mi_heap_visit_abandoned_blocks(nullptr, true, see, &none));
  EXPECT_FALSE(mi_abandoned_visit_blocks(mi_subproc_id_t{nullptr}, -1, true, see, &none));
  mi_heap_destroy(heap);
}

TEST(AbandonedBlocks, AreVisitedWhileOthersFreeAndAdopt) {
  mi_heap_t* const heap = mi_heap_new();
  std::vector<void*> left;
  for (int i = 0; i < 4; ++i) {
    std::thread([&] {
      for (std::size_t k = 0; k < 4000; ++k) {
        left.push_back(mi_heap_malloc(heap, 64 + k % 300));
      }
    }).join();
  }
  std::thread freer([&] {
    for (std::size_t i = 0; i < left.size(); i += 2) {
      mi_free(left[i]);
    }
  });
  std::thread maker([&] {
    for (std::size_t i = 0; i < 20000; ++i) {
      mi_free(mi_heap_malloc(heap, 64 + i % 300));
    }
  });
  for (int i = 0; i < 50; ++i) {
    Seen seen;
    EXPECT_TRUE(mi_heap_visit_abandoned_blocks(heap, true, see, &seen));
    EXPECT_LE(seen.blocks.size(), left.size() + 1);
    Seen tagged;
    EXPECT_TRUE(mi_abandoned_visit_blocks(mi_subproc_current(), 0, true, see, &tagged));
    EXPECT_GE(tagged.areas, tagged.blocks.empty() ? 0u : 1u);
  }
  freer.join();
  maker.join();
  Seen after;
  EXPECT_TRUE(mi_heap_visit_blocks(heap, true, see, &after));
  EXPECT_EQ(after.blocks.size(), left.size() / 2);
  mi_heap_destroy(heap);
}

TEST(UnderUtilized, IsAPageThatHoldsLittleAndIsNotInUse) {
  mi_heap_t* const heap = mi_heap_new();
  std::vector<void*> blocks;
  for (int i = 0; i < 3000; ++i) {
    blocks.push_back(mi_heap_malloc(heap, 100));
  }
  EXPECT_FALSE(mi_unsafe_heap_page_is_under_utilized(heap, blocks[0], 50)) << "the page is full";
  for (std::size_t i = 1; i < 500; ++i) {
    mi_free(blocks[i]);
  }
  EXPECT_TRUE(mi_unsafe_heap_page_is_under_utilized(heap, blocks[0], 50));
  EXPECT_FALSE(mi_unsafe_heap_page_is_under_utilized(heap, blocks[0], 0));
  EXPECT_FALSE(mi_unsafe_heap_page_is_under_utilized(mi_heap_main(), blocks[0], 50));
  EXPECT_FALSE(mi_unsafe_heap_page_is_under_utilized(nullptr, blocks[0], 50));
  EXPECT_FALSE(mi_unsafe_heap_page_is_under_utilized(heap, nullptr, 50));
  EXPECT_FALSE(mi_unsafe_heap_page_is_under_utilized(heap, blocks.back(), 100)) << "in use";
  void* const huge = mi_heap_malloc(heap, 200'000);
  EXPECT_FALSE(mi_unsafe_heap_page_is_under_utilized(heap, huge, 100));
  mi_heap_destroy(heap);
}

TEST(Guards, MayBeAskedForByHeapAndThread) {
  mi_heap_guarded_set_sample_rate(nullptr, 0, 0);
  mi_heap_guarded_set_size_bound(nullptr, 0, 1024);
  mi_theap_guarded_set_sample_rate(nullptr, 0, 0);
  mi_theap_guarded_set_size_bound(mi_theap_get_default(), 0, 1024);
  void* const block = mi_malloc(100);
  EXPECT_NE(block, nullptr);
  mi_free(block);
}

}  // namespace
