// The object runtime at work: threads that end and begin run in two interpreters in turn, read
// containers that others change, collect and fork; at the end everything has to have come back.
//
//   objects [--seed N] [--seconds N]
#define _POSIX_C_SOURCE 200809L  // clock_gettime, nanosleep
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "objects.h"

enum { kInterpreters = 2, kWorkers = 3, kTurnsOfWorker = 40, kStepsOfTurn = 1500 };
enum { kKeysMost = 2048, kListMost = 1500 };

static Interpreter interpreters[kInterpreters];
static _Atomic bool ending;

_Noreturn void failed(const char* what, const char* file, int line) {
  fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);
  _Exit(1);
}

static uint32_t next_random(uint64_t* state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33);
}

// --- What a thread does ---

// Sizes change as time goes on, so that pages of sizes gone by become empty.
static size_t text_length(uint64_t* random, uint32_t step) {
  if (next_random(random) % 4096 == 0) return 70000 + next_random(random) % 100000;
  return 16 + 96 * (step / 4096 % 8) + next_random(random) % 64;
}

static Object* new_value(Thread* me, uint64_t* random, uint32_t step, uint64_t key) {
  switch (next_random(random) % 8) {
    case 0: {
      Object* const list = new_list(me);
      for (uint32_t left = next_random(random) % 20; left != 0; left--) {
        list_append(me, list, new_number(me, key));
      }
      return list;
    }
    case 1:
    case 2:
    case 3:
      return new_text(me, text_length(random, step), (uint8_t)key);
    default:
      return new_number(me, key | (uint64_t)next_random(random) << 20);
  }
}

static void keep_or_drop(Thread* me, Object* object, uint64_t* random) {
  if (me->depth < kStackMax && next_random(random) % 4 == 0) {
    me->stack[me->depth++] = object;
  } else {
    drop(me, object);
    if (me->depth != 0 && next_random(random) % 4 == 0) drop(me, me->stack[--me->depth]);
  }
}

static void read_one(Thread* me, uint64_t* random, uint64_t key) {
  Object* const object = dictionary_get(me, me->interpreter->dictionary, key);
  if (object == NULL) return;
  CHECK(is_sound(object, key));
  if (object->type == &kListType) {
    Object* const element = list_get(me, object, next_random(random) % 20);
    if (element != NULL) {
      CHECK(is_sound(element, key));
      drop(me, element);
    }
  }
  keep_or_drop(me, object, random);
}

static void change_list(Thread* me, uint64_t* random, uint32_t step) {
  Object* const list = me->interpreter->list;
  const size_t size = list_size(list);
  if (size < kListMost && next_random(random) % 8 < 5) {
    list_append(me, list, new_value(me, random, step, 7));
    return;
  }
  for (size_t left = size >= kListMost ? size / 2 : 1; left != 0; left--) {
    Object* const last = list_pop(me, list);
    if (last != NULL) drop(me, last);
  }
}

static void make_cycle(Thread* me, uint32_t step) {
  Object* const list = new_list(me);
  Object* const dictionary = new_dictionary(me);
  take(me, list);
  take(me, dictionary);
  dictionary_set(me, dictionary, 1, list);
  dictionary_set(me, dictionary, 2, new_text(me, step % 300, 9));
  list_append(me, list, dictionary);
  list_append(me, list, new_number(me, 9));
  drop(me, list);
  drop(me, dictionary);
}

static void step_once(Thread* me, uint64_t* random, uint32_t step) {
  const uint64_t key = 1 + next_random(random) % (kKeysMost >> step / 8192 % 4);
  switch (next_random(random) % 32) {
    case 0:
      make_cycle(me, step);
      break;
    case 1:
    case 2:
      change_list(me, random, step);
      break;
    case 3:
    case 4:
      for (uint64_t i = 0; i < 8; i++) {
        dictionary_set(me, me->interpreter->dictionary, 1 + (key + i) % kKeysMost, NULL);
      }
      break;
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
      dictionary_set(me, me->interpreter->dictionary, key, new_value(me, random, step, key));
      break;
    case 13: {
      Object* const element = list_get(me, me->interpreter->list, key);
      if (element != NULL) {
        CHECK(is_sound(element, 7));
        keep_or_drop(me, element, random);
      }
      break;
    }
    default:
      read_one(me, random, key);
  }
  if (step % 16384 == 0) dictionary_compact(me, me->interpreter->dictionary);
}

