// Every OS call that the workload makes, failing once: alone, and with all that follow it.
// Nothing crashes, NULL comes with ENOMEM, live blocks keep their bytes, and afterwards all works.
#include <gtest/gtest.h>
#include <mimalloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "workload.h"

extern "C" void ashlar_test_fail_os_call_at(unsigned long long n, bool onwards);
extern "C" unsigned long long ashlar_test_os_calls();

namespace {

using faults::Demand;
using faults::run_workload;

// What a child ends with.
constexpr int kReached = 0;     // all is well, and the N-th call was made
constexpr int kNotReached = 3;  // all is well, and there were fewer calls
constexpr int kWrong = 4;

void end_wrong(const char* when, unsigned long long n, const char* what) {
  ashlar_test_fail_os_call_at(0, false);
  std::fprintf(stderr, "call %llu failing, %s: %s\n", n, when, what);
  _exit(kWrong);
}

// A process of its own for each N, so that each starts from the same state.
[[noreturn]] void run_child(unsigned long long n, bool onwards) {
  mi_option_set_enabled(mi_option_show_errors, false);
  ashlar_test_fail_os_call_at(n, onwards);
  const char* const wrong = run_workload(Demand::kMayFail);
  const unsigned long long calls = ashlar_test_os_calls();
  ashlar_test_fail_os_call_at(0, false);
  if (wrong != nullptr) {
    end_wrong("meanwhile", n, wrong);
  }
  if (const char* const after = run_workload(Demand::kMustSucceed)) {
    end_wrong("afterwards", n, after);
  }
  _exit(calls >= n ? kReached : kNotReached);
}

class FailingOsCall : public testing::TestWithParam<bool> {};

// Every one of the first calls; then each fourth: most of those give memory back piece by piece.
TEST_P(FailingOsCall, LosesNothing) {
  constexpr unsigned long long kMost = 2000;
  constexpr unsigned long long kEach = 100;
  unsigned long long n = 0;
  for (int code = kReached; code == kReached;) {
    n += n < kEach ? 1 : 4;
    ASSERT_LT(n, kMost);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      run_child(n, GetParam());
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status))
        << "signal " << WTERMSIG(status) << " when call " << n << " failed";
    code = WEXITSTATUS(status);
    ASSERT_TRUE(code == kReached || code == kNotReached) << "when call " << n << " failed";
  }
  RecordProperty("os_calls", static_cast<int>(n) - 1);
  EXPECT_GT(n, 20u) << "the workload hardly asks the system for anything";
}

INSTANTIATE_TEST_SUITE_P(Faults, FailingOsCall, testing::Bool(),
                         [](const auto& onwards) { return onwards.param ? "Onwards" : "Once"; });

// The same in one process: what one failure leaves behind must not add up.
TEST(FailingOsCalls, InSequenceLoseNothing) {
  mi_option_set_enabled(mi_option_show_errors, false);
  for (unsigned long long n = 1; n < 40; ++n) {
    ashlar_test_fail_os_call_at(n, n % 2 == 0);
    const char* const wrong = run_workload(Demand::kMayFail);
    ashlar_test_fail_os_call_at(0, false);
    ASSERT_STREQ(wrong, nullptr) << "when call " << n << " failed";
  }
  ASSERT_STREQ(run_workload(Demand::kMustSucceed), nullptr);
}

TEST(FailingOsCalls, WithoutOneEverythingSucceeds) {
  ASSERT_STREQ(run_workload(Demand::kMustSucceed), nullptr);
}

}  // namespace
