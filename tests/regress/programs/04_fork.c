/* Row 4: fork from a process with eight threads that allocate and free at full speed, a hundred
   times. The child frees what vanished threads had allocated, allocates, starts threads and forks
   again; every block's content is checked on both sides, and a lock that nobody holds any more
   ends as a signal from the watchdog. */
#include <pthread.h>

#include "program.h"

enum { kThreads = 8, kSlots = 400, kForks = 100, kChildSeconds = 60 };

/* The program's own exchange of blocks. Its lock is held across fork, so the child finds it whole:
   a block is either in a slot, with its content, or some thread's own. */
struct slot {
  void* block;
  size_t size;
  uint64_t seed;
};
static struct slot slots[kSlots];
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;
static volatile int stop;
static uint64_t seed_of_run;

static size_t pick_size(struct chance* chance) {
  const uint64_t kind = chance_next(chance) % 200;
  if (kind == 0) return chance_next(chance) % 600000 + 1;
  if (kind < 10) return chance_next(chance) % 40000 + 1;
  return chance_next(chance) % 1000 + 1;
}

static struct slot make_block(struct chance* chance) {
  struct slot made;
  made.size = pick_size(chance);
  made.seed = chance_next(chance);
  made.block = chance_next(chance) % 4 == 0 ? calloc(1, made.size) : malloc(made.size);
  CHECK(made.block != NULL);
  pattern_fill(made.block, made.size, made.seed);
  return made;
}

static void drop_block(struct slot slot) {
  if (slot.block == NULL) return;
  CHECK(pattern_holds(slot.block, slot.size, slot.seed));
  free(slot.block);
}

static void exchange(struct chance* chance) {
  struct slot mine = make_block(chance);
  pthread_mutex_lock(&slots_lock);
  struct slot* const place = &slots[chance_next(chance) % kSlots];
  const struct slot theirs = *place;
  *place = mine;
  pthread_mutex_unlock(&slots_lock);
  drop_block(theirs);
}

static void* churn(void* argument) {
  struct chance chance = {seed_of_run + (uint64_t)(uintptr_t)argument};
  struct slot own[50];
  memset(own, 0, sizeof own);
  while (!stop) {
    struct slot* const place = &own[chance_next(&chance) % 50];
    drop_block(*place);
    *place = make_block(&chance);
    if (chance_next(&chance) % 4 == 0) exchange(&chance);
  }
  for (int i = 0; i < 50; i++) drop_block(own[i]);
  return NULL;
}

static void start(pthread_t* threads, void* (*work)(void*)) {
  stop = 0;
  for (size_t i = 0; i < kThreads; i++)
    CHECK(pthread_create(&threads[i], NULL, work, (void*)(i + 1)) == 0);
}

static void end(pthread_t* threads) {
  stop = 1;
  for (size_t i = 0; i < kThreads; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

/* fork with the exchange at rest; the child is under a watchdog of its own. */
static pid_t fork_at_rest(void) {
  pthread_mutex_lock(&slots_lock);
  const pid_t child = fork();
  pthread_mutex_unlock(&slots_lock);
  CHECK(child >= 0);
  if (child == 0) alarm(kChildSeconds);
  return child;
}

/* Threads of the child: the first ones get the stacks, and so the identities, of threads that the
   child does not have. They free into those threads' pages. */
static void* empty_slots(void* argument) {
  struct chance chance = {(uint64_t)(uintptr_t)argument};
  for (size_t i = (size_t)argument - 1; i < kSlots; i += kThreads) {
    drop_block(slots[i]);
    slots[i] = make_block(&chance);
    if (i % 3 == 0) {
      void* const grown = realloc(slots[i].block, slots[i].size * 2);
      CHECK(grown != NULL && pattern_holds(grown, slots[i].size, slots[i].seed));
      slots[i].block = grown;
    }
  }
  return NULL;
}

static void child_frees_alone(uint64_t seed) {
  struct chance chance = {seed};
  for (int i = 0; i < kSlots; i++) {
    drop_block(slots[i]);
    slots[i] = make_block(&chance);
  }
  for (int i = 0; i < kSlots; i++) drop_block(slots[i]);
}

static void child_frees_by_threads(void) {
  pthread_t threads[kThreads];
  for (int round = 0; round < 2; round++) {
    start(threads, empty_slots);
    end(threads);
  }
  for (int i = 0; i < kSlots; i++) drop_block(slots[i]);
}

static void under_load(void) {
  pthread_t threads[kThreads];
  start(threads, churn);
  for (uint64_t i = 0; i < kForks; i++) {
    const pid_t child = fork_at_rest();
    if (child == 0) {
      if (i % 2 == 0) {
        child_frees_alone(seed_of_run + i);
      } else {
        child_frees_by_threads();
      }
      exit(0);
    }
    expect_good_end(child);
  }
  end(threads);
}

/* Several forks at once, each from a thread that works as well. */
static void* churn_and_fork(void* argument) {
  struct chance chance = {seed_of_run ^ (uint64_t)(uintptr_t)argument};
  for (int i = 0; i < 6; i++) {
    for (int j = 0; j < 300; j++) exchange(&chance);
    const pid_t child = fork_at_rest();
    if (child == 0) {
      child_frees_alone(chance_next(&chance));
      exit(0);
    }
    expect_good_end(child);
  }
  return NULL;
}

static void by_every_thread(void) {
  pthread_t threads[kThreads];
  start(threads, churn_and_fork);
  end(threads);
}

/* Each generation has busy threads when it makes the next. */
static void generation(int level) {
  pthread_t threads[kThreads];
  start(threads, churn);
  for (int i = 0; i < 20; i++) pause_briefly();
  for (int i = 0; i < 2; i++) {
    const pid_t child = fork_at_rest();
    if (child == 0) {
      if (level > 1) {
        generation(level - 1);
      } else {
        child_frees_by_threads();
      }
      exit(0);
    }
    expect_good_end(child);
  }
  end(threads);
}

static void three_levels(void) { generation(3); }

/* Threads begin and end all the time, so that forks hit the middle of either. */
static void* short_life(void* argument) {
  struct chance chance = {(uint64_t)(uintptr_t)argument};
  for (int i = 0; i < 5; i++) exchange(&chance);
  return NULL;
}

static void* breed(void* argument) {
  struct chance chance = {seed_of_run + (uint64_t)(uintptr_t)argument};
  while (!stop) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, short_life, (void*)(uintptr_t)chance_next(&chance)) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  }
  return NULL;
}

