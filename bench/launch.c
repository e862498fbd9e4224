// Runs a program with a library preloaded and writes what the run took. A process that Python
// starts inherits Python's peak of resident memory; one that this small static program starts does
// not. It is no benchmark itself, and never runs under the allocator that it measures.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double seconds(struct timeval time) {
  return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

int main(int argc, char** argv) {
  if (argc < 5) {
    fprintf(stderr,
            "usage: launch REPORT TIMES PRELOAD PROGRAM [ARGUMENT...]\n"
            "Runs PROGRAM so many TIMES with LD_PRELOAD=PRELOAD (empty: unset) and writes to the\n"
            "file REPORT: wall user system seconds, peak resident KiB, wait status.\n");
    return 2;
  }
  const char* report = argv[1];
  const long times = strtol(argv[2], NULL, 10);
  double user = 0;
  double system = 0;
  long peak = 0;
  int status = 0;
  const double start = now();
  for (long i = 0; i < times && status == 0; i++) {
    const pid_t child = fork();
    if (child < 0) {
      perror("launch: fork");
      return 2;
    }
    if (child == 0) {
      if (argv[3][0] == '\0') {
        unsetenv("LD_PRELOAD");
      } else {
        setenv("LD_PRELOAD", argv[3], 1);
      }
      execvp(argv[4], argv + 4);
      fprintf(stderr, "launch: %s: %s\n", argv[4], strerror(errno));
      _exit(127);
    }
    struct rusage usage;
    while (wait4(child, &status, 0, &usage) < 0) {
      if (errno != EINTR) {
        perror("launch: wait4");
        return 2;
      }
    }
    // The usage includes the child's own children; the peak is that of the largest process.
    user += seconds(usage.ru_utime);
    system += seconds(usage.ru_stime);
    if (usage.ru_maxrss > peak) peak = usage.ru_maxrss;
  }
  const double wall = now() - start;
  FILE* file = fopen(report, "w");
  if (file == NULL) {
    perror(report);
    return 2;
  }
  fprintf(file, "%.6f %.6f %.6f %ld %d\n", wall, user, system, peak, status);
  return fclose(file) == 0 ? 0 : 2;
}
