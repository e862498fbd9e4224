// A program without errors: no tool may report anything. Threads hand blocks to one another, blocks
// of all sizes come, grow, shrink and go, heaps are deleted and destroyed, memory goes back, a
// child is forked. And each block is allowed to the byte, as far as the tool can be asked.
#include <pthread.h>
#include <sys/wait.h>

#include "allocator.h"

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif
#endif

__attribute__((weak)) int __asan_address_is_poisoned(const volatile void*);

enum Answer { kAllowed, kForbidden, kUnknown };

static enum Answer ask(const char* at) {
  if (__asan_address_is_poisoned != NULL) {
    return __asan_address_is_poisoned(at) ? kForbidden : kAllowed;
  }
#if defined(RUNNING_ON_VALGRIND) && defined(VALGRIND_GET_VBITS)
  if (RUNNING_ON_VALGRIND) {
    unsigned char bits = 0;  // asking for them reports nothing
    return VALGRIND_GET_VBITS(at, &bits, 1) == 3 ? kForbidden : kAllowed;
  }
#endif
  return kUnknown;
}

static void check_edges(const char* p, size_t size) {
  for (size_t i = 0; i < size; i += i < 40 || i + 40 > size ? 1 : 997) {
    require(ask(p + i) != kForbidden, "every byte of a block is allowed");
  }
  for (int i = 0; i < 8; ++i) {
    require(ask(p + size + i) != kAllowed, "bytes behind a block are forbidden");
    require(ask(p - 1 - i) != kAllowed, "bytes in front of a block are forbidden");
  }
}

static void check_forbidden(const char* p, size_t size) {
  for (size_t i = 0; i < size; i += i < 40 || i + 40 > size ? 1 : 997) {
    require(ask(p + i) != kAllowed, "no byte of a freed block is allowed");
  }
}

static void exact_to_the_byte(void) {
  for (size_t size = 0; size < 4000000; size += size < 300 ? 1 : size / 3) {
    char* p = hidden(take(size));
    char* q = hidden(take_aligned(size, 64));
    char* r = hidden(take_zeroed(size));
    check_edges(p, size);
    check_edges(q, size);
    check_edges(r, size);
    require(usable(p) == size, "the usable size is the requested one");
    p = hidden(resize(p, size / 2 + 1));
    check_edges(p, size / 2 + 1);
    p = hidden(resize(p, size + 100));
    check_edges(p, size + 100);
    give(p);
    check_forbidden(p, size + 100);
    give(q);
    check_forbidden(q, size);
    give(r);
  }
}

// Blocks handed from thread to thread through slots under a lock.
enum { kSlots = 64, kThreads = 3, kSteps = 3000 };
static char* slots[kSlots];
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned next_random(uint64_t* state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(*state >> 33);
}

static size_t next_size(uint64_t* state) {
  const unsigned kind = next_random(state) % 100;
  return 2 + next_random(state) % (kind < 90 ? 600u : kind < 99 ? 20000u : 300000u);
}

static char* make_block(uint64_t* state) {
  const size_t size = next_size(state);
  char* p = NULL;
  switch (next_random(state) % 4) {
    case 0:
      p = hidden(take_zeroed(size));
      require(p[0] == 0 && p[size - 1] == 0, "zeroed");
      break;
    case 1:
      p = hidden(take_aligned(size, (size_t)16 << next_random(state) % 8));
      break;
    case 2: {
      p = hidden(take(size));
      memset(p, 1, size);
      const size_t fresh = next_size(state);
      p = hidden(resize(p, fresh));
      require(p[0] == 1, "kept");
      p[fresh - 1] = 1;
      break;
    }
    default:
      p = hidden(take(size));
      break;
  }
  p[0] = 1;
  return p;
}

static void* exchange(void* seed) {
  uint64_t state = (uint64_t)(uintptr_t)seed;
  for (int i = 0; i < kSteps; ++i) {
    char* p = make_block(&state);
    const unsigned slot = next_random(&state) % kSlots;
    pthread_mutex_lock(&slots_lock);
    char* old = slots[slot];
    slots[slot] = p;
    pthread_mutex_unlock(&slots_lock);
    if (old != NULL) {
      require(old[0] == 1, "kept");
      old[0] = 2;
      give(old);
    }
  }
  return NULL;
}

static void handed_round(void) {
  for (int round = 0; round < 3; ++round) {
    pthread_t threads[kThreads];
    for (int i = 0; i < kThreads; ++i) {
      pthread_create(&threads[i], NULL, exchange, (void*)(uintptr_t)(round * kThreads + i + 1));
    }
    for (int i = 0; i < kThreads; ++i) {
      pthread_join(threads[i], NULL);
    }
    mi_collect(round % 2 == 1);
  }
  for (int i = 0; i < kSlots; ++i) {
    give(slots[i]);
    slots[i] = NULL;
  }
}

static void forked(void) {
  char* p = hidden(take(100));
  memset(p, 1, 100);
  const pid_t child = fork();
  if (child == 0) {
    p[99] = 2;
    give(p);
    give(hidden(take(5000)));
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  require(status == 0, "the child ends well");
  give(p);
}

#ifndef ASHLAR_PLAIN
static bool count_block(const mi_heap_t* heap, const mi_heap_area_t* area, void* visited,
                        size_t size, void* arg) {
  (void)heap;
  (void)area;
  if (visited != NULL) {
    ((char*)visited)[size - 1] = 1;
    ++*(int*)arg;
  }
  return true;
}

static void heaps(void) {
  for (int round = 0; round < 20; ++round) {
    mi_heap_t* heap = mi_heap_new();
    char* kept[50];
    for (int i = 0; i < 50; ++i) {
      kept[i] = hidden(mi_heap_malloc(heap, (size_t)(i * i * 20 + 1)));
      kept[i][i * i * 20] = 1;
      give(hidden(mi_heap_malloc(heap, 100)));
    }
    int visited = 0;
    mi_heap_visit_blocks(heap, true, count_block, &visited);
    require(visited == 50, "visits show the blocks in use");
    if (round % 2 == 0) {
      mi_heap_destroy(heap);
    } else {
      mi_heap_delete(heap);
      for (int i = 0; i < 50; ++i) {
        kept[i][0] = 2;
        give(kept[i]);
      }
    }
  }
}
#endif

static const struct Case cases[] = {
    {"exact_to_the_byte", exact_to_the_byte},
    {"handed_round", handed_round},
    {"forked", forked},
#ifndef ASHLAR_PLAIN
    {"heaps", heaps},
#endif
};

int main(int argc, char** argv) {
  return run_cases(cases, sizeof cases / sizeof cases[0], argc, argv);
}