static void amid_starts_and_ends(void) {
  pthread_t threads[kThreads];
  start(threads, breed);
  for (int i = 0; i < kForks / 2; i++) {
    const pid_t child = fork_at_rest();
    if (child == 0) {
      child_frees_by_threads();
      exit(0);
    }
    expect_good_end(child);
  }
  end(threads);
}

/* Destructors of the last round allocate from what the process keeps for threads without a heap;
   the child must be able to do the same. */
static pthread_key_t late_key;
static void late_destructor(void* rounds) {
  if ((uintptr_t)rounds < 4) {
    CHECK(pthread_setspecific(late_key, (void*)((uintptr_t)rounds + 1)) == 0);
  }
  struct chance chance = {seed_of_run + (uint64_t)(uintptr_t)rounds};
  for (int i = 0; i < 60; i++) exchange(&chance);
}

static void* end_late(void* unused) {
  CHECK(pthread_setspecific(late_key, (void*)1) == 0);
  free(malloc(100));
  return unused;
}

static void* breed_late(void* unused) {
  while (!stop) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, end_late, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  }
  return unused;
}

static void amid_late_allocations(void) {
  pthread_t threads[kThreads];
  CHECK(pthread_key_create(&late_key, late_destructor) == 0);
  start(threads, breed_late);
  for (int i = 0; i < kForks / 2; i++) {
    const pid_t child = fork_at_rest();
    if (child == 0) {
      pthread_t late;
      CHECK(pthread_create(&late, NULL, end_late, NULL) == 0);
      CHECK(pthread_join(late, NULL) == 0);
      child_frees_alone(1);
      exit(0);
    }
    expect_good_end(child);
  }
  end(threads);
}

/* Messages are printed all the time, and the child prints some itself. */
static volatile size_t too_much = (size_t)PTRDIFF_MAX + 1;
static void* complain(void* unused) {
  while (!stop) {
    errno = 0;
    CHECK(malloc(too_much) == NULL && errno == ENOMEM);
  }
  return unused;
}

static void amid_messages(void) {
  pthread_t threads[kThreads];
  const int kept = dup(2);
  const int sink = open("/dev/null", O_WRONLY | O_CLOEXEC);
  CHECK(kept >= 0 && sink >= 0 && dup2(sink, 2) == 2);
  start(threads, complain);
  for (int i = 0; i < kForks / 2; i++) {
    const pid_t child = fork_at_rest();
    if (child == 0) {
      for (int j = 0; j < 10; j++) CHECK(malloc(too_much) == NULL);
      CHECK(dup2(kept, 2) == 2);
      child_frees_alone(2);
      exit(0);
    }
    expect_good_end(child);
  }
  end(threads);
  CHECK(dup2(kept, 2) == 2);
}

/* With fork, the purge of memory by the parent goes on while the child purges as well. */
static void* collect_all_the_time(void* argument) {
  extern void mi_collect(_Bool force) __attribute__((weak));
  CHECK(mi_collect != NULL);
  struct chance chance = {seed_of_run + (uint64_t)(uintptr_t)argument};
  while (!stop) {
    void* const large = malloc(1 << 20);
    CHECK(large != NULL);
    memset(large, 1, 1 << 20);
    exchange(&chance);
    free(large);
    mi_collect(1);
  }
  return NULL;
}

static void amid_purges(void) {
  pthread_t threads[kThreads];
  start(threads, collect_all_the_time);
  for (int i = 0; i < kForks / 2; i++) {
    const pid_t child = fork_at_rest();
    if (child == 0) {
      stop = 1;
      collect_all_the_time((void*)1);
      child_frees_by_threads();
      exit(0);
    }
    expect_good_end(child);
  }
  end(threads);
}

int main(int argc, char** argv) {
  static const struct scenario kScenarios[] = {
      {"under_load", under_load, NULL},
      {"by_every_thread", by_every_thread, NULL},
      {"three_levels", three_levels, NULL},
      {"amid_starts_and_ends", amid_starts_and_ends, NULL},
      {"amid_late_allocations", amid_late_allocations, NULL},
      {"amid_messages", amid_messages, "ASHLAR_VERBOSE=1"},
      {"amid_purges", amid_purges, NULL},
  };
  if (argc == 2) seed_of_run = run_seed();
  return RUN_SCENARIOS(argc, argv, kScenarios);
}
