/* Memory comes back when a program goes idle: blocks of small sizes, freed by the thread that
   allocated them or by another one, and then nobody calls any more. */
#include <pthread.h>

#include "program.h"

enum { kMostThreads = 16, kTotal = 128 * kMiB, kSizes = 7 };
static const size_t sizes[kSizes] = {16, 40, 96, 200, 320, 640, 1000};

/* Of what waits, no more than the budget; of what a sleeping thread keeps, this. */
enum { kBudget = 16 * kMiB, kPerThread = kMiB };

static int threads;
static int by_another;
static pthread_barrier_t barrier;
static void** blocks[kMostThreads];
static size_t counts[kMostThreads];

static void fill(int self) {
  const size_t bytes = kTotal / (size_t)threads;
  blocks[self] = malloc(bytes / 16 * sizeof(void*));
  CHECK(blocks[self] != NULL);
  size_t count = 0;
  for (size_t done = 0; done < bytes; count++) {
    const size_t size = sizes[count % kSizes];
    blocks[self][count] = malloc(size);
    CHECK(blocks[self][count] != NULL);
    memset(blocks[self][count], 1, size);
    done += size;
  }
  counts[self] = count;
}

static void drain(int whose) {
  for (size_t i = 0; i < counts[whose]; i++) free(blocks[whose][i]);
  free(blocks[whose]);
}

static void* work(void* arg) {
  const int self = (int)(intptr_t)arg;
  fill(self);
  pthread_barrier_wait(&barrier);
  drain(by_another ? (self + 1) % threads : self);
  pthread_barrier_wait(&barrier); /* freed */
  pthread_barrier_wait(&barrier); /* asleep until it was measured */
  return NULL;
}

static void idle(int count, int another) {
  threads = count;
  by_another = another;
  const size_t before = resident_bytes();
  pthread_t started[kMostThreads];
  CHECK(pthread_barrier_init(&barrier, NULL, (unsigned)count + 1) == 0);
  for (int i = 0; i < count; i++)
    CHECK(pthread_create(&started[i], NULL, work, (void*)(intptr_t)i) == 0);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  sleep(1);
  CHECK_AT_MOST(growth(before, resident_bytes()), kBudget + (long long)count * kPerThread);
  pthread_barrier_wait(&barrier);
  for (int i = 0; i < count; i++) CHECK(pthread_join(started[i], NULL) == 0);
}

static void single(void) {
  threads = 1;
  const size_t before = resident_bytes();
  fill(0);
  drain(0);
  sleep(1);
  CHECK_AT_MOST(growth(before, resident_bytes()), kBudget);
}

static void four_own(void) { idle(4, 0); }
static void four_another(void) { idle(4, 1); }
static void sixteen_own(void) { idle(16, 0); }
static void sixteen_another(void) { idle(16, 1); }

int main(int argc, char** argv) {
  static const struct scenario scenarios[] = {
      {"single", single, NULL},
      {"four_own", four_own, NULL},
      {"four_another", four_another, NULL},
      {"sixteen_own", sixteen_own, NULL},
      {"sixteen_another", sixteen_another, NULL},
  };
  return run_scenarios(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
