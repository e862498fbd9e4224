/* Row 3: mi_process_done by hand, once and twice, early and late: everything works on afterwards,
   in this thread, in others, in a forked child, and in handlers that run after it at exit. */
#include <pthread.h>

#include "program.h"

extern void mi_process_done(void) __attribute__((weak));
extern void mi_process_init(void) __attribute__((weak));

enum { kBlocks = 200 };
static void* kept[kBlocks];
static size_t size_of(size_t i) { return i == 0 ? 3000000 : i * i % 5000 + 1; }

static void allocate(void** blocks, uint64_t seed) {
  for (size_t i = 0; i < kBlocks; i++) {
    blocks[i] = i % 2 == 0 ? malloc(size_of(i)) : calloc(1, size_of(i));
    CHECK(blocks[i] != NULL);
    pattern_fill(blocks[i], size_of(i), seed + i);
  }
}

static void release(void** blocks, uint64_t seed) {
  for (size_t i = 0; i < kBlocks; i++) {
    CHECK(pattern_holds(blocks[i], size_of(i), seed + i));
    if (i % 3 == 0) {
      blocks[i] = realloc(blocks[i], size_of(i) + 3000);
      CHECK(blocks[i] != NULL && pattern_holds(blocks[i], size_of(i), seed + i));
    }
    free(blocks[i]);
  }
}

static void* live(void* unused) {
  void* own[kBlocks];
  allocate(own, 7);
  release(own, 7);
  return unused;
}

static void done(void) {
  CHECK(mi_process_done != NULL);
  mi_process_done();
}

static void once_and_on(void) {
  allocate(kept, 1);
  done();
  release(kept, 1);
  allocate(kept, 2);
  release(kept, 2);
}

static void twice_and_on(void) {
  allocate(kept, 1);
  done();
  done();
  release(kept, 1);
  live(NULL);
  done();
  live(NULL);
}

static void as_first_call(void) {
  done();
  live(NULL);
}

static void and_init_again(void) {
  done();
  CHECK(mi_process_init != NULL);
  mi_process_init();
  live(NULL);
  done();
  mi_process_init();
  live(NULL);
}

static void threads_afterwards(void) {
  done();
  for (int i = 0; i < 50; i++) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, live, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    if (i == 25) done();
  }
}

static pthread_barrier_t barrier;
static void* live_across(void* unused) {
  void* const block = malloc(500);
  CHECK(block != NULL);
  pattern_fill(block, 500, 3);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  CHECK(pattern_holds(block, 500, 3));
  free(block);
  return live(unused);
}

static void while_a_thread_lives(void) {
  pthread_t thread;
  CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
  CHECK(pthread_create(&thread, NULL, live_across, NULL) == 0);
  pthread_barrier_wait(&barrier);
  done();
  pthread_barrier_wait(&barrier);
  CHECK(pthread_join(thread, NULL) == 0);
  live(NULL);
}

static void fork_afterwards(void) {
  allocate(kept, 1);
  done();
  const pid_t child = fork();
  if (child == 0) {
    alarm(kWatchdogSeconds);
    release(kept, 1);
    live(NULL);
    exit(0);
  }
  expect_good_end(child);
  release(kept, 1);
}

static void done_at_exit(void) {
  done();
  live(NULL);
}

static void release_at_exit(void) { release(kept, 4); }

static void in_exit_handlers(void) {
  CHECK(atexit(release_at_exit) == 0); /* runs last */
  CHECK(atexit(done_at_exit) == 0);
  CHECK(atexit(done_at_exit) == 0);
  allocate(kept, 4);
  live(NULL);
}

int main(int argc, char** argv) {
  static const struct scenario kScenarios[] = {
      {"once_and_on", once_and_on, NULL},
      {"twice_and_on", twice_and_on, NULL},
      {"as_first_call", as_first_call, NULL},
      {"and_init_again", and_init_again, NULL},
      {"threads_afterwards", threads_afterwards, NULL},
      {"while_a_thread_lives", while_a_thread_lives, NULL},
      {"fork_afterwards", fork_afterwards, NULL},
      {"in_exit_handlers", in_exit_handlers, NULL},
  };
  return RUN_SCENARIOS(argc, argv, kScenarios);
}
