/* Row 1: the process's first calls come from the constructor of a library that the program is
   linked with, which runs before the preloaded library's own; among them a thread's. Row 4: fork
   handlers that such a constructor registered run inside of the allocator's. */
#include <pthread.h>

#include "../libraries/early.h"
#include "program.h"

enum { kThreads = 4 };
static volatile int stop;

static void use_blocks(size_t largest) {
  for (size_t size = 1; size <= largest; size = size * 3 + 1) {
    char* const block = malloc(size);
    CHECK(block != NULL);
    block[0] = block[size - 1] = 1;
    free(block);
  }
}

static void first_calls(void) {
  CHECK(!early_failed);
  if (early_block != NULL) {
    for (int i = 0; i < 1000; i++) CHECK(early_block[i] == 7);
    early_block = realloc(early_block, 9000);
    CHECK(early_block != NULL && early_block[999] == 7);
  }
  use_blocks(50 << 20);
}

/* Row 4. The handlers allocate what needs the allocator's locks, also blocks with a mapping of
   their own, in a process with busy threads. */
static void allocate_at_fork(void) { use_blocks(80 << 20); }

static void* churn(void* unused) {
  while (!stop) use_blocks(40 << 20);
  return unused;
}

static void fork_some(void* (*work)(void*)) {
  pthread_t threads[kThreads];
  CHECK(!early_failed);
  alarm(20); /* a deadlock is what this is about */
  for (int i = 0; i < kThreads; i++) CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
  for (int i = 0; i < 40; i++) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      use_blocks(50 << 20);
      _exit(0);
    }
    expect_good_end(child);
  }
  stop = 1;
  for (int i = 0; i < kThreads; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

static void handlers_allocate(void) {
  early_call_at_fork(allocate_at_fork);
  fork_some(churn);
}

/* The library's lock is held by threads that allocate, and taken before fork: a fork that waits for
   it must not keep those threads from allocating. */
static void* churn_under_the_lock(void* unused) {
  while (!stop) {
    pthread_mutex_lock(&early_lock);
    use_blocks(80 << 20);
    pthread_mutex_unlock(&early_lock);
  }
  return unused;
}

static void handlers_lock(void) { fork_some(churn_under_the_lock); }

int main(int argc, char** argv) {
  static const struct scenario kScenarios[] = {
      {"free", first_calls, "REGRESS_EARLY=free"},
      {"malloc", first_calls, "REGRESS_EARLY=malloc"},
      {"huge", first_calls, "REGRESS_EARLY=huge"},
      {"aligned", first_calls, "REGRESS_EARLY=aligned"},
      {"realloc", first_calls, "REGRESS_EARLY=realloc"},
      {"thread", first_calls, "REGRESS_EARLY=thread"},
      {"handlers_allocate", handlers_allocate, "REGRESS_EARLY=handlers"},
      {"handlers_lock", handlers_lock, "REGRESS_EARLY=locks"},
  };
  return RUN_SCENARIOS(argc, argv, kScenarios);
}
