/* Row 1: the main thread ends by pthread_exit while others go on for a while: they free and resize
   its blocks, exchange blocks of their own, start threads, and the last one ends the process. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition)                                                \
  do {                                                                  \
    if (!(condition)) {                                                 \
      dprintf(2, "%s:%d: wrong: %s\n", __FILE__, __LINE__, #condition); \
      _exit(1);                                                         \
    }                                                                   \
  } while (0)

enum { kBlocks = 3000, kWorkers = 3 };
static char* blocks[kBlocks];
static pthread_t main_thread;
static pthread_barrier_t barrier;

static size_t size_of(size_t i) { return i % 40 == 0 ? 100000 + i : i % 900 + 1; }

static void* short_life(void* argument) {
  char* const block = malloc(100);
  CHECK(block != NULL);
  free(argument);
  return block;
}

/* Each worker's blocks are freed by the next one, thousands of times. */
static struct passed {
  unsigned char* block;
  size_t size;
} passed[kWorkers][64];

static void go_on(size_t worker) {
  for (size_t round = 0; round < 400; round++) {
    for (size_t i = 0; i < 64; i++) {
      struct passed* const mine = &passed[worker][i];
      mine->size = size_of(round * 64 + i * 7 + 1);
      mine->block = round % 2 == 0 ? malloc(mine->size) : calloc(1, mine->size);
      CHECK(mine->block != NULL);
      memset(mine->block, (int)(round + i), mine->size);
    }
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < 64; i++) {
      const struct passed theirs = passed[(worker + 1) % kWorkers][i];
      for (size_t at = 0; at < theirs.size; at++)
        CHECK(theirs.block[at] == (unsigned char)(round + i));
      free(theirs.block);
    }
    pthread_barrier_wait(&barrier);
  }
}

static void* work(void* argument) {
  const size_t first = (size_t)argument;
  if (first == 0) CHECK(pthread_join(main_thread, NULL) == 0);
  pthread_barrier_wait(&barrier);
  for (size_t i = first; i < kBlocks; i += kWorkers) {
    CHECK(blocks[i][0] == (char)i && blocks[i][size_of(i) - 1] == (char)i);
    if (i % 4 == 0) {
      char* const grown = realloc(blocks[i], size_of(i) * 2);
      CHECK(grown != NULL && grown[size_of(i) - 1] == (char)i);
      blocks[i] = grown;
    }
    free(blocks[i]);
    blocks[i] = malloc(size_of(i));
    CHECK(blocks[i] != NULL);
    memset(blocks[i], 1, size_of(i));
  }
  go_on(first);
  for (int i = 0; i < 20; i++) {
    pthread_t thread;
    void* left = NULL;
    CHECK(pthread_create(&thread, NULL, short_life, malloc(64)) == 0);
    CHECK(pthread_join(thread, &left) == 0);
    free(left);
  }
  pthread_barrier_wait(&barrier);
  if (first == 0) exit(0);
  for (;;) pause();
}

int main(void) {
  alarm(120);
  main_thread = pthread_self();
  for (size_t i = 0; i < kBlocks; i++) {
    blocks[i] = malloc(size_of(i));
    CHECK(blocks[i] != NULL);
    memset(blocks[i], (int)i, size_of(i));
  }
  CHECK(pthread_barrier_init(&barrier, NULL, kWorkers) == 0);
  for (size_t i = 0; i < kWorkers; i++) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, work, (void*)i) == 0);
  }
  pthread_exit(NULL);
}