static void collect_if_due(Thread* me, bool always) {
  Interpreter* const interpreter = me->interpreter;
  ashlar_rt_fast_stats_t stats = {.size = sizeof stats};
  CHECK(ashlar_rt_stats_fast(interpreter->realm, &stats));
  if (!always && stats.bytes < atomic_load(&interpreter->next_collection)) return;
  stop_world(me);
  collect_garbage(me);
  resume_world(me);
}

static void run_steps(Thread* me, uint64_t* random, uint32_t first_step) {
  for (uint32_t step = first_step; step < first_step + kStepsOfTurn; step++) {
    step_once(me, random, step);
    rest(me);
  }
  collect_if_due(me, false);
}

typedef struct {
  pthread_t handle;
  uint64_t random;
  _Atomic bool done;
} Worker;

static void* work(void* arg) {
  Worker* const worker = arg;
  Thread* threads[kInterpreters];
  for (size_t i = 0; i < kInterpreters; i++) {
    threads[i] = begin_thread(&interpreters[i]);
    leave(threads[i]);
  }
  for (uint32_t turn = 0; turn < kTurnsOfWorker && !atomic_load(&ending); turn++) {
    Thread* const me = threads[turn % kInterpreters];
    enter(me);
    run_steps(me, &worker->random, turn / kInterpreters * kStepsOfTurn);
    leave(me);
  }
  for (size_t i = 0; i < kInterpreters; i++) {
    enter(threads[i]);
    end_thread(threads[i]);
  }
  atomic_store(&worker->done, true);
  return NULL;
}

static void start_worker(Worker* worker, uint64_t* random) {
  worker->random = next_random(random);
  atomic_store(&worker->done, false);
  CHECK(pthread_create(&worker->handle, NULL, work, worker) == 0);
}

// --- A thread that ends without a word ---

// Its pages are abandoned at its end, by the library. Until it has been joined it counts as
// running: so no walk meets it at that.
static void* end_attached(void* arg) {
  Thread** const threads = arg;
  for (size_t i = 0; i < kInterpreters; i++) {
    threads[i] = begin_thread(&interpreters[i]);
    uint64_t random = i + 1;
    run_steps(threads[i], &random, 0);
    leave(threads[i]);
  }
  for (size_t i = 0; i < kInterpreters; i++) enter(threads[i]);
  return NULL;
}

static void let_one_end_attached(Thread* const mains[]) {
  pthread_t handle;
  Thread* threads[kInterpreters];
  CHECK(pthread_create(&handle, NULL, end_attached, threads) == 0);
  CHECK(pthread_join(handle, NULL) == 0);
  for (size_t i = 0; i < kInterpreters; i++) mark_away(threads[i]);
  for (size_t i = 0; i < kInterpreters; i++) {
    enter(mains[i]);
    stop_world(mains[i]);
    forget_thread(threads[i]);
    interpreters[i].told.ended_attached++;
    resume_world(mains[i]);
    leave(mains[i]);
  }
}

// --- Fork ---

static ashlar_rt_stats_t figures_of(Interpreter* interpreter) {
  ashlar_rt_stats_t stats = {.size = sizeof stats};
  CHECK(ashlar_rt_stats(interpreter->realm, ASHLAR_RT_ALL_TAGS, &stats));
  return stats;
}

// Drops the roots: nothing is left then.
static void empty_interpreter(Thread* me) {
  Interpreter* const interpreter = me->interpreter;
  stop_world(me);
  collect_garbage(me);
  drop(me, interpreter->dictionary);
  drop(me, interpreter->list);
  interpreter->dictionary = interpreter->list = NULL;
  collect_garbage(me);
  CHECK(figures_of(interpreter).blocks == 0);
  ashlar_rt_realm_release_upto(interpreter->realm, atomic_load(&interpreter->sequence));
  resume_world(me);
  ashlar_rt_collect(&me->storage, ASHLAR_RT_COLLECT_ORPHANS | ASHLAR_RT_COLLECT_PURGE);
}

static void check_all_came_back(Thread* me) {
  Interpreter* const interpreter = me->interpreter;
  const ashlar_rt_stats_t stats = figures_of(interpreter);
  CHECK(stats.blocks == 0 && stats.bytes == 0 && stats.held_pages == 0);
  interpreter->told.bytes_left = stats.reserved;
}

