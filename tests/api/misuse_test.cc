// Handles and names that are wrong, and functions of the program's that call the library from where
// the library called them. That misuse ends the program in profiles that say so is tests/misuse's.
#include <gtest/gtest.h>
#include <mimalloc-stats.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "api_test_support.h"
#include "heap_calls.h"

namespace {

using namespace api_test;

// All of them, and those whose blocks have a page of their own.
const std::vector<HeapCall>& allocations() {
  static const std::vector<HeapCall> all = [] {
    std::vector<HeapCall> calls = heap_calls();
    calls.push_back({"malloc large", [](mi_heap_t* h) { return mi_heap_malloc(h, 3 * kMiB); }});
    calls.push_back({"malloc_aligned far",
                     [](mi_heap_t* h) { return mi_heap_malloc_aligned(h, 100, 8 * kMiB); }});
    return calls;
  }();
  return all;
}

TEST(NullHeap, IsTheDefaultHeapInEveryAllocation) {
  mi_heap_t* const heap = mi_heap_new();
  const auto allocate_everything = [heap] {
    for (const HeapCall& call : allocations()) {
      const Block in_main(call.allocate(opaque<mi_heap_t*>(nullptr)));
      EXPECT_EQ(mi_heap_of(in_main.get()), mi_heap_main()) << call.name;
    }
    mi_heap_set_default(heap);
    for (const HeapCall& call : allocations()) {
      const Block in_heap(call.allocate(opaque<mi_heap_t*>(nullptr)));
      EXPECT_EQ(mi_heap_of(in_heap.get()), heap) << call.name;
    }
    mi_heap_collect(nullptr, false);
    mi_heap_set_default(mi_heap_main());
  };
  allocate_everything();
  std::thread(allocate_everything).join();
  // As the first thing that a thread does.
  for (const HeapCall& call : allocations()) {
    std::thread([&] {
      EXPECT_TRUE(Block(call.allocate(opaque<mi_heap_t*>(nullptr)))) << call.name;
    }).join();
  }
  std::thread([] { mi_heap_collect(nullptr, true); }).join();
  mi_heap_delete(heap);
}

bool see_nothing(const mi_heap_t*, const mi_heap_area_t*, void*, std::size_t, void*) {
  ADD_FAILURE() << "visited";
  return true;
}

TEST(NullHeap, IsNoHeapInQuestionsAndIsLeftAlone) {
  const ErrorRecorder errors;
  const Block block(mi_malloc(100));
  EXPECT_FALSE(mi_heap_contains(nullptr, block.get()));
  EXPECT_FALSE(mi_heap_contains_block(nullptr, block.get()));
  EXPECT_FALSE(mi_heap_check_owned(nullptr, block.get()));
  EXPECT_FALSE(mi_heap_visit_blocks(nullptr, true, see_nothing, nullptr));
  EXPECT_FALSE(mi_heap_visit_abandoned_blocks(nullptr, true, see_nothing, nullptr));
  EXPECT_EQ(mi_heap_set_default(nullptr), nullptr);
  EXPECT_EQ(mi_heap_get_default(), mi_heap_main());
  EXPECT_EQ(mi_heap_theap(nullptr), nullptr);
  mi_heap_delete(nullptr);
  mi_heap_destroy(nullptr);
}

class DeletedHeap : public ::testing::TestWithParam<void (*)(mi_heap_t*)> {
 protected:
  // A handle whose heap is gone. Nothing makes a heap meanwhile, which could get the same one.
  static mi_heap_t* gone() {
    mi_heap_t* const heap = mi_heap_new();
    mi_free(mi_heap_malloc(heap, 100));
    GetParam()(heap);
    return heap;
  }

  void expect_reported(const char* name) {
    const std::vector<int> heard = errors_.take();
    EXPECT_FALSE(heard.empty()) << name;
    for (const int code : heard) EXPECT_EQ(code, EINVAL) << name;
  }

