/* Row 3: allocation and freeing in the destructors of pthread keys, in all rounds, also where the
   thread's first call of the allocator comes in the last one, when nobody will look at the
   allocator's own key any more. Many such threads must not use up memory. */
#include <limits.h>
#include <pthread.h>

#include "program.h"

enum { kRounds = PTHREAD_DESTRUCTOR_ITERATIONS, kThreads = 1000 };

struct life {
  int round;         /* destructor rounds so far */
  int seen[kRounds]; /* what each of them did */
  void* kept;        /* left for main to free */
  void* given;       /* main's, to be freed by the destructor */
  size_t size;
};

static pthread_key_t key;
static void (*in_destructor)(struct life* life);
static void destruct(void* argument);

/* libc visits keys in the order in which they were made: a scenario runs with the allocator's key
   before this one, as is usual, or after it. */
static void make_key(void) {
  if (getenv("REGRESS_KEY_FIRST") == NULL) free(malloc(10));
  CHECK(pthread_key_create(&key, destruct) == 0);
}

static void destruct(void* argument) {
  struct life* const life = (struct life*)argument;
  in_destructor(life);
  life->seen[life->round++] = 1;
  /* Set again, the key's destructor is called in the next round. */
  if (life->round < kRounds) CHECK(pthread_setspecific(key, life) == 0);
}

static void* live_with_calls(void* argument) {
  CHECK(pthread_setspecific(key, argument) == 0);
  char* const block = malloc(100);
  CHECK(block != NULL);
  memset(block, 1, 100);
  free(block);
  return NULL;
}

static void* live_without_calls(void* argument) {
  CHECK(pthread_setspecific(key, argument) == 0);
  return NULL;
}

static void run_thread(void* (*live)(void*), struct life* life) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, live, life) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(life->round == kRounds);
}

static void use_blocks(struct life* life) {
  void* blocks[40];
  const uint64_t seed = (uint64_t)life->round + 1;
  for (size_t i = 0; i < 40; i++) {
    const size_t size = i == 39 ? 300000 : i * i * 3 + 8;
    blocks[i] = i % 3 == 0 ? calloc(1, size) : malloc(size);
    CHECK(blocks[i] != NULL);
    pattern_fill(blocks[i], size, seed + i);
  }
  blocks[5] = realloc(blocks[5], 5000);
  CHECK(blocks[5] != NULL && pattern_holds(blocks[5], 83, seed + 5));
  pattern_fill(blocks[5], 83, seed + 5);
  for (size_t i = 0; i < 40; i++) {
    const size_t size = i == 39 ? 300000 : i * i * 3 + 8;
    CHECK(pattern_holds(blocks[i], size, seed + i));
    free(blocks[i]);
  }
  /* One block lives from round to round, and on after the thread. */
  if (life->round > 0) CHECK(pattern_holds(life->kept, life->size, 9));
  life->size = 200 + (size_t)life->round * 700;
  life->kept = realloc(life->kept, life->size);
  CHECK(life->kept != NULL);
  pattern_fill(life->kept, life->size, 9);
}

static void all_rounds(void) {
  in_destructor = use_blocks;
  for (int i = 0; i < 50; i++) {
    struct life life = {0};
    run_thread(i % 2 == 0 ? live_with_calls : live_without_calls, &life);
    CHECK(pattern_holds(life.kept, life.size, 9));
    free(life.kept);
  }
}

/* Resident bytes that `threads` lives added, after as many that nobody counts. */
static size_t growth_over(void* (*live)(void*), size_t given, int threads) {
  size_t before = 0;
  for (int i = 0; i < threads + 50; i++) {
    if (i == 50) before = resident_bytes();
    struct life life = {0};
    if (given != 0) {
      life.given = malloc(given);
      CHECK(life.given != NULL);
      pattern_fill(life.given, given, 3);
    }
    life.size = given;
    run_thread(live, &life);
    if (life.kept != NULL) {
      CHECK(pattern_holds(life.kept, life.size, 9));
      free(life.kept);
    }
  }
  return growth(before, resident_bytes());
}

