/* What the preloaded programs about the life of threads and processes share: checks that end the
   program, blocks of known content, the memory of the process, chance with a seed, and scenarios
   that run in a process each, under a watchdog. It holds no test. */
#ifndef REGRESS_PROGRAM_H
#define REGRESS_PROGRAM_H

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kWatchdogSeconds = 100, kMiB = 1 << 20 };

#define CHECK(condition)                                                                  \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      dprintf(2, "%s:%d: wrong: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
      _exit(1);                                                                           \
    }                                                                                     \
  } while (0)

/* As CHECK(have <= most), and says both numbers. */
#define CHECK_AT_MOST(have, most)                                                              \
  do {                                                                                         \
    const long long have_ = (long long)(have);                                                 \
    const long long most_ = (long long)(most);                                                 \
    if (have_ > most_) {                                                                       \
      dprintf(2, "%s:%d: wrong: %s is %lld, at most %lld\n", __FILE__, __LINE__, #have, have_, \
              most_);                                                                          \
      _exit(1);                                                                                \
    }                                                                                          \
  } while (0)

/* A block remembers nothing: who has it knows its size and seed. Whole words but for the end. */
static inline uint64_t pattern_word(size_t index, uint64_t seed) {
  uint64_t x = (index + 1) * 0x9E3779B97F4A7C15u ^ (seed * 0xBF58476D1CE4E5B9u + 1);
  return x ^ (x >> 29);
}

static inline void pattern_fill(void* block, size_t size, uint64_t seed) {
  unsigned char* const bytes = (unsigned char*)block;
  for (size_t at = 0; at < size; at += 8) {
    const uint64_t word = pattern_word(at, seed);
    memcpy(bytes + at, &word, size - at < 8 ? size - at : 8);
  }
}

static inline int pattern_holds(const void* block, size_t size, uint64_t seed) {
  const unsigned char* const bytes = (const unsigned char*)block;
  for (size_t at = 0; at < size; at += 8) {
    const uint64_t word = pattern_word(at, seed);
    if (memcmp(bytes + at, &word, size - at < 8 ? size - at : 8) != 0) return 0;
  }
  return 1;
}

/* The number behind `field` (with its colon) in a file of /proc, in bytes where the file says kB.
   Neither stdio nor malloc is used. */
static inline size_t proc_field(const char* path, const char* field) {
  char text[8192];
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  CHECK(file >= 0);
  size_t length = 0;
  ssize_t more = 0;
  while (length < sizeof text - 1 &&
         (more = read(file, text + length, sizeof text - 1 - length)) > 0)
    length += (size_t)more;
  close(file);
  text[length] = '\0';
  const char* const found = strstr(text, field);
  CHECK(found != NULL);
  char* end = NULL;
  const size_t number = strtoul(found + strlen(field), &end, 10);
  return strncmp(end, " kB", 3) == 0 ? number * 1024 : number;
}

static inline size_t resident_bytes(void) { return proc_field("/proc/self/smaps_rollup", "Rss:"); }
static inline size_t address_bytes(void) { return proc_field("/proc/self/status", "VmSize:"); }

static inline size_t growth(size_t from, size_t to) { return to > from ? to - from : 0; }

/* SplitMix64. */
struct chance {
  uint64_t state;
};

static inline uint64_t chance_next(struct chance* chance) {
  uint64_t x = chance->state += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

/* The run's seed: REGRESS_SEED or the clock; printed, so that a run can be repeated. */
static inline uint64_t run_seed(void) {
  const char* const given = getenv("REGRESS_SEED");
  struct timespec now = {0, 0};
  clock_gettime(CLOCK_REALTIME, &now);
  const uint64_t seed = given != NULL ? strtoull(given, NULL, 0)
                                      : (uint64_t)now.tv_sec * 1000003u + (uint64_t)now.tv_nsec;
  dprintf(1, "seed %llu (REGRESS_SEED repeats it)\n", (unsigned long long)seed);
  return seed;
}

static inline void pause_briefly(void) {
  const struct timespec moment = {0, 1000000};
  nanosleep(&moment, NULL);
}

/* Waits for a child, and demands that it ended well. */
static inline void expect_good_end(pid_t child) {
  int status = 0;
  CHECK(child > 0);
  CHECK(waitpid(child, &status, 0) == child);
  if (status != 0) dprintf(2, "a child ended with status %#x\n", (unsigned)status);
  CHECK(status == 0);
}

/* run() ends the process itself, or returns for a plain exit(0). `setting` is NULL or one
   NAME=VALUE for the process's environment. */
struct scenario {
  const char* name;
  void (*run)(void);
  const char* setting;
};

/* Without arguments: executes the program once for each scenario; with a name: runs that one. */
static inline int run_scenarios(int argc, char** argv, const struct scenario* scenarios,
                                size_t count) {
  if (argc == 2) {
    alarm(kWatchdogSeconds);
    for (size_t i = 0; i < count; i++) {
      if (strcmp(scenarios[i].name, argv[1]) != 0) continue;
      scenarios[i].run();
      return 0;
    }
    return 2;
  }
  int failed = 0;
  for (size_t i = 0; i < count; i++) {
    const pid_t child = fork();
    if (child == 0) {
      static char setting[200];
      if (scenarios[i].setting != NULL) {
        strncpy(setting, scenarios[i].setting, sizeof setting - 1);
        putenv(setting);
      }
      execl("/proc/self/exe", argv[0], scenarios[i].name, (char*)NULL);
      _exit(9);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return 2;
    if (status != 0) {
      dprintf(2, "%s: %s %d\n", scenarios[i].name,
              WIFSIGNALED(status) ? "ended by signal" : "ended with status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
      failed = 1;
    }
  }
  return failed;
}

#define RUN_SCENARIOS(argc, argv, table) \
  run_scenarios(argc, argv, table, sizeof(table) / sizeof((table)[0]))

#endif /* REGRESS_PROGRAM_H */
