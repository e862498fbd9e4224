// Rows 1 and 2: any call may be the first one that the library ever sees, in the main thread before
// main or in another thread. Each case runs in a process of its own, which this program starts by
// executing itself again; the preloaded view of the same rows is in programs/.
#include "regress_support.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>

extern "C" char** environ;

// Requests that must fail are what some of these cases are about.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Walloc-size-larger-than="
#endif

namespace {

bool usable_block(void* p, std::size_t size) {
  if (p == nullptr || mi_usable_size(p) < size) return false;
  regress::fill(p, size, 1);
  const bool good = regress::intact(p, size, 1) == size;
  mi_free(p);
  return good;
}

struct Scenario {
  const char* name;
  bool (*run)();
};

const Scenario kScenarios[] = {
    {"free_null", [] { return mi_free(nullptr), usable_block(mi_malloc(40), 40); }},
    {"malloc", [] { return usable_block(mi_malloc(24), 24); }},
    {"malloc_zero", [] { return usable_block(mi_malloc(0), 0); }},
    {"malloc_large", [] { return usable_block(mi_malloc(3 << 20), 3 << 20); }},
    {"malloc_huge", [] { return usable_block(mi_malloc(96 << 20), 96 << 20); }},
    {"malloc_too_much", [] { return mi_malloc(SIZE_MAX / 2 + 2) == nullptr; }},
    {"calloc", [] { return usable_block(mi_calloc(10, 30), 300); }},
    {"zalloc", [] { return usable_block(mi_zalloc(70000), 70000); }},
    {"realloc_null", [] { return usable_block(mi_realloc(nullptr, 100), 100); }},
    {"realloc_null_zero", [] { return usable_block(mi_realloc(nullptr, 0), 0); }},
    {"reallocf_null", [] { return usable_block(mi_reallocf(nullptr, 10), 10); }},
    {"rezalloc_null", [] { return usable_block(mi_rezalloc(nullptr, 5000), 5000); }},
    {"expand_null", [] { return mi_expand(nullptr, 10) == nullptr; }},
    {"aligned", [] { return usable_block(mi_malloc_aligned(100, 4096), 100); }},
    {"aligned_wide", [] { return usable_block(mi_malloc_aligned(100, 1 << 22), 100); }},
    {"aligned_at", [] { return usable_block(mi_malloc_aligned_at(100, 64, 24), 100); }},
    {"posix_memalign",
     [] {
       void* p = nullptr;
       return mi_posix_memalign(&p, 256, 1000) == 0 && usable_block(p, 1000);
     }},
    {"usable_size_null", [] { return mi_usable_size(nullptr) == 0; }},
    {"good_size", [] { return mi_good_size(100) >= 100; }},
    {"strdup", [] { return usable_block(mi_strdup("first"), 6); }},
    {"collect", [] { return mi_collect(true), usable_block(mi_malloc(8), 8); }},
    {"collect_some", [] { return mi_collect(false), usable_block(mi_malloc(8), 8); }},
    {"free_size_null", [] { return mi_free_size(nullptr, 10), usable_block(mi_malloc(8), 8); }},
    {"is_in_heap_region", [] { return !mi_is_in_heap_region(&kScenarios); }},
    {"option", [] { return mi_option_get(mi_option_purge_delay) == 10; }},
    {"error_function", [] { return mi_register_error(nullptr, nullptr), true; }},
    {"thread_done", [] { return mi_thread_done(), usable_block(mi_malloc(8), 8); }},
    {"thread_init", [] { return mi_thread_init(), usable_block(mi_malloc(8), 8); }},
    {"process_init", [] { return mi_process_init(), usable_block(mi_malloc(8), 8); }},
};

constexpr const char* kVariable = "REGRESS_FIRST_CALL";

// Runs before main, and so before GoogleTest's own set-up.
[[gnu::constructor]] void run_scenario_if_asked() {
  const char* const asked = std::getenv(kVariable);
  if (asked == nullptr) return;
  const bool in_thread = asked[0] == '+';
  for (const auto& scenario : kScenarios) {
    if (std::strcmp(scenario.name, asked + 1) != 0) continue;
    bool good = false;
    if (in_thread) {
      pthread_t thread;
      void* answer = nullptr;
      const auto body = [](void* which) -> void* {
        return static_cast<const Scenario*>(which)->run() ? which : nullptr;
      };
      void* const argument = const_cast<Scenario*>(&scenario);
      good = pthread_create(&thread, nullptr, body, argument) == 0 &&
             pthread_join(thread, &answer) == 0 && answer == argument &&
             usable_block(mi_malloc(77), 77);
    } else {
      good = scenario.run();
    }
    _exit(good ? 0 : 1);
  }
  _exit(2);
}

int run_alone(const std::string& what) {
  setenv(kVariable, what.c_str(), 1);
  char program[] = "/proc/self/exe";
  char* const arguments[] = {program, nullptr};
  pid_t child = 0;
  const int error = posix_spawn(&child, program, nullptr, nullptr, arguments, environ);
  unsetenv(kVariable);
  if (error != 0) return -error;
  int status = 0;
  if (waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST(regress_01_02_first_call, in_the_main_thread_before_main) {
  for (const auto& scenario : kScenarios)
    EXPECT_EQ(run_alone(std::string("-") + scenario.name), 0) << scenario.name;
}

TEST(regress_01_02_first_call, in_a_thread_that_is_not_the_main_one) {
  for (const auto& scenario : kScenarios)
    EXPECT_EQ(run_alone(std::string("+") + scenario.name), 0) << scenario.name;
}

}  // namespace
