/* Row 21: no memory left, also for the allocator's own records. The program executes itself under
   `ulimit -v` of several sizes and allocates in several patterns until NULL: errno is ENOMEM then,
   every earlier block is intact, and after freeing them allocation works again, for other sizes
   too. How early memory runs out is not judged closely; that a good part of it can be had is. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                          \
  do {                                                                            \
    if (!(condition)) {                                                           \
      dprintf(2, "line %d: wrong: %s (errno %d)\n", __LINE__, #condition, errno); \
      _exit(1);                                                                   \
    }                                                                             \
  } while (0)

/* Blocks are kept in a list through their own first words, so that keeping them costs nothing. */
struct block {
  struct block* next;
  size_t size;
};

static void mark(struct block* block) {
  unsigned char* const bytes = (unsigned char*)block;
  const size_t last = block->size - 1;
  if (last >= sizeof *block) bytes[last] = (unsigned char)(block->size * 31);
  if (last > 8000) bytes[last / 2] = (unsigned char)(block->size * 17);
}

static void check_mark(const struct block* block) {
  const unsigned char* const bytes = (const unsigned char*)block;
  const size_t last = block->size - 1;
  CHECK(block->size >= sizeof *block && block->size <= SIZE_MAX / 2);
  if (last >= sizeof *block) CHECK(bytes[last] == (unsigned char)(block->size * 31));
  if (last > 8000) CHECK(bytes[last / 2] == (unsigned char)(block->size * 17));
}

static size_t bytes_of(const struct block* list) {
  size_t sum = 0;
  for (; list != NULL; list = list->next) {
    check_mark(list);
    sum += list->size;
  }
  return sum;
}

static void free_all(struct block* list) {
  while (list != NULL) {
    struct block* const next = list->next;
    check_mark(list);
    free(list);
    list = next;
  }
}

/* Until NULL, or until `bound` bytes were had; way 0 malloc, 1 calloc, 2 aligned, 3 growing
 * realloc. */
static struct block* exhaust(size_t size, int way, size_t bound, struct block* list) {
  size_t had = 0;
  while (had < bound) {
    struct block* block = NULL;
    errno = 0;
    if (way == 0) block = malloc(size);
    if (way == 1) block = calloc(1, size);
    if (way == 2) {
      const int error = posix_memalign((void**)&block, 256, size);
      CHECK(error == 0 || error == ENOMEM);
      errno = error;
    }
    if (way == 3) {
      block = malloc(16);
      if (block != NULL) {
        struct block* const grown = realloc(block, size);
        const int error = errno;
        if (grown == NULL) free(block);
        block = grown;
        errno = error;
      }
    }
    if (block == NULL) {
      CHECK(errno == ENOMEM);
      break;
    }
    if (way == 1) {
      for (size_t at = 0; at < size; at += 61) CHECK(((unsigned char*)block)[at] == 0);
    }
    block->next = list;
    block->size = size;
    mark(block);
    list = block;
    had += size;
  }
  return list;
}

static const size_t kSizes[] = {48, 100, 1000, 8192, 40000, 300000, 1 << 20, 9 << 20};
enum { kSizeCount = sizeof kSizes / sizeof kSizes[0] };

static void one_pattern(size_t limit, size_t size, int way, size_t other_size) {
  const size_t bound = 2 * limit; /* more than that is more than there can be */
  struct block* list = exhaust(size, way, bound, NULL);
  const size_t first = bytes_of(list);
  CHECK(first < bound);
  CHECK(first > limit / 4);
  /* What is left for other sizes, the smallest last: now the allocator has nothing to spare. */
  for (int i = kSizeCount; i-- > 0;) list = exhaust(kSizes[i], 0, bound, list);
  list = exhaust(sizeof(struct block), 0, bound, list);
  CHECK(bytes_of(list) >= first);
  for (int i = 0; i < 30; i++) {
    errno = 0;
    void* const p = malloc(limit);
    CHECK(p == NULL && errno == ENOMEM);
  }
  /* A failed realloc leaves the block as it was. */
  if (list != NULL) {
    errno = 0;
    CHECK(realloc(list, limit) == NULL && errno == ENOMEM);
    check_mark(list);
  }
  free_all(list);
  list = exhaust(other_size, 0, first / 2, NULL);
  CHECK(bytes_of(list) >= first / 2);
  free_all(list);
}

