/* Row 6: several allocators in one process: the preloaded library, two libraries that carry copies
   of it, and libc's own malloc. Each frees and resizes only its own blocks, knows which those are,
   and leaves every other's as they are; also with threads that use all of them at once. */
#define _GNU_SOURCE /* memfd_create, and what dlfcn.h has beyond POSIX */
#include <pthread.h>

#include "plugin.h"

/* The preloaded library's; NULL without it. Asked of the loader: linkers differ in what becomes of
   a weak symbol that nothing defined while they ran. */
static void (*preloaded_register_error)(void (*fun)(int error, void* arg), void* arg);
static _Bool (*preloaded_owns)(const void* p);
static size_t (*preloaded_usable_size)(const void* p);

enum { kMost = 4, kCarriers = 2, kThreads = 4 };

/* The carriers' functions, also for the allocators that are none. */
static struct carrier allocators[kMost];
static int allocator_count;

static int preloaded_errors;
static void count_error(int error, void* unused) {
  (void)error;
  (void)unused;
  __atomic_fetch_add(&preloaded_errors, 1, __ATOMIC_RELAXED);
}
static int read_errors(void) { return __atomic_load_n(&preloaded_errors, __ATOMIC_RELAXED); }
static int owns(const void* p) { return preloaded_owns(p); }

static void set_up(void) {
  for (int i = 0; i < kCarriers; i++) {
    allocators[allocator_count] = carrier_of(try_copy("regress_carrier"));
    allocators[allocator_count++].count_errors();
  }
  *(void**)&preloaded_register_error = dlsym(RTLD_DEFAULT, "mi_register_error");
  *(void**)&preloaded_owns = dlsym(RTLD_DEFAULT, "mi_is_in_heap_region");
  *(void**)&preloaded_usable_size = dlsym(RTLD_DEFAULT, "mi_usable_size");
  const int has_preloaded = preloaded_register_error != NULL;
  if (has_preloaded) {
    CHECK(preloaded_owns != NULL && preloaded_usable_size != NULL);
    preloaded_register_error(count_error, NULL);
    const struct carrier preloaded = {.malloc = malloc,
                                      .realloc = realloc,
                                      .free = free,
                                      .usable_size = preloaded_usable_size,
                                      .owns = owns,
                                      .errors = read_errors};
    allocators[allocator_count++] = preloaded;
  }
  void* const libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
  CHECK(libc != NULL);
  struct carrier own = {0};
  *(void**)&own.malloc = dlsym(libc, "malloc");
  *(void**)&own.realloc = dlsym(libc, "realloc");
  *(void**)&own.free = dlsym(libc, "free");
  CHECK(own.malloc != NULL && own.realloc != NULL && own.free != NULL);
  /* Its first use is here, as in a program that has no other malloc: a fork in the midst of libc's
     own start leaves its locks and counts wrong ("malloc assertion failure"). */
  own.free(own.malloc(1));
  CHECK((own.malloc == malloc) == !has_preloaded);
  allocators[allocator_count++] = own;
}

static const size_t kSizes[] = {8, 40, 700, 5000, 50000, 900000, 40 << 20};
enum { kSizeCount = sizeof kSizes / sizeof kSizes[0] };

static size_t filled(size_t size) { return size < 100000 ? size : 100000; }

static void each_frees_its_own(void) {
  void* blocks[kMost][kSizeCount];
  set_up();
  for (int a = 0; a < allocator_count; a++) {
    for (size_t i = 0; i < kSizeCount; i++) {
      blocks[a][i] = allocators[a].malloc(kSizes[i]);
      CHECK(blocks[a][i] != NULL);
      pattern_fill(blocks[a][i], filled(kSizes[i]), (uint64_t)a * 100 + i);
    }
  }
  for (int a = 0; a < allocator_count; a++) {
    /* libc has no way to say that a pointer is not its own: it is never given one. */
    if (allocators[a].owns == NULL) continue;
    for (int b = 0; b < allocator_count; b++) {
      for (size_t i = 0; i < kSizeCount; i++) {
        void* const block = blocks[b][i];
        CHECK(!!allocators[a].owns(block) == (a == b));
        if (a == b) continue;
        const int before = allocators[a].errors();
        CHECK(allocators[a].usable_size(block) == 0);
        allocators[a].free(block);
        CHECK(allocators[a].realloc(block, 100) == NULL);
        CHECK(allocators[a].errors() >= before + 2);
      }
    }
  }
  for (int a = 0; a < allocator_count; a++) {
    for (size_t i = 0; i < kSizeCount; i++) {
      const uint64_t seed = (uint64_t)a * 100 + i;
      CHECK(pattern_holds(blocks[a][i], filled(kSizes[i]), seed));
      blocks[a][i] = allocators[a].realloc(blocks[a][i], kSizes[i] * 2);
      CHECK(blocks[a][i] != NULL && pattern_holds(blocks[a][i], filled(kSizes[i]), seed));
      const int before = allocators[a].errors != NULL ? allocators[a].errors() : 0;
      allocators[a].free(blocks[a][i]);
      CHECK(allocators[a].errors == NULL || allocators[a].errors() == before);
    }
  }
}

