/* Row 22: OS pages of 16 and 64 KiB, and addresses of 39 bits. The kernel of the machine has
   neither, so this program stands between: the library asks it for the size of a page, and for
   memory. What is not aligned to such a page fails as there, and what reaches into one is done to
   all of it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "program.h"

/* The name of the scenario says what the system is like: "16384 39" has pages of 16 KiB and
   addresses of 39 bits. Read without libc, which may not be ready. 0 bits: any. */
static size_t os_page;
static unsigned address_bits;

static void read_scenario(void) {
  char text[256] = {0};
  const long file = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY);
  const long length = syscall(SYS_read, file, text, sizeof text - 1);
  syscall(SYS_close, file);
  size_t numbers[2] = {0, 0};
  long at = 0;
  while (at < length && text[at] != 0) at++; /* the program's name */
  for (int i = 0; i < 2; i++) {
    for (at++; at < length && text[at] >= '0' && text[at] <= '9'; at++) {
      numbers[i] = numbers[i] * 10 + (size_t)(text[at] - '0');
    }
  }
  address_bits = (unsigned)numbers[1];
  os_page = numbers[0] != 0 ? numbers[0] : 4096;
}

static size_t page(void) {
  if (os_page == 0) read_scenario();
  return os_page;
}
static size_t up(size_t n) { return (n + page() - 1) / page() * page(); }

static atomic_long refused;  /* calls that the kernel would not do */
static atomic_long far_away; /* hints beyond the addresses there are */
static atomic_long answered; /* how often the library asked for the size of a page */

static int refuse(int error) {
  refused++;
  errno = error;
  return -1;
}

unsigned long getauxval(unsigned long type) {
  if (type == AT_PAGESZ) {
    answered++;
    return page();
  }
  static unsigned long (*real)(unsigned long);
  if (real == NULL) real = (unsigned long (*)(unsigned long))dlsym(RTLD_NEXT, "getauxval");
  return real(type);
}

static void* map(void* at, size_t size, int access, int flags, int file, off_t offset) {
  return (void*)syscall(SYS_mmap, at, size, access, flags, file, offset);
}

void* mmap(void* hint, size_t size, int access, int flags, int file, off_t offset) {
  uintptr_t at = (uintptr_t)hint;
  if ((flags & MAP_FIXED) != 0) {
    if (at % page() != 0) return refuse(EINVAL), MAP_FAILED;
    return map(hint, up(size), access, flags, file, offset);
  }
  /* A hint is rounded, or ignored where there are no such addresses. */
  at = up(at);
  static atomic_ulong next_low = 1ul << 36;
  const size_t all = up(size) + page();
  const int is_far = address_bits != 0 && (at == 0 || (at + all) >> address_bits != 0);
  far_away += is_far && at != 0;
  char* start = MAP_FAILED;
  for (int i = 0; i < 100; i++) {
    if (is_far || i != 0) at = atomic_fetch_add(&next_low, all);
    start = map((void*)at, all, PROT_NONE, flags, file, offset);
    if (start == MAP_FAILED) return start;
    if (address_bits == 0 || ((uintptr_t)start + all) >> address_bits == 0) break;
    syscall(SYS_munmap, start, all); /* a mapping has grown to there */
    next_low += (size_t)1 << 30;
    start = MAP_FAILED;
  }
  CHECK(start != MAP_FAILED);
  const size_t before = up((uintptr_t)start) - (uintptr_t)start;
  if (before != 0) syscall(SYS_munmap, start, before);
  if (before != page()) syscall(SYS_munmap, start + before + up(size), page() - before);
  if (access != PROT_NONE) syscall(SYS_mprotect, start + before, up(size), access);
  return start + before;
}

int munmap(void* start, size_t size) {
  if ((uintptr_t)start % page() != 0) return refuse(EINVAL);
  return (int)syscall(SYS_munmap, start, up(size));
}

int mprotect(void* start, size_t size, int access) {
  if ((uintptr_t)start % page() != 0) return refuse(EINVAL);
  return (int)syscall(SYS_mprotect, start, up(size), access);
}

int madvise(void* start, size_t size, int advice) {
  if ((uintptr_t)start % page() != 0) return refuse(EINVAL);
  return (int)syscall(SYS_madvise, start, up(size), advice);
}

void* mremap(void* start, size_t old_size, size_t size, int flags, ...) {
  va_list more;
  va_start(more, flags);
  void* const target = (flags & MREMAP_FIXED) != 0 ? va_arg(more, void*) : NULL;
  va_end(more);
  if (((uintptr_t)start | (uintptr_t)target) % page() != 0) return refuse(EINVAL), MAP_FAILED;
  return (void*)syscall(SYS_mremap, start, up(old_size), up(size), flags, target);
}

