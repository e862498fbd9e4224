// The very first OS calls of a process, failing: those of the library's start, before any other
// code ran. The program starts itself again for each N, and that child arms the failure in its
// preinit array, which runs before the constructors of all libraries.
#include <mimalloc.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

#include "workload.h"

extern "C" void ashlar_test_fail_os_call_at(unsigned long long n, bool onwards);
extern "C" unsigned long long ashlar_test_os_calls();

namespace {

constexpr char kVariable[] = "ASHLAR_TEST_FAIL_AT=";
constexpr int kNotReached = 3;
constexpr unsigned long long kCallsOfInterest = 40;

unsigned long long fail_at = 0;
bool fail_onwards = false;

// "N" or "N+", where + means from there on.
void arm(int, char**, char** environment) {
  for (char** entry = environment; *entry != nullptr; ++entry) {
    if (strncmp(*entry, kVariable, sizeof kVariable - 1) == 0) {
      const char* at = *entry + sizeof kVariable - 1;
      for (; *at >= '0' && *at <= '9'; ++at) {
        fail_at = fail_at * 10 + static_cast<unsigned>(*at - '0');
      }
      fail_onwards = *at == '+';
      ashlar_test_fail_os_call_at(fail_at, fail_onwards);
    }
  }
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const arm_early)(int, char**, char**) = arm;

int fail(const char* when, const char* what) {
  ashlar_test_fail_os_call_at(0, false);
  fprintf(stderr, "call %llu%s failing, %s: %s\n", fail_at, fail_onwards ? "+" : "", when, what);
  return 1;
}

int run_child() {
  mi_option_set_enabled(mi_option_show_errors, false);
  const char* const wrong = faults::run_workload(faults::Demand::kMayFail);
  const unsigned long long calls = ashlar_test_os_calls();
  ashlar_test_fail_os_call_at(0, false);
  if (wrong != nullptr) {
    return fail("meanwhile", wrong);
  }
  if (const char* const after = faults::run_workload(faults::Demand::kMustSucceed)) {
    return fail("afterwards", after);
  }
  return calls >= fail_at ? 0 : kNotReached;
}

// The child's exit code, or -1 where it died.
int run_with(unsigned long long n, bool onwards) {
  char variable[64];
  snprintf(variable, sizeof variable, "%s%llu%s", kVariable, n, onwards ? "+" : "");
  // Errors are not printed: they are expected, and there are many.
  char quiet[] = "MIMALLOC_SHOW_ERRORS=0";
  char* const environment[] = {variable, quiet, nullptr};
  char program[] = "/proc/self/exe";
  char* const arguments[] = {program, nullptr};
  pid_t child = 0;
  int status = 0;
  if (posix_spawn(&child, program, nullptr, nullptr, arguments, environment) != 0 ||
      waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
    fprintf(stderr, "call %llu%s failing: the process died (status %d)\n", n, onwards ? "+" : "",
            status);
    return -1;
  }
  return WEXITSTATUS(status);
}

}  // namespace

int main() {
  if (fail_at != 0) {
    return run_child();
  }
  int failures = 0;
  for (const bool onwards : {false, true}) {
    for (unsigned long long n = 1; n <= kCallsOfInterest; ++n) {
      const int code = run_with(n, onwards);
      failures += code == 0 || code == kNotReached ? 0 : 1;
      if (code == kNotReached) {
        break;
      }
    }
  }
  printf("%d of the first calls went wrong\n", failures);
  return failures == 0 ? 0 : 1;
}