/* Blocks pass between threads, each with the number of its allocator. */
struct slot {
  void* block;
  size_t size;
  uint64_t seed;
  int allocator;
};
enum { kSlots = 300, kSteps = 40000 };
static struct slot slots[kSlots];
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;

static void* exchange(void* argument) {
  struct chance chance = {(uint64_t)(uintptr_t)argument};
  for (int i = 0; i < kSteps; i++) {
    struct slot mine = {NULL, chance_next(&chance) % 3000 + 1, chance_next(&chance), 0};
    mine.allocator = (int)(chance_next(&chance) % (uint64_t)allocator_count);
    mine.block = allocators[mine.allocator].malloc(mine.size);
    CHECK(mine.block != NULL);
    pattern_fill(mine.block, mine.size, mine.seed);
    pthread_mutex_lock(&slots_lock);
    struct slot* const place = &slots[chance_next(&chance) % kSlots];
    const struct slot theirs = *place;
    *place = mine;
    pthread_mutex_unlock(&slots_lock);
    if (theirs.block == NULL) continue;
    CHECK(pattern_holds(theirs.block, theirs.size, theirs.seed));
    allocators[theirs.allocator].free(theirs.block);
  }
  return NULL;
}

static void threads_use_all(void) {
  set_up();
  const uint64_t seed = run_seed();
  for (int round = 0; round < 2; round++) {
    pthread_t threads[kThreads];
    for (size_t i = 0; i < kThreads; i++)
      CHECK(pthread_create(&threads[i], NULL, exchange, (void*)(uintptr_t)(seed + i)) == 0);
    for (size_t i = 0; i < kThreads; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  }
  for (int i = 0; i < kSlots; i++) {
    if (slots[i].block == NULL) continue;
    CHECK(pattern_holds(slots[i].block, slots[i].size, slots[i].seed));
    allocators[slots[i].allocator].free(slots[i].block);
  }
  for (int a = 0; a < allocator_count; a++)
    CHECK(allocators[a].errors == NULL || allocators[a].errors() == 0);
}

/* fork with all of them in use: each has locks of its own. */
static void child_uses_all(void) {
  set_up();
  pthread_t threads[kThreads];
  for (size_t i = 0; i < kThreads; i++)
    CHECK(pthread_create(&threads[i], NULL, exchange, (void*)i) == 0);
  for (int i = 0; i < 10; i++) {
    pthread_mutex_lock(&slots_lock);
    const pid_t child = fork();
    pthread_mutex_unlock(&slots_lock);
    if (child == 0) {
      alarm(kWatchdogSeconds);
      exchange((void*)77);
      exit(0);
    }
    expect_good_end(child);
  }
  for (size_t i = 0; i < kThreads; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(int argc, char** argv) {
  static const struct scenario kScenarios[] = {
      {"each_frees_its_own_preloaded", each_frees_its_own, NULL},
      {"each_frees_its_own", each_frees_its_own, "LD_PRELOAD="},
      {"threads_use_all_preloaded", threads_use_all, NULL},
      {"threads_use_all", threads_use_all, "LD_PRELOAD="},
      {"child_uses_all_preloaded", child_uses_all, NULL},
      {"child_uses_all", child_uses_all, "LD_PRELOAD="},
  };
  return RUN_SCENARIOS(argc, argv, kScenarios);
}