/* All that the program holds, and that it keeps its bytes. */
enum { kSlots = 400, kSteps = 3000, kThreads = 3 };
struct held {
  void* block;
  size_t size;
  uint64_t seed;
};

static size_t size_for(struct chance* chance) {
  const uint64_t x = chance_next(chance);
  const unsigned kind = (unsigned)(x % 100);
  return kind < 60   ? (size_t)(x >> 8) % 2000 + 1
         : kind < 85 ? (size_t)(x >> 8) % 60000 + 1
         : kind < 98 ? (size_t)(x >> 8) % (600 * 1024) + 1
                     : (size_t)(x >> 8) % (6 * kMiB) + 1;
}

static int is_zero(const char* bytes, size_t size) {
  return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static void live(struct chance* chance) {
  struct held held[kSlots] = {{0}};
  for (int step = 0; step < kSteps; step++) {
    struct held* const at = &held[chance_next(chance) % kSlots];
    const unsigned way = (unsigned)(chance_next(chance) % 5);
    const size_t size = size_for(chance);
    if (at->block != NULL) CHECK(pattern_holds(at->block, at->size, at->seed));
    if (way == 0 && at->block != NULL) {
      void* const moved = realloc(at->block, size);
      CHECK(moved != NULL &&
            pattern_holds(moved, (size < at->size ? size : at->size) & ~7ul, at->seed));
      at->block = moved;
    } else {
      free(at->block);
      at->block = NULL;
      if (way == 1) continue;
      const size_t alignment = (size_t)16 << (chance_next(chance) % 14);
      at->block = way == 2   ? calloc(1, size)
                  : way == 3 ? aligned_alloc(alignment, size)
                             : malloc(size);
      CHECK(at->block != NULL);
      if (way == 2) CHECK(is_zero(at->block, size));
      if (way == 3) CHECK((uintptr_t)at->block % alignment == 0);
    }
    at->size = size;
    at->seed = chance_next(chance);
    pattern_fill(at->block, size, at->seed);
  }
  for (int i = 0; i < kSlots; i++) free(held[i].block);
}

static void* thread(void* argument) {
  live(argument);
  return NULL;
}

/* One block through all kinds, with a mapping and without. */
static void resize(int zeroed) {
  size_t size = 3000;
  char* block = zeroed ? calloc(1, 40 * (size_t)kMiB) : malloc(size);
  CHECK(block != NULL);
  pattern_fill(block, size, 4);
  static const size_t kSizes[] = {5000,     33000,     70001,    300000,    2500000,   9000000,
                                  40000001, 120000000, 45000000, 600000000, 700000000, 90000000,
                                  30000000, 400000,    40000,    3001};
  for (size_t i = 0; i < sizeof kSizes / sizeof *kSizes; i++) {
    block = realloc(block, kSizes[i]);
    CHECK(block != NULL && pattern_holds(block, 3000, 4));
    block[kSizes[i] - 1] = 1;
    block[3000 + (kSizes[i] - 3000) / 2] = 1;
  }
  free(block);
  /* Vast, sparse, and with the strongest alignment. */
  char* const vast = aligned_alloc((size_t)16 * kMiB, (size_t)5 << 30);
  CHECK(vast != NULL && (uintptr_t)vast % (16 * kMiB) == 0);
  vast[((size_t)5 << 30) - 1] = 1;
  free(vast);
}

static void run(void) {
  struct chance chances[kThreads];
  pthread_t threads[kThreads];
  const uint64_t seed = run_seed();
  for (int i = 0; i < kThreads; i++) {
    chances[i].state = seed + (uint64_t)i;
    CHECK(pthread_create(&threads[i], NULL, thread, &chances[i]) == 0);
  }
  resize(0);
  resize(1);
  for (int i = 0; i < kThreads; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  /* What waits is purged, in parts and as a whole. */
  void (*const collect)(bool) = (void (*)(bool))dlsym(RTLD_DEFAULT, "mi_collect");
  CHECK(collect != NULL);
  collect(true);
  resize(1);
  if (refused != 0) dprintf(2, "%ld calls were refused\n", (long)refused);
  CHECK(refused == 0 && answered > 0);
  CHECK(address_bits == 0 || far_away > 0);
}

int main(int argc, char** argv) {
  static const struct scenario kScenarios[] = {
      {"16384 0", run, NULL},
      {"65536 0", run, NULL},
      {"65536 0 purging at once", run, "ASHLAR_PURGE_DELAY=0"},
      {"4096 39", run, NULL},
      {"16384 39", run, NULL},
      {"65536 39 committing piece by piece", run, "ASHLAR_ARENA_EAGER_COMMIT=0"},
  };
  return RUN_SCENARIOS(argc, argv, kScenarios);
}
