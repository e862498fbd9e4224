// Options: their numbers, which are part of the binary interface, and getting and setting them.
// Defaults and the environment have a file of their own.
#include <gtest/gtest.h>

#include <utility>

#include "api_test_support.h"

namespace {

using namespace api_test;

// Puts an option back as it was.
class Restore {
 public:
  explicit Restore(mi_option_t option) : option_(option), value_(mi_option_get(option)) {}
  ~Restore() { mi_option_set(option_, value_); }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  mi_option_t option_;
  long value_;
};

TEST(Options, NumbersNeverChange) {
  const std::pair<int, int> numbers[] = {
      {mi_option_show_errors, 0},
      {mi_option_show_stats, 1},
      {mi_option_verbose, 2},
      {mi_option_eager_commit, 3},
      {mi_option_deprecated_eager_commit, 3},
      {mi_option_arena_eager_commit, 4},
      {mi_option_eager_region_commit, 4},
      {mi_option_purge_decommits, 5},
      {mi_option_reset_decommits, 5},
      {mi_option_allow_large_os_pages, 6},
      {mi_option_large_os_pages, 6},
      {mi_option_reserve_huge_os_pages, 7},
      {mi_option_reserve_huge_os_pages_at, 8},
      {mi_option_reserve_os_memory, 9},
      {mi_option_deprecated_segment_cache, 10},
      {mi_option_deprecated_page_reset, 11},
      {mi_option_abandoned_page_purge, 12},
      {mi_option_deprecated_segment_reset, 13},
      {mi_option_eager_commit_delay, 14},
      {mi_option_purge_delay, 15},
      {mi_option_reset_delay, 15},
      {mi_option_use_numa_nodes, 16},
      {mi_option_limit_os_alloc, 17},
      {mi_option_disallow_os_alloc, 17},
      {mi_option_os_tag, 18},
      {mi_option_max_errors, 19},
      {mi_option_max_warnings, 20},
      {mi_option_max_segment_reclaim, 21},
      {mi_option_destroy_on_exit, 22},
      {mi_option_arena_reserve, 23},
      {mi_option_arena_purge_mult, 24},
      {mi_option_purge_extend_delay, 25},
      {mi_option_disallow_arena_alloc, 26},
      {mi_option_retry_on_oom, 27},
      {mi_option_visit_abandoned, 28},
      {mi_option_guarded_min, 29},
      {mi_option_guarded_max, 30},
      {mi_option_guarded_precise, 31},
      {mi_option_guarded_sample_rate, 32},
      {mi_option_guarded_sample_seed, 33},
      {mi_option_generic_collect, 34},
      {mi_option_page_reclaim_on_free, 35},
      {mi_option_page_full_retain, 36},
      {mi_option_page_max_candidates, 37},
      {mi_option_max_vabits, 38},
      {mi_option_pagemap_commit, 39},
      {mi_option_page_commit_on_demand, 40},
      {mi_option_page_max_reclaim, 41},
      {mi_option_page_cross_thread_max_reclaim, 42},
      {mi_option_allow_thp, 43},
      {mi_option_minimal_purge_size, 44},
      {mi_option_arena_max_object_size, 45},
      {mi_option_arena_is_numa_local, 46},
      {mi_option_soft_limit, 47},
      {mi_option_hard_limit, 48},
      {mi_option_limit_from_cgroup, 49},
  };
  for (const auto& [option, number] : numbers) EXPECT_EQ(option, number);
  EXPECT_GE(_mi_option_last, 47);
}

TEST(Options, GetAndSet) {
  const mi_option_t option = mi_option_purge_delay;
  const Restore restore(option);
  for (const long value : {0L, 1L, 250L, -1L}) {
    mi_option_set(option, value);
    EXPECT_EQ(mi_option_get(option), value);
    EXPECT_EQ(mi_option_is_enabled(option), value != 0);
  }
}

TEST(Options, EnableAndDisable) {
  const mi_option_t option = mi_option_show_stats;
  const Restore restore(option);
  mi_option_enable(option);
  EXPECT_TRUE(mi_option_is_enabled(option));
  EXPECT_EQ(mi_option_get(option), 1);
  mi_option_disable(option);
  EXPECT_FALSE(mi_option_is_enabled(option));
  EXPECT_EQ(mi_option_get(option), 0);
  mi_option_set_enabled(option, true);
  EXPECT_TRUE(mi_option_is_enabled(option));
  mi_option_set_enabled(option, false);
  EXPECT_FALSE(mi_option_is_enabled(option));
}

TEST(Options, Clamp) {
  const mi_option_t option = mi_option_max_warnings;
  const Restore restore(option);
  mi_option_set(option, 50);
  EXPECT_EQ(mi_option_get_clamp(option, 0, 100), 50);
  EXPECT_EQ(mi_option_get_clamp(option, 0, 10), 10);
  EXPECT_EQ(mi_option_get_clamp(option, 70, 100), 70);
}

TEST(Options, SizesAreKibibytesInGetAndSetAndBytesInGetSize) {
  for (const mi_option_t option : {mi_option_arena_reserve, mi_option_reserve_os_memory}) {
    const Restore restore(option);
    mi_option_set(option, 2048);
    EXPECT_EQ(mi_option_get(option), 2048);
    EXPECT_EQ(mi_option_get_size(option), 2 * kMiB);
  }
  const mi_option_t count = mi_option_max_warnings;
  const Restore restore(count);
  mi_option_set(count, 7);
  EXPECT_EQ(mi_option_get_size(count), 7u);
  mi_option_set(count, -7);
  EXPECT_EQ(mi_option_get_size(count), 0u);
}

TEST(Options, ADefaultDoesNotOverrideWhatWasSet) {
  const mi_option_t option = mi_option_arena_purge_mult;
  const Restore restore(option);
  mi_option_set(option, 33);
  mi_option_set_default(option, 44);
  EXPECT_EQ(mi_option_get(option), 33);
  mi_option_set_enabled_default(option, false);
  EXPECT_EQ(mi_option_get(option), 33);
}

TEST(Options, NumbersThatAreNoOptionReadAsZeroAndAreIgnored) {
  // Within the range of the enumeration's type, beyond the last option.
  const auto beyond = static_cast<mi_option_t>(_mi_option_last);
  mi_option_set(beyond, 5);
  mi_option_enable(beyond);
  EXPECT_EQ(mi_option_get(beyond), 0);
  EXPECT_FALSE(mi_option_is_enabled(beyond));
  EXPECT_EQ(mi_option_get_size(beyond), 0u);
}

}  // namespace