/* A thread whose first call comes when nothing is left, and that must work once there is. */
static pthread_barrier_t barrier;
static void* poor_thread(void* unused) {
  (void)unused;
  pthread_barrier_wait(&barrier);
  errno = 0;
  struct block* const scrap = malloc(100);
  CHECK(scrap != NULL || errno == ENOMEM);
  errno = 0;
  void* const large = malloc(2 << 20);
  CHECK(large != NULL || errno == ENOMEM);
  free(large);
  pthread_barrier_wait(&barrier); /* the main thread frees everything */
  pthread_barrier_wait(&barrier);
  void* const fine = malloc(100);
  CHECK(fine != NULL);
  void* const fine_too = malloc(2 << 20);
  CHECK(fine_too != NULL);
  memset(fine_too, 1, 2 << 20);
  free(fine_too);
  free(fine);
  free(scrap);
  return NULL;
}

static void first_call_of_a_poor_thread(size_t limit) {
  pthread_t thread;
  pthread_attr_t attributes;
  CHECK(pthread_attr_init(&attributes) == 0);
  CHECK(pthread_attr_setstacksize(&attributes, 256 << 10) == 0);
  CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
  CHECK(pthread_create(&thread, &attributes, poor_thread, NULL) == 0);
  struct block* list = NULL;
  for (int i = kSizeCount; i-- > 0;) list = exhaust(kSizes[i], i % 3, 2 * limit, list);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  CHECK(bytes_of(list) > limit / 4);
  free_all(list);
  pthread_barrier_wait(&barrier);
  CHECK(pthread_join(thread, NULL) == 0);
}

static void* greedy_thread(void* argument) {
  const size_t limit = *(size_t*)argument;
  for (int round = 0; round < 3; round++) {
    struct block* list = NULL;
    for (int i = kSizeCount; i-- > 0;) list = exhaust(kSizes[i], round, 2 * limit, list);
    bytes_of(list);
    free_all(list);
  }
  return NULL;
}

static void several_greedy_threads(size_t limit) {
  pthread_t threads[3];
  pthread_attr_t attributes;
  CHECK(pthread_attr_init(&attributes) == 0);
  CHECK(pthread_attr_setstacksize(&attributes, 256 << 10) == 0);
  int started = 0;
  /* A thread that cannot be started for lack of memory is no failure of the allocator. */
  while (started < 3 && pthread_create(&threads[started], &attributes, greedy_thread, &limit) == 0)
    started++;
  CHECK(started > 0);
  for (int i = 0; i < started; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  struct block* const list = exhaust(1000, 0, limit / 4, NULL);
  CHECK(bytes_of(list) >= limit / 4);
  free_all(list);
}

static int child(const char* what, size_t limit) {
  alarm(100);
  if (strcmp(what, "greedy") == 0) {
    several_greedy_threads(limit);
  } else if (strcmp(what, "poor") == 0) {
    first_call_of_a_poor_thread(limit);
  } else {
    const int which = atoi(what);
    one_pattern(limit, kSizes[which % kSizeCount], which % 4, kSizes[(which + 3) % kSizeCount]);
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 3) return child(argv[1], (size_t)atol(argv[2]) << 20);
  static const char* const kLimits[] = {"40", "64", "150", "300"};
  static const char* const kWhat[] = {"0", "1", "2", "3", "4", "5", "6", "7", "poor", "greedy"};
  int failed = 0;
  for (size_t i = 0; i < sizeof kLimits / sizeof kLimits[0]; i++) {
    for (size_t j = 0; j < sizeof kWhat / sizeof kWhat[0]; j++) {
      /* At the larger limits the small blocks are very many and show nothing new. */
      if (i >= 2 && j < 3) continue;
      const pid_t pid = fork();
      if (pid == 0) {
        /* The limit holds for the new program from its first instruction; 12 MiB for its own text,
           libraries and stack. */
        const rlim_t bytes = ((rlim_t)atol(kLimits[i]) + 12) << 20;
        const struct rlimit limit = {bytes, bytes};
        if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(8);
        execl("/proc/self/exe", argv[0], kWhat[j], kLimits[i], (char*)NULL);
        _exit(9);
      }
      int status = 0;
      if (pid < 0 || waitpid(pid, &status, 0) != pid) return 2;
      if (status != 0) {
        fprintf(stderr, "pattern %s under a limit of %s MiB: status %#x\n", kWhat[j], kLimits[i],
                (unsigned)status);
        failed = 1;
      }
    }
  }
  return failed;
}
