// Statistics: who is answered, exact counts of what threads did with a heap, and the texts.
#include <gtest/gtest.h>
#include <mimalloc-stats.h>
#include <stdio.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "api_test_support.h"

extern "C" {
std::int64_t live_bytes_as_c_reads_them(void);
char* statistics_json_as_c_reads_it(mi_heap_t* heap);
}

namespace {

using namespace api_test;
using nlohmann::json;

struct DestroyHeap {
  void operator()(mi_heap_t* heap) const { mi_heap_destroy(heap); }
};
using HeapHandle = std::unique_ptr<mi_heap_t, DestroyHeap>;
using Text = std::unique_ptr<char, Free>;

mi_stats_t stats_of_process() {
  mi_stats_t stats;
  mi_stats_init(&stats);
  EXPECT_TRUE(mi_stats_get(&stats));
  return stats;
}

mi_stats_t stats_of(mi_heap_t* heap) {
  mi_stats_t stats;
  mi_stats_init(&stats);
  EXPECT_TRUE(mi_heap_stats_get(heap, &stats));
  return stats;
}

// The bin of the blocks that requests of `size` bytes get; the huge one where no class is as large.
std::size_t bin_for(std::size_t size) {
  std::size_t bin = 0;
  const std::size_t block = size == kMaxSize ? size : size + kPadding;
  while (mi_stats_get_bin_size(bin) != 0 && mi_stats_get_bin_size(bin) < block) ++bin;
  return bin;
}

// Nothing but these tests uses blocks of this size.
constexpr std::size_t kRareSize = 20000;

std::int64_t as_count(std::size_t number) { return static_cast<std::int64_t>(number); }

TEST(Stats, ASizeOrVersionOfAnotherLibraryGetsNothing) {
  const HeapHandle heap(mi_heap_new());
  for (const bool wrong_size : {false, true}) {
    mi_stats_t stats;
    std::memset(&stats, 0x5a, sizeof stats);
    stats.size = wrong_size ? sizeof stats - 8 : sizeof stats;
    stats.version = wrong_size ? MI_STAT_VERSION : MI_STAT_VERSION + 1;
    const mi_stats_t before = stats;
    EXPECT_FALSE(mi_stats_get(&stats));
    EXPECT_FALSE(mi_heap_stats_get(heap.get(), &stats));
    EXPECT_FALSE(mi_subproc_stats_get(mi_subproc_main(), &stats));
    EXPECT_FALSE(mi_subproc_stats_get_exclusive(mi_subproc_main(), &stats));
    EXPECT_EQ(mi_stats_as_json(&stats, 0, nullptr), nullptr);
    EXPECT_EQ(std::memcmp(&stats, &before, sizeof stats), 0);
  }
}

TEST(Stats, WhatIsNotThereIsRefused) {
  mi_stats_t stats;
  mi_stats_init(&stats);
  char text[16] = "as it was";
  EXPECT_FALSE(mi_stats_get(nullptr));
  EXPECT_FALSE(mi_heap_stats_get(nullptr, &stats));
  EXPECT_FALSE(mi_subproc_stats_get({nullptr}, &stats));
  EXPECT_FALSE(mi_subproc_stats_get_exclusive({nullptr}, &stats));
  EXPECT_EQ(mi_heap_stats_get_json(nullptr, sizeof text, text), nullptr);
  EXPECT_EQ(mi_subproc_stats_get_json({nullptr}, sizeof text, text), nullptr);
  EXPECT_EQ(mi_stats_as_json(nullptr, sizeof text, text), nullptr);
  EXPECT_STREQ(text, "as it was");
  std::vector<std::string> lines;
  mi_heap_stats_print_out(nullptr, keep_line, &lines);
  mi_subproc_stats_print_out({nullptr}, keep_line, &lines);
  mi_subproc_heap_stats_print_out({nullptr}, keep_line, &lines);
  mi_heap_stats_merge_to_subproc(nullptr);
  EXPECT_TRUE(lines.empty());
}

TEST(Stats, BinSizesGrowAndEndWithTheHugeBin) {
  std::size_t bin = 0;
  for (std::size_t size = 0; mi_stats_get_bin_size(bin) != 0; ++bin) {
    EXPECT_GT(mi_stats_get_bin_size(bin), size);
    size = mi_stats_get_bin_size(bin);
  }
  EXPECT_EQ(mi_stats_get_bin_size(0), sizeof(void*));
  EXPECT_LT(bin, std::size_t{MI_STAT_BIN_COUNT}) << "one is left for huge blocks";
  for (const std::size_t beyond : {bin, std::size_t{73}, std::size_t{74}, kMaxSize}) {
    EXPECT_EQ(mi_stats_get_bin_size(beyond), 0U);
  }
  const Block block(mi_malloc(kRareSize));
  EXPECT_EQ(mi_stats_get_bin_size(bin_for(kRareSize)), block_bytes(kRareSize));
}

// Several threads allocate, and free what others allocated; all of it is counted, and once.
TEST(Stats, CountsOfAHeapAreExactAcrossThreads) {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kMade = 3000;
  constexpr std::size_t kFreed = 1000;
  constexpr std::size_t kSize = 100;
  const HeapHandle heap(mi_heap_new());
  std::vector<std::vector<void*>> blocks(kThreads, std::vector<void*>(kMade));
  const auto in_threads = [](auto work) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
    for (std::thread& thread : threads) thread.join();
  };
  in_threads([&](std::size_t me) {
    for (void*& block : blocks[me]) block = mi_heap_malloc(heap.get(), kSize);
  });
  in_threads([&](std::size_t me) {
    std::vector<void*>& others = blocks[(me + 1) % kThreads];
    for (std::size_t i = 0; i < kFreed; ++i) mi_free(others[i]);
  });

