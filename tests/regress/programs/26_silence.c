/* Row 26: nothing is printed unless something is wrong or asked for: a busy program with threads,
   forks, large blocks, reallocs and exit handlers leaves stdout and stderr empty. */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void at_exit(void) {
  void* const block = malloc(5000);
  free(block);
}

static void* busy(void* argument) {
  unsigned state = (unsigned)(size_t)argument;
  void* kept[300] = {0};
  for (int i = 0; i < 20000; i++) {
    state = state * 1103515245u + 12345u;
    const size_t slot = (state >> 8) % 300;
    const size_t size = (state >> 16) % 200 == 0 ? (state >> 4) % 3000000 : (state >> 12) % 3000;
    const unsigned way = (state >> 20) % 5;
    if (way == 0) {
      kept[slot] = realloc(kept[slot], size + 1);
    } else {
      free(kept[slot]);
      kept[slot] = way == 1   ? calloc(1, size)
                   : way == 2 ? aligned_alloc(64, (size + 63) / 64 * 64)
                              : malloc(size);
    }
    if (kept[slot] == NULL || malloc_usable_size(kept[slot]) < size) _exit(5);
    memset(kept[slot], 1, size);
  }
  /* Half is left to the others: somebody must free what a dead thread had. */
  for (int i = 0; i < 300; i += 2) {
    free(kept[i]);
    kept[i] = NULL;
  }
  void** const left = malloc(sizeof kept);
  memcpy(left, kept, sizeof kept);
  return left;
}

static int child(void) {
  alarm(100);
  atexit(at_exit);
  for (size_t round = 0; round < 3; round++) {
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++)
      if (pthread_create(&threads[i], NULL, busy, (void*)(round * 3 + i)) != 0) return 3;
    const pid_t pid = fork();
    if (pid == 0) {
      free(busy((void*)77));
      _exit(0);
    }
    for (size_t i = 0; i < 3; i++) {
      void* left = NULL;
      pthread_join(threads[i], &left);
      for (int j = 0; j < 300; j++) free(((void**)left)[j]);
      free(left);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) return 4;
  }
  void* const huge = malloc(1u << 30);
  free(huge);
  free(NULL);
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 2) return child();
  int ends[2];
  if (pipe(ends) != 0) return 2;
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    close(ends[0]);
    close(ends[1]);
    execl("/proc/self/exe", argv[0], "busy", (char*)NULL);
    _exit(9);
  }
  close(ends[1]);
  char text[2000];
  size_t length = 0;
  ssize_t more = 0;
  while ((more = read(ends[0], text + length, sizeof text - 1 - length)) > 0) {
    length += (size_t)more;
    if (length == sizeof text - 1) break;
  }
  text[length] = '\0';
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) return 2;
  if (status != 0) fprintf(stderr, "the busy program ended with status %#x\n", (unsigned)status);
  if (length != 0) fprintf(stderr, "%zu bytes were printed: %s\n", length, text);
  return status != 0 || length != 0;
}
