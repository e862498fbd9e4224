/* Row 5: a library that carries an allocator of its own is loaded, used and unloaded many times, by
   one thread and by several that end before or after. Nothing is left of it: no addresses, no
   resident memory, no pthread keys, no handler that is called when its code is gone. Each scenario
   runs with the library preloaded as well and without it, and with both TLS models. */
#define _GNU_SOURCE /* memfd_create, and what dlfcn.h has beyond POSIX */
#include <limits.h>
#include <pthread.h>

#include "plugin.h"

enum { kReloads = 100, kCheapReloads = 1100, kThreads = 4, kWarmUp = 10 };

static const char* library(void) {
  const char* const name = getenv("REGRESS_CARRIER");
  return name != NULL ? name : "regress_carrier";
}

static struct carrier load(void) { return carrier_of(try_library(library())); }

static size_t addresses_before;
static size_t resident_before;

/* The first reloads set up what libc keeps for itself. */
static void note_memory(int round) {
  if (round != kWarmUp) return;
  addresses_before = address_bytes();
  resident_before = resident_bytes();
}

/* Without the library preloaded, glibc gives threads that meet in its malloc arenas of 64 MiB of
   addresses each, also late. Anything left by each reload would be far more. */
static void check_memory(void) {
  CHECK_AT_MOST(growth(addresses_before, address_bytes()), 4 * 64 * kMiB);
  CHECK_AT_MOST(growth(resident_before, resident_bytes()), 3 * kMiB);
}

static void by_main(void) {
  for (int i = 0; i < kReloads; i++) {
    note_memory(i);
    struct carrier carrier = load();
    CHECK(carrier.work((unsigned)i));
    void* const block = carrier.malloc(40 << 20);
    CHECK(block != NULL);
    memset(block, 1, 1 << 20);
    carrier.free(block);
    if (i % 2 == 0) carrier.collect();
    unload(&carrier);
  }
  check_memory();
}

static void cheap_reloads(void) {
  for (int i = 0; i < kCheapReloads; i++) {
    note_memory(i);
    struct carrier carrier = load();
    void* const block = carrier.malloc(100);
    CHECK(block != NULL);
    memset(block, 1, 100);
    carrier.free(block);
    unload(&carrier);
  }
  check_memory();
}

static int keys_left(void) {
  static pthread_key_t keys[PTHREAD_KEYS_MAX];
  int count = 0;
  while (count < PTHREAD_KEYS_MAX && pthread_key_create(&keys[count], NULL) == 0) count++;
  for (int i = 0; i < count; i++) CHECK(pthread_key_delete(keys[i]) == 0);
  return count;
}

static void keys(void) {
  struct carrier carrier = load();
  CHECK(carrier.work(1));
  unload(&carrier);
  const int before = keys_left();
  for (int i = 0; i < 20; i++) {
    carrier = load();
    CHECK(carrier.work((unsigned)i));
    unload(&carrier);
  }
  CHECK_AT_MOST(before, keys_left());
}

/* Without a key to be had the library works, and is unloaded like any other. */
static void no_keys_left(void) {
  static pthread_key_t taken[PTHREAD_KEYS_MAX];
  int count = 0;
  while (count < PTHREAD_KEYS_MAX && pthread_key_create(&taken[count], NULL) == 0) count++;
  for (int i = 0; i < 20; i++) {
    struct carrier carrier = load();
    CHECK(carrier.work((unsigned)i));
    unload(&carrier);
  }
  for (int i = 0; i < count; i++) CHECK(pthread_key_delete(taken[i]) == 0);
}

static struct carrier shared;
static pthread_barrier_t used;
static pthread_barrier_t unloaded;

static void* use_and_end(void* argument) {
  CHECK(shared.work((unsigned)(size_t)argument));
  return NULL;
}

static void threads_end_before(void) {
  for (int i = 0; i < kReloads; i++) {
    note_memory(i);
    pthread_t threads[kThreads];
    shared = load();
    for (size_t t = 0; t < kThreads; t++)
      CHECK(pthread_create(&threads[t], NULL, use_and_end, (void*)t) == 0);
    for (size_t t = 0; t < kThreads; t++) CHECK(pthread_join(threads[t], NULL) == 0);
    CHECK(shared.work(99));
    unload(&shared);
  }
  check_memory();
}

