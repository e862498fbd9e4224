/* Row 25: a message from inside malloc with stdio locked by another thread, with fd 2 closed, and
   with fd 2 a pipe that nobody reads any more. Each in a child with the messages switched on, which
   must neither hang nor die; the first must also be heard. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile size_t too_much = (size_t)PTRDIFF_MAX + 1;

/* A request that no allocator can meet makes it say so. */
static int provoke(void) {
  errno = 0;
  return malloc(too_much) == NULL && errno == ENOMEM;
}

static int works(void) {
  char* const block = malloc(1000);
  if (block == NULL) return 0;
  memset(block, 1, 1000);
  free(block);
  return 1;
}

static pthread_barrier_t barrier;
static void* lock_stdio(void* unused) {
  (void)unused;
  flockfile(stderr);
  flockfile(stdout);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  funlockfile(stdout);
  funlockfile(stderr);
  return NULL;
}

static int child(const char* what) {
  alarm(60); /* a deadlock ends here, with a signal */
  if (strcmp(what, "locked") == 0) {
    pthread_t thread;
    if (pthread_barrier_init(&barrier, NULL, 2) != 0) return 3;
    if (pthread_create(&thread, NULL, lock_stdio, NULL) != 0) return 3;
    pthread_barrier_wait(&barrier);
    const int good = provoke() && works();
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    return good ? 0 : 1;
  }
  if (strcmp(what, "closed") == 0) {
    close(2);
    for (int i = 0; i < 40; i++)
      if (!provoke()) return 1;
    return works() ? 0 : 1;
  }
  if (strcmp(what, "all_closed") == 0) {
    close(0);
    close(1);
    close(2);
    return provoke() && works() ? 0 : 1;
  }
  if (strcmp(what, "full") == 0) {
    const int full = open("/dev/full", O_WRONLY);
    if (full < 0 || dup2(full, 2) != 2) return 3;
    return provoke() && works() ? 0 : 1;
  }
  if (strcmp(what, "deaf") == 0) {
    int ends[2];
    if (pipe(ends) != 0 || dup2(ends[1], 2) != 2) return 3;
    close(ends[0]);
    close(ends[1]);
    signal(SIGPIPE, SIG_IGN);
    return provoke() && works() ? 0 : 1;
  }
  return 4;
}

int main(int argc, char** argv) {
  if (argc == 2) return child(argv[1]);
  static const char* const kWhat[] = {"locked", "closed", "all_closed", "full", "deaf"};
  int failed = 0;
  for (size_t i = 0; i < sizeof kWhat / sizeof kWhat[0]; i++) {
    int ends[2];
    if (pipe(ends) != 0) return 2;
    const pid_t pid = fork();
    if (pid == 0) {
      dup2(ends[1], 2);
      close(ends[0]);
      close(ends[1]);
      setenv("ASHLAR_SHOW_ERRORS", "1", 1);
      execl("/proc/self/exe", argv[0], kWhat[i], (char*)NULL);
      _exit(9);
    }
    close(ends[1]);
    char text[4096] = {0};
    size_t length = 0;
    ssize_t more = 0;
    while (length < sizeof text - 1 &&
           (more = read(ends[0], text + length, sizeof text - 1 - length)) > 0)
      length += (size_t)more;
    close(ends[0]);
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid) return 2;
    if (status != 0) {
      fprintf(stderr, "%s: status %#x, said: %s\n", kWhat[i], (unsigned)status, text);
      failed = 1;
    }
    if (i == 0 && strstr(text, "ashlar") == NULL) {
      fprintf(stderr, "no message was heard with stdio locked: '%s'\n", text);
      failed = 1;
    }
  }
  return failed;
}
