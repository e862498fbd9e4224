// The table against the public header: numbers are binary interface, defaults are documented.
#include "support/option_table.h"

#include <ctype.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "mimalloc.h"

namespace ashlar {
namespace {

TEST(OptionTable, EveryPublicNumberIsOurs) {
  struct Expected {
    int number;
    const char* name;
    long default_value;
  };
  const Expected expected[] = {
      {mi_option_show_errors, "show_errors", kActive.show_errors ? 1 : 0},
      {mi_option_show_stats, "show_stats", 0},
      {mi_option_verbose, "verbose", 0},
      {mi_option_eager_commit, "eager_commit", 1},
      {mi_option_arena_eager_commit, "arena_eager_commit", 2},
      {mi_option_purge_decommits, "purge_decommits", 1},
      {mi_option_allow_large_os_pages, "allow_large_os_pages", 0},
      {mi_option_reserve_huge_os_pages, "reserve_huge_os_pages", 0},
      {mi_option_reserve_huge_os_pages_at, "reserve_huge_os_pages_at", -1},
      {mi_option_reserve_os_memory, "reserve_os_memory", 0},
      {mi_option_deprecated_segment_cache, "deprecated_segment_cache", 0},
      {mi_option_deprecated_page_reset, "deprecated_page_reset", 0},
      {mi_option_abandoned_page_purge, "abandoned_page_purge", 0},
      {mi_option_deprecated_segment_reset, "deprecated_segment_reset", 0},
      {mi_option_eager_commit_delay, "eager_commit_delay", 1},
      {mi_option_purge_delay, "purge_delay", 10},
      {mi_option_use_numa_nodes, "use_numa_nodes", 0},
      {mi_option_limit_os_alloc, "limit_os_alloc", 0},
      {mi_option_os_tag, "os_tag", 100},
      {mi_option_max_errors, "max_errors", 16},
      {mi_option_max_warnings, "max_warnings", 16},
      {mi_option_max_segment_reclaim, "max_segment_reclaim", 8},
      {mi_option_destroy_on_exit, "destroy_on_exit", 0},
      {mi_option_arena_reserve, "arena_reserve", 1024 * 1024},
      {mi_option_arena_purge_mult, "arena_purge_mult", 10},
      {mi_option_purge_extend_delay, "purge_extend_delay", 1},
      {mi_option_disallow_arena_alloc, "disallow_arena_alloc", 0},
      {mi_option_retry_on_oom, "retry_on_oom", 400},
      {mi_option_visit_abandoned, "visit_abandoned", 0},
      {mi_option_guarded_min, "guarded_min", 0},
      {mi_option_guarded_max, "guarded_max", 1024 * 1024 * 1024},
      {mi_option_guarded_precise, "guarded_precise", 0},
      {mi_option_guarded_sample_rate, "guarded_sample_rate", 0},
      {mi_option_guarded_sample_seed, "guarded_sample_seed", 0},
      {mi_option_generic_collect, "generic_collect", 10000},
      {mi_option_page_reclaim_on_free, "page_reclaim_on_free", 0},
      {mi_option_page_full_retain, "page_full_retain", 2},
      {mi_option_page_max_candidates, "page_max_candidates", 4},
      {mi_option_max_vabits, "max_vabits", 0},
      {mi_option_pagemap_commit, "pagemap_commit", 0},
      {mi_option_page_commit_on_demand, "page_commit_on_demand", 0},
      {mi_option_page_max_reclaim, "page_max_reclaim", -1},
      {mi_option_page_cross_thread_max_reclaim, "page_cross_thread_max_reclaim", 16},
      {mi_option_allow_thp, "allow_thp", 1},
      {mi_option_minimal_purge_size, "minimal_purge_size", 0},
      {mi_option_arena_max_object_size, "arena_max_object_size", 2 * 1024 * 1024},
      {mi_option_arena_is_numa_local, "arena_is_numa_local", 0},
      {mi_option_soft_limit, "soft_limit", 0},
      {mi_option_hard_limit, "hard_limit", 0},
      {mi_option_limit_from_cgroup, "limit_from_cgroup", 0},
      {mi_option_purge_thread, "purge_thread", 1},
      {mi_option_hollow_pages, "hollow_pages", 1},
      {mi_option_guarded, "guarded", 0},
      {mi_option_guarded_pool, "guarded_pool", 1024},
      {mi_option_guard_pages, "guard_pages", kActive.guard_pages ? 1 : 0},
      {mi_option_zero_on_free, "zero_on_free", 0},
      {mi_option_quarantine, "quarantine", 0},
      {mi_option_show_leaks, "show_leaks", 0},
      {mi_option_tool_held_back, "tool_held_back", 32 * 1024},
      {mi_option_allocation_sites, "allocation_sites", 0},
  };
  int number = 0;
  for (const Expected& row : expected) {
    EXPECT_EQ(row.number, number) << row.name;
    EXPECT_STREQ(kOptionTable[static_cast<std::size_t>(number)].name, row.name);
    EXPECT_EQ(kOptionTable[static_cast<std::size_t>(number)].default_value, row.default_value)
        << row.name;
    ++number;
  }
  EXPECT_EQ(static_cast<std::size_t>(number), kOptionCount);
  EXPECT_EQ(static_cast<int>(_mi_option_last), number);
}

TEST(OptionTable, NamesSuitTheEnvironmentAndAreUnique) {
  std::set<std::string> names;
  for (const OptionRow& row : kOptionTable) {
    for (const char* name : {row.name, row.legacy_name}) {
      if (name == nullptr) {
        continue;
      }
      EXPECT_TRUE(names.insert(name).second) << name << " stands for two options";
      EXPECT_LT(std::string("MIMALLOC_").size() + std::string(name).size(), 64u) << name;
      for (const char* at = name; *at != '\0'; ++at) {
        EXPECT_TRUE(islower(*at) || *at == '_') << name;
      }
    }
  }
}

TEST(OptionTable, LegacyNames) {
  EXPECT_STREQ(option_row(Option::kArenaEagerCommit).legacy_name, "eager_region_commit");
  EXPECT_STREQ(option_row(Option::kPurgeDecommits).legacy_name, "reset_decommits");
  EXPECT_STREQ(option_row(Option::kAllowLargeOsPages).legacy_name, "large_os_pages");
  EXPECT_STREQ(option_row(Option::kAbandonedPagePurge).legacy_name, "abandoned_page_reset");
  EXPECT_STREQ(option_row(Option::kPurgeDelay).legacy_name, "reset_delay");
  EXPECT_STREQ(option_row(Option::kLimitOsAlloc).legacy_name, "disallow_os_alloc");
  EXPECT_STREQ(option_row(Option::kPurgeExtendDelay).legacy_name, "decommit_extend_delay");
}

TEST(OptionTable, RowsAreComplete) {
  for (const OptionRow& row : kOptionTable) {
    EXPECT_LE(row.min, 1) << row.name << ": an empty variable means 1";
    EXPECT_GE(row.max, 1) << row.name;
    EXPECT_GT(std::string(row.help).size(), 5u) << row.name;
    if (row.kind == OptionKind::kSize) {
      EXPECT_EQ(row.min, 0) << row.name;
      EXPECT_LE(static_cast<std::size_t>(row.max), kRequestMax / kKiB) << row.name;
    }
  }
}

TEST(OptionTable, NumbersFromOutsideAreChecked) {
  EXPECT_TRUE(is_option(0));
  EXPECT_TRUE(is_option(static_cast<int>(kOptionCount) - 1));
  EXPECT_TRUE(is_option(50));
  EXPECT_FALSE(is_option(static_cast<int>(kOptionCount)));
  EXPECT_FALSE(is_option(-1));
}

}  // namespace
}  // namespace ashlar
