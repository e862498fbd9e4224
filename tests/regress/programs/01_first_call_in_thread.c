/* Row 1: the program's first own call of malloc, of each kind, is made by a thread that is not the
   main one; the main thread's first call is then the free of a block that is not its own. Each kind
   runs in a child process. */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int kind;

static void* first_call(void* unused) {
  (void)unused;
  void* p = NULL;
  switch (kind) {
    case 0:
      return malloc(100);
    case 1:
      return calloc(10, 10);
    case 2:
      return realloc(NULL, 100);
    case 3:
      return posix_memalign(&p, 128, 100) == 0 ? p : NULL;
    case 4:
      return aligned_alloc(64, 128);
    case 5:
      free(NULL);
      return malloc(200);
    case 6:
      return malloc_usable_size(NULL) == 0 ? malloc(100) : NULL;
    case 7:
      return strdup(
          "a string that is as long as a hundred bytes must be, so it goes on and on "
          "and then a little more, until it is");
    case 8:
      return malloc(40 << 20);
    default:
      return NULL;
  }
}

int main(void) {
  enum { kKinds = 9 };
  for (kind = 0; kind < kKinds; kind++) {
    const pid_t child = fork();
    if (child == 0) {
      pthread_t thread;
      void* block = NULL;
      if (pthread_create(&thread, NULL, first_call, NULL) != 0) _exit(3);
      if (pthread_join(thread, &block) != 0) _exit(4);
      if (block == NULL || malloc_usable_size(block) < 100) _exit(5);
      memset(block, 1, 100);
      free(block);
      char* const mine = malloc(60);
      if (mine == NULL) _exit(6);
      memset(mine, 2, 60);
      free(mine);
      exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return 2;
    if (status != 0) {
      dprintf(2, "kind %d: status %#x\n", kind, (unsigned)status);
      return 1;
    }
  }
  return 0;
}
