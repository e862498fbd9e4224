/* Row 1: free(NULL) and the first malloc before any constructor ran: .preinit_array functions run
   before the constructors of every library, the preloaded one's included. What was allocated then
   must live on, and be freeable from main, from a thread and from the last destructor. */
#include <errno.h>
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

enum { kBlocks = 60 };
static unsigned char* early[kBlocks];
static unsigned char* early_large;
static unsigned char* constructed;

static size_t size_of(int i) { return (size_t)i * (size_t)i * 7 + 1; }

static void before_everything(int argc, char** argv, char** environment) {
  (void)argc;
  (void)argv;
  (void)environment;
  errno = 77;
  free(NULL);
  CHECK(errno == 77);
  for (int i = 0; i < kBlocks; i++) {
    early[i] = i % 3 == 0 ? calloc(1, size_of(i)) : malloc(size_of(i));
    CHECK(early[i] != NULL);
    memset(early[i], i, size_of(i));
  }
  early_large = malloc(5 << 20);
  CHECK(early_large != NULL);
  memset(early_large, 9, 5 << 20);
}

__attribute__((section(".preinit_array"),
               used)) static void (*const preinit)(int, char**, char**) = before_everything;

__attribute__((constructor(101))) static void construct(void) {
  CHECK(early_large[(5 << 20) - 1] == 9);
  early_large = realloc(early_large, 6 << 20);
  CHECK(early_large != NULL && early_large[(5 << 20) - 1] == 9);
  constructed = malloc(300);
  CHECK(constructed != NULL);
  memset(constructed, 4, 300);
}

__attribute__((destructor(101))) static void destruct(void) {
  CHECK(constructed[299] == 4);
  free(constructed);
  free(early[kBlocks - 1]);
  CHECK(malloc(50) != NULL);
}

static void* free_half(void* unused) {
  (void)unused;
  for (int i = 0; i + 1 < kBlocks; i += 2) free(early[i]);
  return NULL;
}

int main(void) {
  for (int i = 0; i < kBlocks; i++)
    for (size_t at = 0; at < size_of(i); at++) CHECK(early[i][at] == i);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, free_half, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  for (int i = 1; i + 1 < kBlocks; i += 2) free(early[i]);
  free(early_large);
  return 0;
}