  ErrorRecorder errors_;
};

INSTANTIATE_TEST_SUITE_P(Misuse, DeletedHeap, ::testing::Values(mi_heap_delete, mi_heap_destroy));

TEST_P(DeletedHeap, GivesNoBlock) {
  mi_heap_t* const heap = gone();
  for (const HeapCall& call : allocations()) {
    errno = 0;
    void* p = nullptr;
    try {
      p = opaque(call.allocate(heap));
    } catch (const std::bad_alloc&) {
      EXPECT_EQ(std::string(call.name).find("alloc_new"), 0u) << call.name;
    }
    EXPECT_EQ(p, nullptr) << call.name;
    if (std::string(call.name) != "alloc_new_n" && std::string(call.name) != "alloc_new") {
      EXPECT_EQ(errno, EINVAL) << call.name;
    }
    expect_reported(call.name);
  }
  std::thread([&] {
    EXPECT_EQ(opaque(mi_heap_malloc(heap, 10)), nullptr);
    expect_reported("malloc in another thread");
  }).join();
  EXPECT_TRUE(Block(mi_malloc(100)));
}

TEST_P(DeletedHeap, LeavesBlocksThatAreToGrowAlone) {
  mi_heap_t* const heap = gone();
  const Block block(mi_malloc(100));
  fill(block.get(), 0, 100, 1);
  EXPECT_EQ(opaque(mi_heap_realloc(heap, block.get(), 1000)), nullptr);
  expect_reported("realloc");
  EXPECT_EQ(first_difference(block.get(), 0, 100, 1), 100u);
}

TEST_P(DeletedHeap, IsNotEndedTwice) {
  mi_heap_t* const other = mi_heap_new();
  mi_heap_t* const heap = gone();
  mi_heap_delete(heap);
  expect_reported("delete");
  mi_heap_destroy(heap);
  expect_reported("destroy");
  const Block block(mi_heap_malloc(other, 100));
  EXPECT_TRUE(mi_heap_contains_block(other, block.get()));
  mi_heap_delete(other);
  mi_heap_t* const fresh = mi_heap_new();
  EXPECT_TRUE(Block(mi_heap_malloc(fresh, 100)));
  mi_heap_delete(fresh);
}

TEST_P(DeletedHeap, IsRefusedByEverythingElse) {
  mi_heap_t* const heap = gone();
  EXPECT_EQ(mi_heap_set_default(heap), nullptr);
  expect_reported("set_default");
  EXPECT_EQ(mi_heap_theap(heap), nullptr);
  expect_reported("theap");
  EXPECT_FALSE(mi_heap_visit_blocks(heap, true, see_nothing, nullptr));
  expect_reported("visit_blocks");
  EXPECT_FALSE(mi_heap_visit_abandoned_blocks(heap, true, see_nothing, nullptr));
  expect_reported("visit_abandoned_blocks");
  mi_heap_collect(heap, true);
  expect_reported("collect");
  mi_heap_set_numa_affinity(heap, 0);
  expect_reported("set_numa_affinity");
  mi_heap_guarded_set_size_bound(heap, 1, 2);
  expect_reported("guarded_set_size_bound");
  mi_stats_t stats{};
  stats.size = sizeof stats;
  stats.version = MI_STAT_VERSION;
  EXPECT_FALSE(mi_heap_stats_get(heap, &stats));
  expect_reported("stats_get");
  EXPECT_EQ(mi_heap_stats_get_json(heap, 0, nullptr), nullptr);
  expect_reported("stats_get_json");
  EXPECT_FALSE(mi_heap_contains(heap, heap)) << "only compared";
}

TEST_P(DeletedHeap, IsNamedInTheMessage) {
  mi_heap_t* const heap = gone();
  const long before = mi_option_get(mi_option_max_errors);
  const long shown = mi_option_get(mi_option_show_errors);
  mi_option_set(mi_option_max_errors, -1);
  mi_option_enable(mi_option_show_errors);
  const std::vector<std::string> lines =
      lines_sent_by([&] { EXPECT_EQ(opaque(mi_heap_malloc(heap, 10)), nullptr); });
  mi_option_set(mi_option_max_errors, before);
  mi_option_set(mi_option_show_errors, shown);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("error: mi_heap: deleted heap 0x"), std::string::npos) << lines[0];
}

