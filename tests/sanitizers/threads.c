// Accesses of two threads to one block that no lock and no join puts in order, as threads.expect
// says. The pauses put them in one order in time, which is none for a tool.
#include <pthread.h>

#include "allocator.h"

static char* block;

static void* write_late(void* ignored) {
  (void)ignored;
  usleep(50000);
  block[4] = 1;
  return NULL;
}

static void* free_early(void* ignored) {
  (void)ignored;
  give(block);
  return NULL;
}

static void* free_late(void* ignored) {
  (void)ignored;
  usleep(50000);
  give(block);
  return NULL;
}

static void* allocate_early(void* ignored) {
  (void)ignored;
  char* p = hidden(take(100));
  p[4] = 1;
  __atomic_store_n(&block, p, __ATOMIC_RELAXED);
  return NULL;
}

static void in_two_threads(void* (*first)(void*), void* (*second)(void*)) {
  pthread_t threads[2];
  pthread_create(&threads[0], NULL, first, NULL);
  pthread_create(&threads[1], NULL, second, NULL);
  pthread_join(threads[0], NULL);
  pthread_join(threads[1], NULL);
}

static void race_on_block(void) {
  block = hidden(take(24));
  pthread_t thread;
  pthread_create(&thread, NULL, write_late, NULL);
  block[4] = 2;
  pthread_join(thread, NULL);
  give(block);
}

static void* write_early(void* ignored) {
  (void)ignored;
  block[9] = 1;
  return NULL;
}

static void use_after_free_elsewhere(void) {
  block = hidden(take(24));
  in_two_threads(free_early, write_late);
}

static void free_of_block_in_use(void) {
  block = hidden(take(24));
  in_two_threads(write_early, free_late);
}

// The pointer gets there, but nothing says that what it points to was there before.
static void* read_published(void* ignored) {
  (void)ignored;
  usleep(50000);
  sink = __atomic_load_n(&block, __ATOMIC_RELAXED)[50];
  return NULL;
}

static void block_published_without_order(void) {
  in_two_threads(allocate_early, read_published);
  give(block);
}

static void free_twice_in_order(void) {
  block = hidden(take(24));
  give(block);
  give(block);
}

static const struct Case cases[] = {
    {"race_on_block", race_on_block},
    {"use_after_free_elsewhere", use_after_free_elsewhere},
    {"free_of_block_in_use", free_of_block_in_use},
    {"block_published_without_order", block_published_without_order},
    {"free_twice_in_order", free_twice_in_order},
};

int main(int argc, char** argv) {
  return run_cases(cases, sizeof cases / sizeof cases[0], argc, argv);
}
