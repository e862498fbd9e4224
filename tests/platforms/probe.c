// What a platform can do, found out by doing it: one line each, "name: answer". Run by
// tools/platforms with the library preloaded, and linked with all of the static library.
#include <ashlar/heaps.h>
#include <ashlar/limits.h>
#include <ashlar/trim.h>
#include <errno.h>
#include <mimalloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Weak, so that without the library this says "no" instead of not starting.
#pragma weak mi_is_in_heap_region
#pragma weak mi_collect
#pragma weak mi_reserve_huge_os_pages_at
#pragma weak ashlar_limit_memory
#pragma weak ashlar_trim
#pragma weak mi_heap_new
#pragma weak mi_heap_set_numa_affinity
#pragma weak mi_heap_malloc
#pragma weak mi_free
#pragma weak mi_heap_delete

enum { kMiB = 1 << 20, kBytes = 64 * kMiB, kBlocks = 1000 };

// The compiler must not see that blocks are only allocated to be freed.
static void* volatile kept[kBlocks];

static size_t resident(void) {
  unsigned long all = 0;
  unsigned long pages = 0;
  FILE* const file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%lu %lu", &all, &pages) != 2) {
    pages = 0;
  }
  if (file != NULL) {
    fclose(file);
  }
  return pages * (size_t)getpagesize();
}

static int is_zero(const unsigned char* bytes, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (bytes[i] != 0) {
      return 0;
    }
  }
  return 1;
}

static void* allocate_and_free(void* arg) {
  for (int round = 0; round < 20; ++round) {
    for (size_t i = 0; i < kBlocks; ++i) {
      kept[i] = malloc(i + 1);
      memset(kept[i], 1, i + 1);
    }
    for (size_t i = 0; i < kBlocks; ++i) {
      free(kept[i]);
    }
  }
  return arg;
}

// malloc and all that stands beside it is the library's, in a thread too.
static const char* override(void) {
  char* const copied = strdup("ashlar");
  void* aligned = NULL;
  pthread_t thread;
  if (posix_memalign(&aligned, 256, 100) != 0 ||
      pthread_create(&thread, NULL, allocate_and_free, NULL) != 0) {
    return "no";
  }
  pthread_join(thread, NULL);
  char* const grown = realloc(strdup("a longer text"), 100000);
  const int ours = mi_is_in_heap_region(copied) && mi_is_in_heap_region(aligned) &&
                   mi_is_in_heap_region(grown) && strcmp(grown, "a longer text") == 0;
  free(copied);
  free(aligned);
  free(grown);
  return ours ? "yes" : "no";
}

// Freed memory leaves the process, and reads as zero where it is promised when it comes back.
static const char* purge(void) {
  static unsigned char* blocks[64];
  for (int i = 0; i < 64; ++i) {
    blocks[i] = malloc(kBytes / 64);
    memset(blocks[i], 1, kBytes / 64);
  }
  const size_t used = resident();
  for (int i = 0; i < 64; ++i) {
    free(blocks[i]);
  }
  ashlar_trim(2);
  const size_t left = resident();
  unsigned char* const zero = calloc(1, kBytes / 2);
  const int clean = zero != NULL && is_zero(zero, kBytes / 2);
  free(zero);
  return !clean ? "no: calloc gave used bytes" : used >= left + kBytes / 4 * 3 ? "yes" : "no";
}

static const char* limits(void) {
  if (!ashlar_limit_memory(0, 48 * kMiB)) {
    return "no";
  }
  errno = 0;
  void* const refused = malloc(kBytes);
  const int error = errno;
  void* const small = malloc(1000);
  const int held = refused == NULL && error == ENOMEM && small != NULL;
  ashlar_limit_memory(0, 0);
  void* const granted = malloc(kBytes);
  const int lifted = granted != NULL;
  free(refused);
  free(small);
  free(granted);
  return held && lifted ? "yes" : "no";
}

static const char* huge_pages(void) {
  const int error = mi_reserve_huge_os_pages_at(1, -1, 2000);
  return error == 0 ? "yes" : error == ENOMEM ? "the system has none" : "no";
}

// Blocks of a heap that is to take its memory from the node of the thread; and how many nodes the
// system has, as far as it says.
static const char* numa(void) {
  static char text[64];
  char nodes[32] = "0\n";
  FILE* const file = fopen("/sys/devices/system/node/online", "r");
  if (file != NULL) {
    if (fgets(nodes, sizeof nodes, file) == NULL) {
      nodes[0] = 0;
    }
    fclose(file);
  }
  nodes[strcspn(nodes, "\n")] = 0;
  mi_heap_t* const heap = mi_heap_new();
  if (heap == NULL) {
    return "no";
  }
  mi_heap_set_numa_affinity(heap, 0);
  void* const block = mi_heap_malloc(heap, kMiB);
  const int good = block != NULL;
  mi_free(block);
  mi_heap_delete(heap);
  snprintf(text, sizeof text, "%s; nodes here: %s", good ? "heaps of a node" : "no", nodes);
  return text;
}

int main(void) {
  if (mi_is_in_heap_region == NULL) {
    puts("override: no");
    return 1;
  }
  printf("OS page: %d\n", getpagesize());
  printf("override: %s\n", override());
  printf("purge: %s\n", purge());
  printf("limits: %s\n", limits());
  printf("huge pages: %s\n", huge_pages());
  printf("NUMA: %s\n", numa());
  return 0;
}
