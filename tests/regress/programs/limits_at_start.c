/* Limits from the environment act from the start, impossible ones are ignored, each in a process of
   its own. */
#include "program.h"

struct use {
  size_t size, touched, peak, waiting, soft, hard;
};
extern _Bool ashlar_memory_use(struct use* use) __attribute__((weak));

static struct use use_now(void) {
  struct use use = {.size = sizeof use};
  CHECK(ashlar_memory_use(&use));
  return use;
}

/* Runs this program again with these limits. */
static void run(char* program, const char* soft, const char* hard, const char* what) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(setenv("ASHLAR_SOFT_LIMIT", soft, 1) == 0 && setenv("ASHLAR_HARD_LIMIT", hard, 1) == 0);
    char* const arguments[] = {program, (char*)what, NULL};
    execv("/proc/self/exe", arguments);
    _exit(9);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char** argv) {
  if (ashlar_memory_use == NULL) {
    dprintf(2, "the library is not preloaded\n");
    return 1;
  }
  if (argc == 1) {
    run(argv[0], "24MiB", "32MiB", "both");
    run(argv[0], "48MiB", "32MiB", "neither");
    run(argv[0], "0", "32K", "neither");
    return 0;
  }
  const struct use use = use_now();
  if (strcmp(argv[1], "neither") == 0) {
    CHECK(use.soft == 0 && use.hard == 0);
    return 0;
  }
  CHECK(use.soft == 24 * kMiB && use.hard == 32 * kMiB);
  size_t count = 0;
  for (char* p; (p = malloc(kMiB / 4)) != NULL; count++) memset(p, 1, kMiB / 4);
  CHECK(errno == ENOMEM);
  CHECK(count > 110 && count < 128);
  CHECK_AT_MOST(use_now().touched, 32 * kMiB + 128 * 1024);
  return 0;
}
