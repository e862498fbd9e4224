/* A shared library that programs are linked with: its constructor runs before the preloaded
   library's, and makes the process's first calls, or registers the first fork handlers. Which of
   them is said by REGRESS_EARLY; the program looks at what came of it. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "early.h"

char* early_block;
int early_failed;
pthread_mutex_t early_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*handler)(void);

static int use(void* p, size_t size) {
  if (p == NULL) return 0;
  memset(p, 5, size);
  free(p);
  return 1;
}

static void* first_calls_of_a_thread(void* unused) {
  free(NULL);
  if (!use(malloc(70), 70) || !use(calloc(3, 5000), 15000)) early_failed = 1;
  early_block = malloc(1000);
  if (early_block != NULL) memset(early_block, 7, 1000);
  return unused;
}

static void lock(void) { pthread_mutex_lock(&early_lock); }
static void unlock(void) { pthread_mutex_unlock(&early_lock); }

void early_call_at_fork(void (*wanted)(void)) { handler = wanted; }
static void call_handler(void) {
  if (handler != NULL) handler();
}

__attribute__((constructor)) static void make_first_calls(void) {
  const char* const what = getenv("REGRESS_EARLY");
  if (what == NULL) return;
  if (strcmp(what, "free") == 0) {
    errno = 5;
    free(NULL);
    early_failed = errno != 5;
  } else if (strcmp(what, "malloc") == 0) {
    first_calls_of_a_thread(NULL);
  } else if (strcmp(what, "huge") == 0) {
    early_failed = !use(malloc(70u << 20), 70u << 20);
  } else if (strcmp(what, "aligned") == 0) {
    void* p = NULL;
    early_failed = posix_memalign(&p, 1 << 16, 100) != 0 || !use(p, 100);
  } else if (strcmp(what, "realloc") == 0) {
    early_failed = !use(realloc(NULL, 100), 100);
  } else if (strcmp(what, "thread") == 0) {
    pthread_t thread;
    early_failed = pthread_create(&thread, NULL, first_calls_of_a_thread, NULL) != 0 ||
                   pthread_join(thread, NULL) != 0 || early_failed;
  } else if (strcmp(what, "handlers") == 0) {
    early_failed = pthread_atfork(call_handler, call_handler, call_handler) != 0;
  } else if (strcmp(what, "locks") == 0) {
    early_failed = pthread_atfork(lock, unlock, unlock) != 0;
  } else {
    early_failed = 1;
  }
}

__attribute__((destructor)) static void make_last_calls(void) {
  if (early_block != NULL && early_block[999] != 7) abort();
  free(early_block);
  if (!use(malloc(3000), 3000)) abort();
}