  const std::size_t bin = bin_for(kSize);
  const auto block_size = as_count(mi_stats_get_bin_size(bin));
  const mi_stats_t stats = stats_of(heap.get());
  EXPECT_EQ(stats.malloc_bins[bin].total, as_count(kThreads * kMade));
  EXPECT_EQ(stats.malloc_bins[bin].current, as_count(kThreads * (kMade - kFreed)));
  EXPECT_GE(stats.malloc_bins[bin].peak, stats.malloc_bins[bin].current);
  EXPECT_EQ(stats.malloc_normal_count.total, as_count(kThreads * kMade));
  EXPECT_EQ(stats.malloc_normal.total, as_count(kThreads * kMade) * block_size);
  EXPECT_EQ(stats.malloc_normal.current, as_count(kThreads * (kMade - kFreed)) * block_size);
  EXPECT_EQ(stats.malloc_huge_count.total, 0);
  for (std::size_t other = 0; other < MI_STAT_BIN_COUNT; ++other) {
    if (other != bin) {
      EXPECT_EQ(stats.malloc_bins[other].total, 0) << other;
    }
  }
}

TEST(Stats, CountsOfTheProcessAreExactAcrossThreads) {
  constexpr int kThreads = 3;
  constexpr int kMade = 200;
  constexpr int kFreed = 150;
  const std::size_t bin = bin_for(kRareSize);
  const mi_stats_t before = stats_of_process();
  std::vector<std::vector<Block>> blocks(kThreads);
  std::vector<std::thread> threads;
  for (std::vector<Block>& mine : blocks) {
    threads.emplace_back([&mine] {
      for (int i = 0; i < kMade; ++i) mine.emplace_back(mi_malloc(kRareSize));
      mine.erase(mine.begin(), mine.begin() + kFreed);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const mi_stats_t with = stats_of_process();
  EXPECT_EQ(with.malloc_bins[bin].total - before.malloc_bins[bin].total, kThreads * kMade);
  EXPECT_EQ(with.malloc_bins[bin].current - before.malloc_bins[bin].current,
            kThreads * (kMade - kFreed));
  blocks.clear();
  const mi_stats_t after = stats_of_process();
  EXPECT_EQ(after.malloc_bins[bin].current, before.malloc_bins[bin].current);
  EXPECT_EQ(after.malloc_bins[bin].total, with.malloc_bins[bin].total);
}

TEST(Stats, HeapsAreCountedByThemselves) {
  const HeapHandle one(mi_heap_new());
  const HeapHandle two(mi_heap_new());
  const Block in_one(mi_heap_malloc(one.get(), kRareSize));
  const Block first_in_two(mi_heap_malloc(two.get(), 48));
  const Block second_in_two(mi_heap_malloc(two.get(), 48));
  EXPECT_EQ(stats_of(one.get()).malloc_normal_count.total, 1);
  EXPECT_EQ(stats_of(one.get()).malloc_bins[bin_for(kRareSize)].current, 1);
  EXPECT_EQ(stats_of(two.get()).malloc_normal_count.total, 2);
  EXPECT_EQ(stats_of(two.get()).malloc_bins[bin_for(48)].current, 2);
  EXPECT_EQ(stats_of(two.get()).malloc_bins[bin_for(kRareSize)].total, 0);
}

TEST(Stats, HugeBlocksHaveABinOfTheirOwn) {
  const HeapHandle heap(mi_heap_new());
  Block block(mi_heap_malloc(heap.get(), 3 * kMiB));
  const auto size = as_count(block_bytes(3 * kMiB));
  const std::size_t huge = bin_for(kMaxSize);
  const mi_stats_t with = stats_of(heap.get());
  EXPECT_EQ(with.malloc_huge_count.total, 1);
  EXPECT_EQ(with.malloc_huge.current, size);
  EXPECT_EQ(with.malloc_bins[huge].current, 1);
  EXPECT_EQ(with.malloc_normal_count.total, 0);
  block = Block(nullptr);
  const mi_stats_t without = stats_of(heap.get());
  EXPECT_EQ(without.malloc_huge.current, 0);
  EXPECT_EQ(without.malloc_huge.total, size);
  EXPECT_EQ(without.malloc_bins[huge].current, 0);
}

// What a heap did stays part of the process's count, whatever becomes of the heap.
TEST(Stats, NothingIsForgottenWithAHeap) {
  const std::size_t bin = bin_for(kRareSize);
  const mi_stats_t before = stats_of_process();
  std::vector<Block> moved;
  for (const bool destroy : {false, true}) {
    HeapHandle heap(mi_heap_new());
    for (int i = 0; i < 10; ++i) {
      void* const block = mi_heap_malloc(heap.get(), kRareSize);
      if (!destroy) moved.emplace_back(block);
    }
    if (!destroy) mi_heap_delete(heap.release());
  }
  const mi_stats_t after = stats_of_process();
  EXPECT_EQ(after.malloc_bins[bin].total - before.malloc_bins[bin].total, 20);
  EXPECT_EQ(after.malloc_bins[bin].current - before.malloc_bins[bin].current, 10);
}

TEST(Stats, MergingAHeapMovesItsCountToItsRealm) {
  const HeapHandle heap(mi_heap_new());
  const std::size_t bin = bin_for(kRareSize);
  for (int i = 0; i < 7; ++i) mi_free(mi_heap_malloc(heap.get(), kRareSize));
  const auto exclusive_total = [bin] {
    mi_stats_t stats;
    mi_stats_init(&stats);
    EXPECT_TRUE(mi_subproc_stats_get_exclusive(mi_subproc_current(), &stats));
    return stats.malloc_bins[bin].total;
  };
  const std::int64_t all_before = stats_of_process().malloc_bins[bin].total;
  const std::int64_t exclusive_before = exclusive_total();
  EXPECT_EQ(stats_of(heap.get()).malloc_bins[bin].total, 7);
  mi_heap_stats_merge_to_subproc(heap.get());
  EXPECT_EQ(stats_of(heap.get()).malloc_bins[bin].total, 0);
  EXPECT_EQ(exclusive_total(), exclusive_before + 7);
  EXPECT_EQ(stats_of_process().malloc_bins[bin].total, all_before);
}

TEST(Stats, ResetStartsTotalsAnew) {
  const std::size_t bin = bin_for(kRareSize);
  mi_free(opaque(mi_malloc(kRareSize)));
  EXPECT_GT(stats_of_process().malloc_bins[bin].total, 0);
  mi_stats_reset();
  EXPECT_EQ(stats_of_process().malloc_bins[bin].total, 0);
  for (int i = 0; i < 5; ++i) mi_free(opaque(mi_malloc(kRareSize)));
  mi_stats_merge();
  EXPECT_EQ(stats_of_process().malloc_bins[bin].total, 5);
  EXPECT_EQ(stats_of_process().malloc_bins[bin].current, 0);
}

TEST(Stats, JsonIsTheStructure) {
  mi_stats_t stats = stats_of_process();
  const Text text(mi_stats_as_json(&stats, 0, nullptr));
  ASSERT_NE(text, nullptr);
  const json parsed = json::parse(text.get());
  EXPECT_EQ(parsed["version"], MI_STAT_VERSION);
  EXPECT_EQ(parsed["malloc_normal"]["total"], stats.malloc_normal.total);
  EXPECT_EQ(parsed["malloc_normal"]["peak"], stats.malloc_normal.peak);
  EXPECT_EQ(parsed["malloc_normal"]["current"], stats.malloc_normal.current);
  EXPECT_EQ(parsed["mmap_calls"], stats.mmap_calls.total);
  const std::size_t bin = bin_for(64);
  EXPECT_EQ(parsed["malloc_bins"][bin]["size"], block_bytes(64));
  EXPECT_EQ(parsed["malloc_bins"][bin]["total"], stats.malloc_bins[bin].total);
}

TEST(Stats, JsonFromCIsOfTheProcessOrAHeap) {
  EXPECT_GT(live_bytes_as_c_reads_them(), 0);
  const HeapHandle heap(mi_heap_new());
  const Block block(mi_heap_malloc(heap.get(), kRareSize));
  const Text of_process(statistics_json_as_c_reads_it(nullptr));
  const Text of_heap(statistics_json_as_c_reads_it(heap.get()));
  ASSERT_NE(of_process, nullptr);
  ASSERT_NE(of_heap, nullptr);
  EXPECT_GE(json::parse(of_process.get())["heaps"]["current"], 2);
  EXPECT_EQ(json::parse(of_heap.get())["malloc_normal_count"], 1);
}

// Every text function, for a buffer that is too small, one that is not, and none.
TEST(Stats, TextsAreWholeOrNotThere) {
  mi_heap_t* const heap = mi_heap_main();
  mi_stats_t stats = stats_of_process();
  const auto check = [](const char* name, const char* part, auto get) {
    std::vector<char> buffer(32 * kKiB, '\x5a');
    for (const std::size_t size : {0U, 1U, 2U, 1000U, 4000U}) {
      EXPECT_EQ(get(size, buffer.data()), nullptr) << name << ' ' << size;
      EXPECT_EQ(std::count(buffer.begin(), buffer.end(), '\x5a'), as_count(buffer.size())) << name;
    }
    ASSERT_EQ(get(buffer.size(), buffer.data()), buffer.data()) << name;
    EXPECT_NE(std::string(buffer.data()).find(part), std::string::npos) << name;
    const Text allocated(get(0, nullptr));
    ASSERT_NE(allocated, nullptr) << name;
    EXPECT_NE(std::string(allocated.get()).find(part), std::string::npos) << name;
  };
  check("process", "\"malloc_normal\":", mi_stats_get_json);
  check("heap", "\"malloc_normal\":", [heap](std::size_t size, char* buffer) {
    return mi_heap_stats_get_json(heap, size, buffer);
  });
  check("realm", "\"malloc_normal\":", [](std::size_t size, char* buffer) {
    return mi_subproc_stats_get_json(mi_subproc_main(), size, buffer);
  });
  check("structure", "\"malloc_normal\":", [&stats](std::size_t size, char* buffer) {
    return mi_stats_as_json(&stats, size, buffer);
  });
  check("prometheus", "\nashlar_malloc_normal_current_bytes ", ashlar_stats_prometheus);
}

std::size_t count_tables(const std::vector<std::string>& lines) {
  return static_cast<std::size_t>(std::count_if(
      lines.begin(), lines.end(),
      [](const std::string& line) { return line.find("ashlar: statistics of ") == 0; }));
}

TEST(Stats, TablesComeLineByLine) {
  std::vector<std::string> lines;
  lines.reserve(1000);
  mi_stats_print_out(keep_line, &lines);
  EXPECT_EQ(count_tables(lines), 1U);
  EXPECT_EQ(lines.back().find("ashlar: page faults"), 0U) << "the process's figures come last";
  for (const std::string& line : lines) {
    EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
  }
  mi_thread_stats_print_out(keep_line, &lines);
  mi_heap_stats_print_out(mi_heap_main(), keep_line, &lines);
  mi_subproc_stats_print_out(mi_subproc_main(), keep_line, &lines);
  EXPECT_EQ(count_tables(lines), 4U);
  EXPECT_EQ(count_tables(lines_sent_by([] { mi_stats_print_out(nullptr, nullptr); })), 1U);
}

TEST(Stats, EachHeapOfARealmHasATable) {
  const HeapHandle heap(mi_heap_new());
  const mi_stats_t stats = stats_of_process();
  std::vector<std::string> lines;
  lines.reserve(1000);
  mi_subproc_heap_stats_print_out(mi_subproc_current(), keep_line, &lines);
  EXPECT_EQ(as_count(count_tables(lines)), stats.heaps.current);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "ashlar: statistics of the main heap\n"), 1);
}

std::vector<std::string> lines_without_argument;

TEST(Stats, PrintTakesAFunctionOrAStream) {
  EXPECT_EQ(count_tables(lines_sent_by([] { mi_stats_print(nullptr); })), 1U);

  lines_without_argument.clear();
  mi_output_fun* const keep = [](const char* line, void* arg) {
    EXPECT_EQ(arg, nullptr);
    lines_without_argument.emplace_back(line);
  };
  mi_stats_print(reinterpret_cast<void*>(keep));
  EXPECT_EQ(count_tables(lines_without_argument), 1U);

  testing::internal::CaptureStdout();
  mi_stats_print(stdout);
  EXPECT_EQ(testing::internal::GetCapturedStdout().find("ashlar: statistics of "), 0U);
  testing::internal::CaptureStderr();
  mi_stats_print(stderr);
  EXPECT_EQ(testing::internal::GetCapturedStderr().find("ashlar: statistics of "), 0U);
}

}  // namespace
