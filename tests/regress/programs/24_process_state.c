/* Row 24: the library changes nothing of the process as a whole, which its children would inherit
   or its program be surprised by: what the kernel says of the process is, from the start, after
   heavy use, and in children, what it says of the same program without the library. */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "random_life.h"

enum { kText = 1 << 15 };

extern int mi_version(void) __attribute__((weak));

struct text {
  size_t length;
  char text[kText];
};

static void add(struct text* to, const char* what, const char* value, size_t length) {
  const int more =
      snprintf(to->text + to->length, kText - to->length, "%s %.*s\n", what, (int)length, value);
  CHECK(more > 0 && to->length + (size_t)more < kText);
  to->length += (size_t)more;
}

static void add_number(struct text* to, const char* what, long long number) {
  char value[32];
  add(to, what, value, (size_t)snprintf(value, sizeof value, "%lld", number));
}

static size_t read_file(const char* path, char* text, size_t size) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  size_t length = 0;
  ssize_t more = 0;
  while (length < size - 1 && (more = read(file, text + length, size - 1 - length)) > 0)
    length += (size_t)more;
  close(file);
  text[length] = '\0';
  return length;
}

static void add_file(struct text* to, const char* path) {
  char text[8192];
  add(to, path, text, read_file(path, text, sizeof text));
}

/* Of /proc/self/status, what is no amount and no number of this very process. */
static int is_of_the_moment(const char* line) {
  static const char* const kNames[] = {"Name",    "State", "Tgid",      "Ngid",         "Pid",
                                       "PPid",    "NS",    "Vm",        "Rss",          "Hugetlb",
                                       "Threads", "SigQ",  "voluntary", "nonvoluntary", "FDSize"};
  for (size_t i = 0; i < sizeof kNames / sizeof kNames[0]; i++)
    if (strncmp(line, kNames[i], strlen(kNames[i])) == 0) return 1;
  return 0;
}

static int open_files(void) {
  int count = 0;
  for (int file = 0; file < 100; file++) count += fcntl(file, F_GETFD) != -1;
  return count;
}

static void look(struct text* to) {
  static char status[8192];
  to->length = 0;
  CHECK(read_file("/proc/self/status", status, sizeof status) > 0);
  for (char* line = status; *line != '\0';) {
    char* const end = strchr(line, '\n');
    CHECK(end != NULL);
    if (!is_of_the_moment(line)) add(to, "status", line, (size_t)(end - line));
    line = end + 1;
  }
  add_file(to, "/proc/self/limits");
  add_file(to, "/proc/self/coredump_filter");
  add_file(to, "/proc/self/oom_score_adj");
  add_file(to, "/proc/self/timerslack_ns");
  add_file(to, "/proc/self/autogroup");
  add_number(to, "personality", personality(0xFFFFFFFF));
  static const int kAsked[] = {PR_GET_DUMPABLE,    PR_GET_KEEPCAPS,   PR_GET_NO_NEW_PRIVS,
                               PR_GET_THP_DISABLE, PR_GET_TIMERSLACK, PR_GET_SECUREBITS};
  for (size_t i = 0; i < sizeof kAsked / sizeof kAsked[0]; i++)
    add_number(to, "prctl", prctl(kAsked[i], 0, 0, 0, 0));
  int subreaper = 0;
  CHECK(prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0);
  add_number(to, "subreaper", subreaper);
  int policy = 0;
  unsigned long nodes[64] = {0};
  if (syscall(SYS_get_mempolicy, &policy, nodes, sizeof nodes * 8, NULL, 0) == 0)
    add_number(to, "memory policy", policy);
  add_number(to, "nice", getpriority(PRIO_PROCESS, 0));
  add_number(to, "scheduler", sched_getscheduler(0));
  stack_t stack;
  CHECK(sigaltstack(NULL, &stack) == 0);
  add_number(to, "signal stack", stack.ss_flags);
  /* Of the library's signals; libc has two for itself, once there are threads. */
  for (int number = 1; number <= 31; number++) {
    struct sigaction action;
    CHECK(sigaction(number, NULL, &action) == 0);
    add_number(to,
               action.sa_handler == SIG_DFL   ? "default"
               : action.sa_handler == SIG_IGN ? "ignored"
                                              : "handled",
               number);
  }
  char folder[4096];
  CHECK(getcwd(folder, sizeof folder) != NULL);
  add(to, "folder", folder, strlen(folder));
  add_number(to, "open files", open_files());
}

static void expect_same(const struct text* now, const struct text* then, const char* when) {
  if (strcmp(now->text, then->text) == 0) return;
  size_t at = 0;
  while (now->text[at] == then->text[at]) at++;
  while (at > 0 && now->text[at - 1] != '\n') at--;
  dprintf(2, "%s: it is\n  %.100s\nand was\n  %.100s\n", when, now->text + at, then->text + at);
  _exit(1);
}

