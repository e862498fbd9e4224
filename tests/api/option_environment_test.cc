// Options in a fresh process: their defaults, and what the environment says to them. Each case
// starts the test program again, which prints its options and ends before any test.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>

#include "api_test_support.h"

namespace {

using namespace api_test;

constexpr const char* kEnvironmentChild = "ASHLAR_API_TEST_PRINT_OPTIONS";

// In a process that print_options() started: prints every option and ends, before any test.
const bool kIsEnvironmentChild = [] {
  if (getenv(kEnvironmentChild) == nullptr) return false;
  if (std::strcmp(getenv(kEnvironmentChild), "default") == 0) {
    mi_option_set_default(mi_option_max_warnings, 77);
    mi_option_set_enabled_default(mi_option_destroy_on_exit, true);
  }
  for (int option = 0; option < _mi_option_last; ++option) {
    std::printf("%d %ld %zu\n", option, mi_option_get(static_cast<mi_option_t>(option)),
                mi_option_get_size(static_cast<mi_option_t>(option)));
  }
  std::fflush(stdout);
  _exit(0);
}();

struct Value {
  long get = -12345;
  std::size_t get_size = 0;
};

// All options as a process sees them that has these variables and no other of ours.
std::vector<Value> print_options(
    const std::vector<std::pair<std::string, std::string>>& environment,
    const char* mode = "print") {
  int ends[2];
  std::vector<Value> values(_mi_option_last);
  if (kIsEnvironmentChild || pipe(ends) != 0) return values;
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    std::vector<std::string> unwanted;
    for (char** at = environ; *at != nullptr; ++at) {
      const std::string entry = *at;
      if (entry.rfind("ASHLAR_", 0) == 0 || entry.rfind("MIMALLOC_", 0) == 0) {
        unwanted.push_back(entry.substr(0, entry.find('=')));
      }
    }
    for (const std::string& name : unwanted) unsetenv(name.c_str());
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    setenv(kEnvironmentChild, mode, 1);
    execl("/proc/self/exe", "api_tests", static_cast<char*>(nullptr));
    _exit(127);
  }
  close(ends[1]);
  std::FILE* output = fdopen(ends[0], "r");
  std::size_t option = 0;
  Value value;
  while (std::fscanf(output, "%zu %ld %zu", &option, &value.get, &value.get_size) == 3) {
    if (option < values.size()) values[option] = value;
  }
  std::fclose(output);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  return values;
}

TEST(OptionDefaults, AreThoseOfTheTable) {
  const std::vector<Value> values = print_options({});
  const std::pair<int, long> table[] = {
      {mi_option_show_stats, 0},
      {mi_option_verbose, 0},
      {mi_option_eager_commit, 1},
      {mi_option_arena_eager_commit, 2},
      {mi_option_purge_decommits, 1},
      {mi_option_allow_large_os_pages, 0},
      {mi_option_reserve_huge_os_pages, 0},
      {mi_option_reserve_huge_os_pages_at, -1},
      {mi_option_reserve_os_memory, 0},
      {mi_option_deprecated_segment_cache, 0},
      {mi_option_deprecated_page_reset, 0},
      {mi_option_abandoned_page_purge, 0},
      {mi_option_deprecated_segment_reset, 0},
      {mi_option_eager_commit_delay, 1},
      {mi_option_purge_delay, 10},
      {mi_option_use_numa_nodes, 0},
      {mi_option_disallow_os_alloc, 0},
      {mi_option_os_tag, 100},
      {mi_option_max_errors, 16},
      {mi_option_max_warnings, 16},
      {mi_option_max_segment_reclaim, 8},
      {mi_option_destroy_on_exit, 0},
      {mi_option_arena_reserve, 1024 * 1024},
      {mi_option_arena_purge_mult, 10},
      {mi_option_purge_extend_delay, 1},
      {mi_option_disallow_arena_alloc, 0},
      {mi_option_retry_on_oom, 400},
      {mi_option_visit_abandoned, 0},
      {mi_option_guarded_min, 0},
      {mi_option_guarded_precise, 0},
      {mi_option_guarded_sample_rate, 0},
      {mi_option_guarded_sample_seed, 0},
      {mi_option_generic_collect, 10000},
      {mi_option_page_reclaim_on_free, 0},
      {mi_option_page_full_retain, 2},
      {mi_option_page_max_candidates, 4},
      {mi_option_max_vabits, 0},
      {mi_option_pagemap_commit, 0},
      {mi_option_page_commit_on_demand, 0},
      {mi_option_page_max_reclaim, -1},
      {mi_option_page_cross_thread_max_reclaim, 16},
      {mi_option_allow_thp, 1},
      {mi_option_minimal_purge_size, 0},
      {mi_option_arena_is_numa_local, 0},
      {mi_option_soft_limit, 0},
      {mi_option_hard_limit, 0},
      {mi_option_limit_from_cgroup, 0},
  };
  for (const auto& [option, value] : table) {
    EXPECT_EQ(values[static_cast<std::size_t>(option)].get, value) << "option " << option;
  }
  EXPECT_EQ(values[mi_option_arena_reserve].get_size, kGiB);
  EXPECT_EQ(values[mi_option_guarded_max].get_size, kGiB);
  EXPECT_EQ(values[mi_option_arena_max_object_size].get_size, 2 * kGiB);
}