static void many_threads(void) {
  in_destructor = use_blocks;
  CHECK_AT_MOST(growth_over(live_with_calls, 0, kThreads), 3 * kMiB);
}

static void malloc_in_last_round(struct life* life) {
  if (life->round < kRounds - 1) return;
  life->size = 100;
  life->kept = malloc(life->size);
  CHECK(life->kept != NULL);
  pattern_fill(life->kept, life->size, 9);
  void* const other = calloc(1, 3000);
  CHECK(other != NULL);
  free(other);
}

/* A lost page is 64 KiB of addresses and at least 4 KiB resident, a lost record some 2 KiB: a
   thousand of either would show. */
static void first_malloc_in_last_round(void) {
  in_destructor = malloc_in_last_round;
  const size_t addresses = address_bytes();
  CHECK_AT_MOST(growth_over(live_without_calls, 0, kThreads), 2 * kMiB);
  CHECK_AT_MOST(growth(addresses, address_bytes()), 1100 * (size_t)kMiB);
}

static void free_in_last_round(struct life* life) {
  if (life->round < kRounds - 1) return;
  CHECK(pattern_holds(life->given, life->size, 3));
  free(life->given);
}

static void first_free_in_last_round(void) {
  in_destructor = free_in_last_round;
  CHECK_AT_MOST(growth_over(live_without_calls, 5000, kThreads), 2 * kMiB);
}

/* The block comes from a thread that has ended: the free takes a page of nobody's over. */
static void* leave_blocks(void* argument) {
  void** const blocks = (void**)argument;
  for (int i = 0; i < kThreads + 50; i++) {
    blocks[i] = malloc(1000);
    CHECK(blocks[i] != NULL);
    pattern_fill(blocks[i], 1000, 3);
  }
  return NULL;
}

static void first_free_of_an_orphan(void) {
  in_destructor = free_in_last_round;
  void** const blocks = malloc((kThreads + 50) * sizeof *blocks);
  CHECK(blocks != NULL);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, leave_blocks, blocks) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  size_t before = 0;
  for (int i = 0; i < kThreads + 50; i++) {
    if (i == 50) before = resident_bytes();
    struct life life = {.given = blocks[i], .size = 1000};
    run_thread(live_without_calls, &life);
  }
  CHECK_AT_MOST(growth(before, resident_bytes()), 2 * kMiB);
  free(blocks);
}

/* What threads leave in their last round is used again by the next, whichever identity it gets. */
static void* hold[64];
static void keep_in_last_round(struct life* life) {
  if (life->round < kRounds - 1) return;
  for (size_t i = 0; i < 64; i++) {
    if (hold[i] != NULL) {
      CHECK(pattern_holds(hold[i], 400, i));
      free(hold[i]);
    }
    hold[i] = malloc(400);
    CHECK(hold[i] != NULL);
    pattern_fill(hold[i], 400, i);
  }
}

static void blocks_pass_from_end_to_end(void) {
  in_destructor = keep_in_last_round;
  CHECK_AT_MOST(growth_over(live_without_calls, 0, kThreads), 2 * kMiB);
  for (size_t i = 0; i < 64; i++) {
    CHECK(pattern_holds(hold[i], 400, i));
    free(hold[i]);
  }
}

int main(int argc, char** argv) {
  static const char kKeyFirst[] = "REGRESS_KEY_FIRST=1";
  static const struct scenario kScenarios[] = {
      {"all_rounds", all_rounds, NULL},
      {"all_rounds_key_first", all_rounds, kKeyFirst},
      {"many_threads", many_threads, NULL},
      {"first_malloc_in_last_round", first_malloc_in_last_round, NULL},
      {"first_malloc_in_last_round_key_first", first_malloc_in_last_round, kKeyFirst},
      {"first_free_in_last_round", first_free_in_last_round, NULL},
      {"first_free_of_an_orphan", first_free_of_an_orphan, NULL},
      {"first_free_of_an_orphan_key_first", first_free_of_an_orphan, kKeyFirst},
      {"blocks_pass_from_end_to_end", blocks_pass_from_end_to_end, NULL},
  };
  if (argc == 2) make_key();
  return RUN_SCENARIOS(argc, argv, kScenarios);
}