static void* nothing(void* argument) { return argument; }
static void start_a_thread(void) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

/* What the program says in a process of its own, with the library or without. */
static void look_elsewhere(struct text* to, int preloaded, const char* how) {
  int ends[2];
  CHECK(pipe2(ends, O_CLOEXEC) == 0);
  const pid_t child = fork();
  if (child == 0) {
    CHECK(dup2(ends[1], 1) == 1);
    if (!preloaded) unsetenv("LD_PRELOAD");
    execl("/proc/self/exe", "look", "--look", how, (char*)NULL);
    _exit(9);
  }
  close(ends[1]);
  to->length = 0;
  ssize_t more = 0;
  while ((more = read(ends[0], to->text + to->length, kText - 1 - to->length)) > 0)
    to->length += (size_t)more;
  to->text[to->length] = '\0';
  close(ends[0]);
  expect_good_end(child);
}

static void* live(void* argument) {
  struct life life = {.chance = {(uint64_t)(size_t)argument}};
  for (int i = 0; i < 120; i++) live_once(&life, 0);
  end_life(&life);
  return NULL;
}

static void use_heavily(uint64_t seed) {
  pthread_t threads[2];
  for (size_t i = 0; i < 2; i++)
    CHECK(pthread_create(&threads[i], NULL, live, (void*)(size_t)(seed + i)) == 0);
  for (size_t i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  for (int i = 0; i < 150; i++) pause_briefly(); /* for whatever purges by itself */
}

extern char** environ;
static struct text environment(void) {
  struct text text = {.length = 0};
  for (char** entry = environ; *entry != NULL; entry++) add(&text, "", *entry, strlen(*entry));
  return text;
}

/* What was seen without the library, for who comes after an exec. */
enum { kAlone = 100, kThreads = 101 };
static void keep(int file, const struct text* text) {
  const int fresh = memfd_create("seen", 0);
  CHECK(fresh >= 0 && dup2(fresh, file) == file && close(fresh) == 0);
  CHECK(write(file, text->text, text->length) == (ssize_t)text->length);
}
static void recall(int file, struct text* text) {
  const ssize_t length = pread(file, text->text, kText - 1, 0);
  CHECK(length > 1000);
  text->length = (size_t)length;
  text->text[length] = '\0';
}

static void all_as_without(void) {
  static struct text without, without_threads, now, then_environment, now_environment;
  CHECK(mi_version != NULL);
  then_environment = environment();
  recall(kAlone, &without);
  recall(kThreads, &without_threads);
  look(&now);
  expect_same(&now, &without, "at the start");
  live(NULL);
  look(&now);
  expect_same(&now, &without, "after heavy use by one thread");
  use_heavily(run_seed());
  look(&now);
  expect_same(&now, &without_threads, "after heavy use by threads");
  look_elsewhere(&now, 1, "alone");
  expect_same(&now, &without, "in a program that it starts, with the library");
  look_elsewhere(&now, 0, "alone");
  expect_same(&now, &without, "in a program that it starts, without the library");
  const pid_t child = fork();
  if (child == 0) {
    look(&now);
    expect_same(&now, &without_threads, "in a child");
    use_heavily(1);
    look(&now);
    expect_same(&now, &without_threads, "in a child, after heavy use");
    _exit(0);
  }
  expect_good_end(child);
  now_environment = environment();
  expect_same(&now_environment, &then_environment, "the environment");
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "--look") == 0) {
    static struct text text;
    if (strcmp(argv[2], "threads") == 0) start_a_thread();
    look(&text);
    return write(1, text.text, text.length) == (ssize_t)text.length ? 0 : 1;
  }
  if (argc == 1) {
    static struct text text;
    const char* const library = getenv("ASHLAR_LIBRARY");
    CHECK(library != NULL && mi_version == NULL);
    look_elsewhere(&text, 0, "alone");
    keep(kAlone, &text);
    look_elsewhere(&text, 0, "threads");
    keep(kThreads, &text);
    CHECK(setenv("LD_PRELOAD", library, 1) == 0);
  }
  static const struct scenario kScenarios[] = {
      {"as_it_is", all_as_without, NULL},
      {"without_transparent_huge_pages", all_as_without, "ASHLAR_ALLOW_THP=0"},
      {"with_large_pages", all_as_without, "ASHLAR_ALLOW_LARGE_OS_PAGES=1"},
      {"purging_at_once", all_as_without, "ASHLAR_PURGE_DELAY=0"},
      {"with_limits", all_as_without, "ASHLAR_HARD_LIMIT=64GiB"},
      {"by_nodes", all_as_without, "ASHLAR_ARENA_IS_NUMA_LOCAL=1"},
  };
  return RUN_SCENARIOS(argc, argv, kScenarios);
}