TEST(OptionEnvironment, TakesBothPrefixesInAnyLetterCase) {
  for (const char* name :
       {"ASHLAR_OS_TAG", "MIMALLOC_OS_TAG", "ashlar_os_tag", "mimalloc_Os_Tag", "Ashlar_OS_tag"}) {
    EXPECT_EQ(print_options({{name, "123"}})[mi_option_os_tag].get, 123) << name;
  }
}

TEST(OptionEnvironment, TakesWordsForYesAndNo) {
  for (const char* yes : {"1", "TRUE", "YES", "ON", "true", "yes", "on", ""}) {
    EXPECT_EQ(print_options({{"ASHLAR_DESTROY_ON_EXIT", yes}})[mi_option_destroy_on_exit].get, 1)
        << yes;
  }
  for (const char* no : {"0", "FALSE", "NO", "OFF", "false", "no", "off"}) {
    EXPECT_EQ(print_options({{"ASHLAR_ALLOW_THP", no}})[mi_option_allow_thp].get, 0) << no;
  }
}

TEST(OptionEnvironment, TakesNumbersAndSizes) {
  EXPECT_EQ(print_options({{"ASHLAR_PURGE_DELAY", "-1"}})[mi_option_purge_delay].get, -1);
  const std::pair<const char*, std::size_t> sizes[] = {
      {"64M", 64 * kMiB}, {"2G", 2 * kGiB},        {"65536K", 64 * kMiB}, {"64MiB", 64 * kMiB},
      {"2GiB", 2 * kGiB}, {"65536KiB", 64 * kMiB}, {"64m", 64 * kMiB},    {"67108864", 64 * kMiB},
  };
  for (const auto& [text, bytes] : sizes) {
    const Value value = print_options({{"ASHLAR_ARENA_RESERVE", text}})[mi_option_arena_reserve];
    EXPECT_EQ(value.get_size, bytes) << text;
    EXPECT_EQ(value.get, static_cast<long>(bytes / kKiB)) << text;
  }
}

TEST(OptionEnvironment, BadValuesLeaveTheDefault) {
  for (const char* bad : {"maybe", "12x", "1 2", "--3", "99999999999999999999999999"}) {
    EXPECT_EQ(print_options({{"ASHLAR_OS_TAG", bad}})[mi_option_os_tag].get, 100) << bad;
  }
}

TEST(OptionEnvironment, TakesLegacyNames) {
  EXPECT_EQ(print_options({{"MIMALLOC_RESET_DELAY", "55"}})[mi_option_purge_delay].get, 55);
  EXPECT_EQ(print_options({{"MIMALLOC_EAGER_REGION_COMMIT", "1"}})[4].get, 1);
  EXPECT_EQ(print_options({{"MIMALLOC_LIMIT_OS_ALLOC", "0"}})[17].get, 0);
}

TEST(OptionEnvironment, WinsOverADefaultOfTheProgram) {
  const std::vector<Value> values = print_options({{"ASHLAR_MAX_WARNINGS", "5"}}, "default");
  EXPECT_EQ(values[mi_option_max_warnings].get, 5);
  EXPECT_EQ(values[mi_option_destroy_on_exit].get, 1) << "nobody else had set this one";
}

}  // namespace
