/* Row 4: fork handlers of the program that allocate before and after, registered early and late,
   and the other ways to start a process from one with busy threads: vfork, posix_spawn, system and
   popen. */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>

#include "program.h"

enum { kThreads = 4 };
extern char** environ;
static volatile int stop;

static void use_blocks(uint64_t seed) {
  void* blocks[60];
  for (size_t i = 0; i < 60; i++) {
    const size_t size = i == 59 ? 3000000 : i * i * 19 + 1;
    blocks[i] = malloc(size);
    CHECK(blocks[i] != NULL);
    pattern_fill(blocks[i], size < 70000 ? size : 70000, seed + i);
  }
  for (size_t i = 0; i < 60; i++) {
    const size_t size = i == 59 ? 3000000 : i * i * 19 + 1;
    CHECK(pattern_holds(blocks[i], size < 70000 ? size : 70000, seed + i));
    free(blocks[i]);
  }
}

static void* churn(void* argument) {
  while (!stop) use_blocks((uint64_t)(uintptr_t)argument);
  return NULL;
}

static pthread_t threads[kThreads];
static void start_threads(void) {
  for (size_t i = 0; i < kThreads; i++)
    CHECK(pthread_create(&threads[i], NULL, churn, (void*)(i + 1)) == 0);
}

static void end_threads(void) {
  stop = 1;
  for (size_t i = 0; i < kThreads; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

/* Blocks go from one handler to the next, on both sides. */
static void* carried;
static int calls;
static void carry(void) {
  if (carried != NULL) {
    CHECK(pattern_holds(carried, 5000, 1));
    free(carried);
  }
  carried = malloc(5000);
  CHECK(carried != NULL);
  pattern_fill(carried, 5000, 1);
  use_blocks(7);
  calls++;
}

static void fork_some(int children) {
  for (int i = 0; i < children; i++) {
    const int before = calls;
    const pid_t child = fork();
    if (child == 0) {
      alarm(kWatchdogSeconds);
      CHECK(calls > before);
      use_blocks(9);
      exit(0);
    }
    CHECK(calls > before);
    expect_good_end(child);
  }
}

static void handlers_of_main(void) {
  start_threads();
  /* More than libc keeps room for without allocating. */
  for (int i = 0; i < 60; i++) CHECK(pthread_atfork(i % 3 == 0 ? carry : NULL, carry, carry) == 0);
  fork_some(4);
  end_threads();
}

/* Registered before any library could: run last before the fork, and first after it. */
static int early_wanted;
static void carry_if_wanted(void) {
  if (early_wanted) carry();
}

static void register_early(int argc, char** argv, char** environment) {
  (void)environment;
  if (argc == 2 && strcmp(argv[1], "earliest_handlers") == 0)
    CHECK(pthread_atfork(carry_if_wanted, carry_if_wanted, carry_if_wanted) == 0);
}

__attribute__((section(".preinit_array"),
               used)) static void (*const preinit)(int, char**, char**) = register_early;

static void earliest_handlers(void) {
  start_threads();
  early_wanted = 1;
  fork_some(20);
  end_threads();
}

/* The handlers start a thread, and wait for it: its life needs the allocator's locks as well. */
static void* short_life(void* argument) {
  use_blocks(11);
  return argument;
}

static void start_a_thread(void) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, short_life, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  calls++;
}

static void handlers_with_threads(void) {
  start_threads();
  CHECK(pthread_atfork(start_a_thread, start_a_thread, start_a_thread) == 0);
  fork_some(20);
  end_threads();
}

static void other_ways(void) {
  start_threads();
  for (int i = 0; i < 10; i++) {
    void* const mine = malloc(3000);
    CHECK(mine != NULL);
    pattern_fill(mine, 3000, 4);
    const pid_t vforked = vfork();
    if (vforked == 0) {
      execl("/bin/sh", "sh", "-c", "exit 0", (char*)NULL);
      _exit(9);
    }
    expect_good_end(vforked);
    const pid_t gone = vfork();
    if (gone == 0) _exit(0);
    expect_good_end(gone);
    pid_t spawned = 0;
    char* const arguments[] = {"sh", "-c", "exit 0", NULL};
    CHECK(posix_spawn(&spawned, "/bin/sh", NULL, NULL, arguments, environ) == 0);
    expect_good_end(spawned);
    CHECK(system("exit 3") == 3 << 8);
    char line[100] = "";
    FILE* const pipe = popen("echo one two; exit 4", "r");
    CHECK(pipe != NULL);
    CHECK(fgets(line, sizeof line, pipe) != NULL && strcmp(line, "one two\n") == 0);
    CHECK(pclose(pipe) == 4 << 8);
    CHECK(pattern_holds(mine, 3000, 4));
    free(mine);
    use_blocks(13);
  }
  end_threads();
}

/* A child that ends by _exit, by a signal, or by exec leaves the parent as it was. */
static void children_that_vanish(void) {
  start_threads();
  for (int i = 0; i < 30; i++) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(kWatchdogSeconds);
      use_blocks(15);
      if (i % 3 == 0) _exit(0);
      if (i % 3 == 1) execl("/bin/sh", "sh", "-c", "exit 0", (char*)NULL);
      raise(SIGKILL);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(status == (i % 3 == 2 ? SIGKILL : 0));
    use_blocks(17);
  }
  end_threads();
}

int main(int argc, char** argv) {
  static const struct scenario kScenarios[] = {
      {"handlers_of_main", handlers_of_main, NULL},
      {"earliest_handlers", earliest_handlers, NULL},
      {"handlers_with_threads", handlers_with_threads, NULL},
      {"other_ways", other_ways, NULL},
      {"children_that_vanish", children_that_vanish, NULL},
  };
  return RUN_SCENARIOS(argc, argv, kScenarios);
}
