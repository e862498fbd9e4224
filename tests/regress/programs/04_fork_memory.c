/* Row 4: what the threads that a forked child lacks had allocated is not lost to the child: it can
   free what it reaches, and at least three quarters of that is used for later blocks or given back.
   Measured in resident bytes of the child. */
#include <pthread.h>

#include "program.h"

enum { kThreads = 8, kBytesEach = 4 * kMiB };
extern void mi_collect(_Bool force) __attribute__((weak));

struct holder {
  void** blocks;
  size_t size;
  size_t count;
};
static struct holder holders[kThreads];
static pthread_barrier_t barrier;

static void* hold(void* argument) {
  struct holder* const holder = (struct holder*)argument;
  for (size_t i = 0; i < holder->count; i++) {
    holder->blocks[i] = malloc(holder->size);
    CHECK(holder->blocks[i] != NULL);
    pattern_fill(holder->blocks[i], holder->size, i);
  }
  pthread_barrier_wait(&barrier);
  for (;;) pause();
}

static void start_holders(const size_t* sizes, size_t size_count) {
  CHECK(pthread_barrier_init(&barrier, NULL, kThreads + 1) == 0);
  for (size_t i = 0; i < kThreads; i++) {
    holders[i].size = sizes[i % size_count];
    holders[i].count = kBytesEach / holders[i].size;
    holders[i].blocks = malloc(holders[i].count * sizeof(void*));
    CHECK(holders[i].blocks != NULL);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, hold, &holders[i]) == 0);
  }
  pthread_barrier_wait(&barrier);
}

static void free_all(void) {
  for (size_t i = 0; i < kThreads; i++) {
    for (size_t j = 0; j < holders[i].count; j++) {
      CHECK(pattern_holds(holders[i].blocks[j], holders[i].size, j));
      free(holders[i].blocks[j]);
    }
  }
}

static void allocate_all(void) {
  for (size_t i = 0; i < kThreads; i++) {
    for (size_t j = 0; j < holders[i].count; j++) {
      holders[i].blocks[j] = malloc(holders[i].size);
      CHECK(holders[i].blocks[j] != NULL);
      pattern_fill(holders[i].blocks[j], holders[i].size, j);
    }
  }
}

static const size_t kSmall[] = {48, 112, 320, 1000};
static const size_t kMedium[] = {2000, 5000, 12000, 30000};
static const size_t kLarge[] = {100000, 400000, 2000000, 90000};

static void used_again(const size_t* sizes) {
  start_holders(sizes, 4);
  const pid_t child = fork();
  if (child == 0) {
    alarm(kWatchdogSeconds);
    /* With everything held. What is freed may be given back at once, and then comes again. */
    const size_t before = resident_bytes();
    free_all();
    for (int round = 0; round < 3; round++) {
      allocate_all();
      CHECK_AT_MOST(growth(before, resident_bytes()), kThreads * kBytesEach / 4);
      free_all();
    }
    exit(0);
  }
  expect_good_end(child);
  _exit(0);
}

static void small_blocks(void) { used_again(kSmall); }
static void medium_blocks(void) { used_again(kMedium); }
static void large_blocks(void) { used_again(kLarge); }

/* Pages that the vanished threads still allocated from: one of each small size and thread, half
   full, which is some 10 MiB in all. A program that frees all of it can use at least half of it
   again. */
enum { kClasses = 64, kHalfPage = 32 << 10 };
static void* halves[kThreads][kClasses][kHalfPage / 64];

static size_t class_size(size_t i) { return (i + 1) * 64; }
static size_t class_count(size_t i) { return kHalfPage / class_size(i); }

static void fill_halves(size_t which) {
  for (size_t i = 0; i < kClasses; i++) {
    for (size_t j = 0; j < class_count(i); j++) {
      halves[which][i][j] = malloc(class_size(i));
      CHECK(halves[which][i][j] != NULL);
      pattern_fill(halves[which][i][j], class_size(i), i * j);
    }
  }
}

static void free_halves(size_t which) {
  for (size_t i = 0; i < kClasses; i++) {
    for (size_t j = 0; j < class_count(i); j++) {
      CHECK(pattern_holds(halves[which][i][j], class_size(i), i * j));
      free(halves[which][i][j]);
    }
  }
}

static void* hold_halves(void* argument) {
  fill_halves((size_t)argument);
  pthread_barrier_wait(&barrier);
  for (;;) pause();
  return NULL;
}

static void pages_with_room(void) {
  CHECK(pthread_barrier_init(&barrier, NULL, kThreads + 1) == 0);
  for (size_t i = 0; i < kThreads; i++) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, hold_halves, (void*)i) == 0);
  }
  pthread_barrier_wait(&barrier);
  const pid_t child = fork();
  if (child == 0) {
    alarm(kWatchdogSeconds);
    const size_t before = resident_bytes();
    for (int round = 0; round < 3; round++) {
      for (size_t i = 0; i < kThreads; i++) free_halves(i);
      for (size_t i = 0; i < kThreads; i++) fill_halves(i);
    }
    CHECK_AT_MOST(growth(before, resident_bytes()), kThreads * kClasses * kHalfPage / 2);
    exit(0);
  }
  expect_good_end(child);
  _exit(0);
}

/* A forced collect gives back what is free, also what vanished threads had. */
static void given_back(void) {
  CHECK(mi_collect != NULL);
  start_holders(kSmall, 4);
  const pid_t child = fork();
  if (child == 0) {
    alarm(kWatchdogSeconds);
    const size_t before = resident_bytes();
    free_all();
    mi_collect(1);
    CHECK_AT_MOST(resident_bytes(), before - (size_t)kThreads * kBytesEach / 4 * 3);
    exit(0);
  }
  expect_good_end(child);
  _exit(0);
}

/* A line of children, each forked by the one before: nothing may pile up from level to level. */
static void from_child_to_child(void) {
  start_holders(kSmall, 4);
  const size_t before = resident_bytes();
  for (int level = 0; level < 6; level++) {
    const pid_t child = fork();
    if (child != 0) {
      expect_good_end(child);
      _exit(0);
    }
    alarm(kWatchdogSeconds);
    free_all();
    allocate_all();
  }
  CHECK_AT_MOST(growth(before, resident_bytes()), kThreads * kBytesEach / 2);
  exit(0);
}

/* The parent's memory is untouched by all that: what it frees is used again there too. */
static void parent_is_undisturbed(void) {
  start_holders(kSmall, 4);
  for (int i = 0; i < 20; i++) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(kWatchdogSeconds);
      for (size_t j = 0; j < kThreads; j++) free(holders[j].blocks[j]);
      exit(0);
    }
    expect_good_end(child);
  }
  const size_t before = resident_bytes();
  free_all();
  allocate_all();
  CHECK_AT_MOST(growth(before, resident_bytes()), kThreads * kBytesEach / 4);
  _exit(0);
}

int main(int argc, char** argv) {
  static const struct scenario kScenarios[] = {
      {"small_blocks", small_blocks, NULL},
      {"medium_blocks", medium_blocks, NULL},
      {"large_blocks", large_blocks, NULL},
      {"pages_with_room", pages_with_room, NULL},
      {"given_back", given_back, NULL},
      {"from_child_to_child", from_child_to_child, NULL},
      {"parent_is_undisturbed", parent_is_undisturbed, NULL},
  };
  return RUN_SCENARIOS(argc, argv, kScenarios);
}