#if defined(ASHLAR_PROFILE_SECURE) || defined(ASHLAR_PROFILE_DEBUG)
// Elsewhere the handle is read through.
TEST(NotAHeap, IsRefusedWithoutBeingReadThrough) {
  ErrorRecorder errors;
  int on_stack = 0;
  const Block block(mi_malloc(100));
  void* const handles[] = {&on_stack, block.get(), reinterpret_cast<void*>(std::uintptr_t{16}),
                           reinterpret_cast<void*>(~std::uintptr_t{7}), mi_theap_get_default()};
  for (void* const handle : handles) {
    auto* const heap = static_cast<mi_heap_t*>(handle);
    errno = 0;
    EXPECT_EQ(opaque(mi_heap_malloc(heap, 10)), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(opaque(mi_heap_malloc_aligned(heap, 10, 128)), nullptr);
    mi_heap_delete(heap);
    mi_heap_destroy(heap);
    EXPECT_EQ(mi_heap_set_default(heap), nullptr);
    EXPECT_FALSE(mi_heap_visit_blocks(heap, true, see_nothing, nullptr));
    const std::vector<int> heard = errors.take();
    EXPECT_EQ(heard, std::vector<int>(6, EINVAL));
  }
}
#endif

TEST(ArenaId, OutOfRangeNamesNoArena) {
  ErrorRecorder errors;
  const long shown = mi_option_get(mi_option_show_errors);
  mi_option_enable(mi_option_show_errors);
  for (const int id :
       {-1, -1000, 1 << 30, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()}) {
    const long before = mi_option_get(mi_option_max_warnings);
    mi_option_set(mi_option_max_warnings, -1);
    errno = 0;
    const std::vector<std::string> lines = lines_sent_by([id] {
      EXPECT_EQ(mi_heap_new_in_arena(id), nullptr);
      EXPECT_EQ(mi_heap_new_ex(0, true, id), nullptr);
    });
    mi_option_set(mi_option_max_warnings, before);
    EXPECT_EQ(errno, EINVAL);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_NE(lines[0].find(std::to_string(id) + " names no arena"), std::string::npos) << lines[0];
    std::size_t size = 1;
    EXPECT_EQ(mi_arena_area(id, &size), nullptr);
    EXPECT_EQ(size, 0u);
    EXPECT_FALSE(mi_arena_contains(id, &size));
  }
  EXPECT_TRUE(errors.take().empty()) << "a refusal, not misuse of memory";
  mi_option_set(mi_option_show_errors, shown);
}

// What a function of the program's may do from inside of the library.
void do_everything() {
  void* blocks[40] = {};
  for (std::size_t i = 0; i < 40; ++i) blocks[i] = opaque(mi_malloc(i * i * 40 + 1));
  blocks[0] = opaque(mi_realloc(blocks[0], 5000));
  mi_heap_t* const deleted = mi_heap_new();
  mi_heap_t* const destroyed = mi_heap_new();
  ASSERT_NE(deleted, nullptr);
  ASSERT_NE(destroyed, nullptr);
  void* const kept = opaque(mi_heap_malloc(deleted, 300));
  ASSERT_NE(opaque(mi_heap_zalloc(destroyed, 70 * kKiB)), nullptr);
  mi_heap_t* const before = mi_heap_set_default(destroyed);
  EXPECT_EQ(mi_heap_of(Block(mi_malloc(64)).get()), destroyed);
  mi_heap_set_default(before);
  mi_heap_delete(deleted);
  mi_heap_destroy(destroyed);
  mi_free(kept);
  for (void* const p : blocks) mi_free(p);
  mi_collect(false);
  std::thread([] { mi_free(opaque(mi_malloc(100))); }).join();
}

std::atomic<int> calls_inside{0};

TEST(Callback, DeferredFreeMayDoEverything) {
  calls_inside.store(0);
  mi_register_deferred_free(
      [](bool, unsigned long long heartbeat, void*) {
        if (heartbeat % 16 != 0) return;
        calls_inside.fetch_add(1);
        do_everything();
      },
      nullptr);
  std::vector<Block> blocks;
  for (int i = 0; i < 20000; ++i) blocks.emplace_back(mi_malloc(static_cast<std::size_t>(i) % 500));
  mi_collect(true);
  mi_register_deferred_free(nullptr, nullptr);
  EXPECT_GT(calls_inside.load(), 0);
  for (const Block& block : blocks) ASSERT_TRUE(mi_is_in_heap_region(block.get()));
}

// A thread is allocating from its default heap, in the middle of which its deferred free function
// waits until another thread has deleted that heap, and then allocates.
TEST(Callback, DeferredFreeMaySeeTheDefaultHeapDeleted) {
  static mi_heap_t* heap = nullptr;
  static bool deleted = false;
  for (int round = 0; round < 20; ++round) {
    heap = mi_heap_new();
    deleted = false;
    std::vector<Block> blocks;
    blocks.reserve(3000);
    std::thread([&blocks] {
      mi_heap_set_default(heap);
      mi_register_deferred_free(
          [](bool, unsigned long long, void*) {
            if (mi_heap_get_default() != heap || deleted) return;
            deleted = true;
            std::thread([] { mi_heap_delete(heap); }).join();
            for (const std::size_t size : {8u, 500u, 5000u, 200000u}) {
              mi_free(opaque(mi_malloc(size)));
            }
          },
          nullptr);
      for (std::size_t i = 0; i < 3000; ++i) {
        blocks.emplace_back(mi_malloc(i % 1000 + 8));
        fill(blocks.back().get(), 0, i % 1000 + 8, static_cast<unsigned>(i));
      }
      mi_register_deferred_free(nullptr, nullptr);
    }).join();
    EXPECT_TRUE(deleted);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      ASSERT_EQ(first_difference(blocks[i].get(), 0, i % 1000 + 8, static_cast<unsigned>(i)),
                i % 1000 + 8);
      ASSERT_EQ(mi_heap_of(blocks[i].get()), mi_heap_main());
    }
  }
}