static void* use_and_outlive(void* argument) {
  CHECK(shared.work((unsigned)(size_t)argument));
  pthread_barrier_wait(&used);
  pthread_barrier_wait(&unloaded);
  void* const block = malloc(500);
  CHECK(block != NULL);
  free(block);
  return NULL;
}

static void start_barriers(void) {
  CHECK(pthread_barrier_init(&used, NULL, kThreads + 1) == 0);
  CHECK(pthread_barrier_init(&unloaded, NULL, kThreads + 1) == 0);
}

static void threads_end_after(void) {
  start_barriers();
  for (int i = 0; i < kReloads; i++) {
    note_memory(i);
    pthread_t threads[kThreads];
    shared = load();
    for (size_t t = 0; t < kThreads; t++)
      CHECK(pthread_create(&threads[t], NULL, use_and_outlive, (void*)t) == 0);
    pthread_barrier_wait(&used);
    unload(&shared);
    pthread_barrier_wait(&unloaded);
    for (size_t t = 0; t < kThreads; t++) CHECK(pthread_join(threads[t], NULL) == 0);
  }
  check_memory();
}

/* The same threads use one loaded library after the other. */
static void* use_every_load(void* argument) {
  for (int i = 0; i < kReloads; i++) {
    pthread_barrier_wait(&unloaded);
    CHECK(shared.work((unsigned)(size_t)argument + (unsigned)i));
    pthread_barrier_wait(&used);
  }
  /* Ends when the last library has gone: nothing could keep code in place that a thread's end is
     just running. */
  pthread_barrier_wait(&unloaded);
  return NULL;
}

static void threads_outlive_many(void) {
  start_barriers();
  pthread_t threads[kThreads];
  for (size_t t = 0; t < kThreads; t++)
    CHECK(pthread_create(&threads[t], NULL, use_every_load, (void*)t) == 0);
  for (int i = 0; i < kReloads; i++) {
    note_memory(i);
    shared = load();
    pthread_barrier_wait(&unloaded);
    pthread_barrier_wait(&used);
    unload(&shared);
  }
  check_memory();
  pthread_barrier_wait(&unloaded);
  for (size_t t = 0; t < kThreads; t++) CHECK(pthread_join(threads[t], NULL) == 0);
}

/* After the library has gone nobody calls its handlers, at fork, at a thread's end, or at exit. */
static void fork_and_exit_afterwards(void) {
  struct carrier carrier = load();
  CHECK(carrier.work(1));
  const pid_t while_loaded = fork();
  if (while_loaded == 0) {
    alarm(kWatchdogSeconds);
    CHECK(carrier.work(2));
    unload(&carrier);
    exit(0);
  }
  expect_good_end(while_loaded);
  unload(&carrier);
  const pid_t child = fork();
  if (child == 0) exit(0);
  expect_good_end(child);
  struct carrier again = load();
  CHECK(again.work(3));
  const pid_t after_reload = fork();
  if (after_reload == 0) {
    CHECK(again.work(4));
    exit(0);
  }
  expect_good_end(after_reload);
}

static void* use_and_unload(void* unused) {
  CHECK(shared.work(5));
  unload(&shared);
  return unused;
}

/* The thread that unloads is not the one that loaded, and is at its own end. */
static void unloaded_by_a_thread(void) {
  for (int i = 0; i < kReloads; i++) {
    note_memory(i);
    shared = load();
    CHECK(i % 2 == 0 || shared.work(6));
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, use_and_unload, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  }
  check_memory();
}

#define EACH_WAY(name)                                            \
  {#name "_preloaded", name, NULL}, {#name, name, "LD_PRELOAD="}, \
      {#name "_dynamic_tls", name, "REGRESS_CARRIER=regress_carrier_dynamic_tls"}

int main(int argc, char** argv) {
  static const struct scenario kScenarios[] = {
      EACH_WAY(by_main),
      EACH_WAY(cheap_reloads),
      EACH_WAY(keys),
      EACH_WAY(no_keys_left),
      EACH_WAY(threads_end_before),
      EACH_WAY(threads_end_after),
      EACH_WAY(threads_outlive_many),
      EACH_WAY(fork_and_exit_afterwards),
      EACH_WAY(unloaded_by_a_thread),
  };
  return RUN_SCENARIOS(argc, argv, kScenarios);
}