// In the child the caller is the only thread. What the others had is what they had when they were
// stopped: their references are dropped, their heaps given up.
static _Noreturn void be_the_child(Thread* const mains[], const ashlar_rt_stats_t before[]) {
  CHECK(ashlar_rt_fork(ASHLAR_RT_FORK_CHILD));
  for (size_t i = 0; i < kInterpreters; i++) {
    Interpreter* const interpreter = &interpreters[i];
    const ashlar_rt_stats_t now = figures_of(interpreter);
    CHECK(now.blocks == before[i].blocks && now.bytes == before[i].bytes);
    // Waiters on these do not exist here.
    memset(&interpreter->lock, 0, sizeof interpreter->lock);
    memset(&interpreter->changed, 0, sizeof interpreter->changed);
    CHECK(pthread_mutex_init(&interpreter->lock, NULL) == 0);
    CHECK(pthread_cond_init(&interpreter->changed, NULL) == 0);
    for (size_t n = 0; n < kThreadsMax; n++) {
      Thread* const thread = &interpreter->threads[n];
      if (thread->id != 0 && thread != mains[i]) forget_thread(thread);
    }
  }
  for (size_t i = 0; i < kInterpreters; i++) {
    resume_world(mains[i]);
    uint64_t random = i;
    run_steps(mains[i], &random, 0);
    while (mains[i]->depth != 0) drop(mains[i], mains[i]->stack[--mains[i]->depth]);
    empty_interpreter(mains[i]);
    end_thread(mains[i]);
    CHECK(end_interpreter(&interpreters[i]) == 0);
  }
  _Exit(0);
}