TEST(Callback, OutputMayDoEverything) {
  calls_inside.store(0);
  mi_register_output(
      [](const char*, void*) {
        calls_inside.fetch_add(1);
        do_everything();
      },
      nullptr);
  mi_options_print();
  mi_arenas_print();
  mi_process_info_print();
  mi_register_output(nullptr, nullptr);
  EXPECT_GT(calls_inside.load(), 40);
}

TEST(Callback, ErrorMayDoEverything) {
  calls_inside.store(0);
  mi_register_error(
      [](int, void*) {
        calls_inside.fetch_add(1);
        do_everything();
      },
      nullptr);
  int on_stack = 0;
  EXPECT_EQ(opaque(mi_malloc(opaque(kMaxDifference + 1))), nullptr);  // EOVERFLOW
  EXPECT_EQ(opaque(mi_malloc(opaque(kMoreThanThereIs))), nullptr);    // ENOMEM
  mi_free(opaque<void*>(&on_stack));                                  // EINVAL
  mi_register_error(nullptr, nullptr);
  EXPECT_EQ(calls_inside.load(), 3);
}

TEST(Callback, VisitorMayDoEverythingButEndTheHeap) {
  mi_heap_t* const heap = mi_heap_new();
  for (const std::size_t size : {16u, 700u, 9000u, 200000u}) {
    for (int i = 0; i < 20; ++i) ASSERT_NE(opaque(mi_heap_malloc(heap, size)), nullptr);
  }
  calls_inside.store(0);
  EXPECT_TRUE(mi_heap_visit_blocks(
      heap, true,
      [](const mi_heap_t*, const mi_heap_area_t*, void* block, std::size_t, void*) {
        calls_inside.fetch_add(1);
        do_everything();
        mi_free(block);
        return true;
      },
      nullptr));
  EXPECT_GE(calls_inside.load(), 80);
  mi_heap_destroy(heap);
}

TEST(Callback, HeapVisitorMayDoEverythingAndEndTheHeap) {
  mi_heap_t* heaps[5] = {};
  for (mi_heap_t*& heap : heaps) heap = mi_heap_new_ex(77, true, 0);
  struct Seen {
    mi_heap_t* const* heaps;
    int count;
  } seen{heaps, 0};
  EXPECT_TRUE(mi_subproc_visit_heaps(
      mi_subproc_main(),
      [](mi_heap_t* heap, void* arg) {
        auto& all = *static_cast<Seen*>(arg);
        do_everything();
        if (std::find(all.heaps, all.heaps + 5, heap) != all.heaps + 5) {
          ++all.count;
          mi_heap_destroy(heap);
        }
        return true;
      },
      &seen));
  EXPECT_EQ(seen.count, 5);
}

}  // namespace