static void fork_once(Thread* const mains[]) {
  ashlar_rt_stats_t before[kInterpreters];
  for (size_t i = 0; i < kInterpreters; i++) {
    enter(mains[i]);
    stop_world(mains[i]);
    before[i] = figures_of(&interpreters[i]);
  }
  // Held over the fork, so that in the child they are not some vanished thread's.
  for (size_t i = 0; i < kInterpreters; i++) {
    CHECK(pthread_mutex_lock(&interpreters[i].lock) == 0);
  }
  fflush(stdout);
  CHECK(ashlar_rt_fork(ASHLAR_RT_FORK_PREPARE));
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) be_the_child(mains, before);
  CHECK(ashlar_rt_fork(ASHLAR_RT_FORK_PARENT));
  for (size_t i = 0; i < kInterpreters; i++) {
    CHECK(pthread_mutex_unlock(&interpreters[i].lock) == 0);
  }
  for (size_t i = 0; i < kInterpreters; i++) {
    resume_world(mains[i]);
    leave(mains[i]);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// --- The tale ---

static void print_row(const char* name, const uint64_t values[kInterpreters]) {
  printf("  %-46s", name);
  for (size_t i = 0; i < kInterpreters; i++) printf(" %12llu", (unsigned long long)values[i]);
  printf("\n");
}

#define ROW(name, value)                              \
  do {                                                \
    uint64_t values[kInterpreters];                   \
    for (size_t i = 0; i < kInterpreters; i++) {      \
      const Interpreter* const it = &interpreters[i]; \
      values[i] = (uint64_t)(value);                  \
    }                                                 \
    print_row(name, values);                          \
  } while (0)

static void print_all(void) {
  printf("  %-46s %12s %12s\n", "interpreter", "0", "1");
  ROW("threads, in all", it->told.threads);
  ROW("  that ended attached", it->told.ended_attached);
  ROW("  whose pages were abandoned while away", it->told.abandoned);
  ROW("objects made", it->counts[kMade]);
  ROW("  freed", it->counts[kFreed]);
  ROW("  of these by the collector", it->told.freed);
  ROW("references dropped by the owner for another", it->counts[kHandedOver]);
  ROW("objects read without a lock", it->counts[kTaken]);
  ROW("  that were gone before they were taken", it->counts[kTakenLate]);
  ROW("arrays freed after a grace period", it->counts[kArraysWaited]);
  ROW("pages held", it->pages_held);
  ROW("  used again before their goal", it->pages_reused);
  ROW("goals asked for, reached", it->goals_reached);
  ROW("goals asked for, not yet reached", it->goals_asked);
  ROW("KiB held at most, at a collection", it->told.most_held_bytes / 1024);
  ROW("KiB released in stopped worlds", it->told.bytes_released / 1024);
  ROW("KiB released by threads at rest", it->counts[kBytesReleased] / 1024);
  ROW("collections", it->told.collections);
  ROW("  blocks seen in walks, three a collection", it->told.blocks_walked);
  ROW("  blocks at most", it->told.most_blocks);
  ROW("  orphan areas", it->told.orphan_areas);
  ROW("blocks left at the end", it->counts[kMade] - it->counts[kFreed]);
  ROW("KiB of pages left at the end", it->told.bytes_left / 1024);
}

static double seconds_now(void) {
  struct timespec now;
  CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// Whether all that is to be shown has happened. Else the program goes on for a while.
static bool has_happened(uint64_t forks) {
  for (size_t i = 0; i < kInterpreters; i++) {
    const Interpreter* const it = &interpreters[i];
    if (it->told.collections < 4 || it->told.freed == 0 || it->told.ended_attached == 0 ||
        atomic_load(&it->pages_reused) == 0 || atomic_load(&it->goals_reached) == 0 ||
        it->told.orphan_areas == 0) {
      return false;
    }
  }
  return forks != 0;
}

static uint64_t run(Thread* const mains[], uint64_t random, double seconds) {
  const double start = seconds_now();
  Worker workers[kWorkers];
  for (size_t i = 0; i < kWorkers; i++) start_worker(&workers[i], &random);
  uint64_t forks = 0;
  for (uint32_t tick = 0;; tick++) {
    const struct timespec pause = {.tv_nsec = 10000000};
    nanosleep(&pause, NULL);
    for (size_t i = 0; i < kWorkers; i++) {
      if (!atomic_load(&workers[i].done)) continue;
      CHECK(pthread_join(workers[i].handle, NULL) == 0);
      start_worker(&workers[i], &random);
    }
    if (tick % 16 == 3) let_one_end_attached(mains);
    if (tick % 32 == 11) {
      fork_once(mains);
      forks++;
    }
    if (tick % 8 == 7) {
      enter(mains[tick / 8 % kInterpreters]);
      collect_if_due(mains[tick / 8 % kInterpreters], true);
      leave(mains[tick / 8 % kInterpreters]);
    }
    const double passed = seconds_now() - start;
    if (passed >= seconds) {
      enter(mains[0]);  // what was counted is read with the worlds stopped
      enter(mains[1]);
      stop_world(mains[0]);
      stop_world(mains[1]);
      const bool enough = has_happened(forks);
      for (size_t i = 0; i < kInterpreters; i++) {
        resume_world(mains[i]);
        leave(mains[i]);
      }
      if (enough) break;
      CHECK(passed < seconds + 120);
    }
  }
  atomic_store(&ending, true);
  for (size_t i = 0; i < kWorkers; i++) CHECK(pthread_join(workers[i].handle, NULL) == 0);
  return forks;
}

int main(int argc, char** argv) {
  unsigned long long seed = 1;
  double seconds = 2;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--seed") == 0) seed = strtoull(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--seconds") == 0) seconds = strtod(argv[i + 1], NULL);
  }
  printf("objects: seed %llu\n", seed);
  Thread* mains[kInterpreters];
  for (size_t i = 0; i < kInterpreters; i++) {
    start_interpreter(&interpreters[i]);
    mains[i] = begin_thread(&interpreters[i]);
    interpreters[i].dictionary = new_dictionary(mains[i]);
    interpreters[i].list = new_list(mains[i]);
    may_be_seen(interpreters[i].dictionary);
    may_be_seen(interpreters[i].list);
    show_a_slow_reader(mains[i]);
    leave(mains[i]);
  }
  const uint64_t forks = run(mains, seed, seconds);

  void* left = NULL;
  for (size_t i = 0; i < kInterpreters; i++) {
    enter(mains[i]);
    empty_interpreter(mains[i]);
    check_all_came_back(mains[i]);
    // The last one leaves something behind.
    if (i + 1 == kInterpreters) left = ashlar_rt_malloc(mains[i]->heaps[kLeaves], 1000);
    end_thread(mains[i]);
    CHECK(end_interpreter(&interpreters[i]) == (i + 1 == kInterpreters ? 1 : 0));
  }
  CHECK(left != NULL);
  memset(left, 1, 1000);
  ashlar_rt_free(left);  // and with it the last of the interpreter's memory
  print_all();
  for (size_t i = 0; i < kInterpreters; i++) {
    CHECK(interpreters[i].counts[kMade] == interpreters[i].counts[kFreed]);
  }
  printf("  %llu forks; in each child all was found, collected and given back\n",
         (unsigned long long)forks);
  return 0;
}
