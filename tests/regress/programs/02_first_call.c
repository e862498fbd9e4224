/* Row 2: the very first call in a process is a rare one. The program executes itself once for each,
   and the child makes the call from .preinit_array, before any constructor. */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Present when the library is preloaded. */
extern void mi_collect(bool force) __attribute__((weak));
extern size_t mi_usable_size(const void* p) __attribute__((weak));
extern void* mi_malloc(size_t size) __attribute__((weak));
extern void mi_free(void* p) __attribute__((weak));

static volatile size_t too_much = (size_t)PTRDIFF_MAX + 1;

static int aligned(const void* p, size_t alignment) {
  return p != NULL && (uintptr_t)p % alignment == 0;
}

static int use(void* p, size_t size) {
  if (p == NULL || malloc_usable_size(p) < size) return 0;
  memset(p, 0x21, size);
  void* const other = malloc(size + 1);
  if (other == NULL || other == p) return 0;
  memset(other, 0x22, size + 1);
  const int good = size == 0 || ((unsigned char*)p)[size - 1] == 0x21;
  free(other);
  free(p);
  return good;
}

static int make_call(const char* name) {
  void* p = NULL;
  if (strcmp(name, "posix_memalign") == 0)
    return posix_memalign(&p, 512, 1000) == 0 && aligned(p, 512) && use(p, 1000);
  if (strcmp(name, "posix_memalign_bad") == 0)
    return posix_memalign(&p, 24, 1000) == EINVAL && p == NULL;
  if (strcmp(name, "aligned_alloc") == 0)
    return aligned(p = aligned_alloc(64, 640), 64) && use(p, 640);
  if (strcmp(name, "memalign") == 0) return aligned(p = memalign(65536, 10), 65536) && use(p, 10);
  if (strcmp(name, "valloc") == 0) return aligned(p = valloc(100), 4096) && use(p, 100);
  if (strcmp(name, "pvalloc") == 0) return aligned(p = pvalloc(100), 4096) && use(p, 4096);
  if (strcmp(name, "realloc") == 0) return use(realloc(NULL, 77), 77);
  if (strcmp(name, "realloc_zero") == 0) return use(realloc(NULL, 0), 0);
  if (strcmp(name, "reallocarray") == 0) return use(reallocarray(NULL, 9, 100), 900);
  if (strcmp(name, "calloc") == 0) return use(calloc(33, 33), 33 * 33);
  if (strcmp(name, "calloc_zero") == 0) return use(calloc(0, 0), 0);
  if (strcmp(name, "malloc_zero") == 0) return use(malloc(0), 0);
  if (strcmp(name, "malloc_too_much") == 0)
    return malloc(too_much) == NULL && errno == ENOMEM && use(malloc(5), 5);
  if (strcmp(name, "malloc_huge") == 0) {
    char* const huge = malloc(300u << 20);
    if (huge == NULL) return 0;
    huge[0] = huge[(300u << 20) - 1] = 1;
    free(huge);
    return use(malloc(5), 5);
  }
  if (strcmp(name, "usable_size") == 0) return malloc_usable_size(NULL) == 0 && use(malloc(5), 5);
  if (strcmp(name, "free_null") == 0) return free(NULL), use(malloc(5), 5);
  if (strcmp(name, "strdup") == 0) return use(strdup("word"), 5);
  if (strcmp(name, "mi_collect") == 0) return mi_collect(true), use(malloc(5), 5);
  if (strcmp(name, "mi_usable_size") == 0) return mi_usable_size(NULL) == 0 && use(malloc(5), 5);
  if (strcmp(name, "mi_malloc") == 0) return use(mi_malloc(50), 50);
  if (strcmp(name, "mi_free") == 0) return mi_free(NULL), use(malloc(5), 5);
  return 0;
}

static void before_everything(int argc, char** argv, char** environment) {
  (void)environment;
  if (argc == 2) _exit(make_call(argv[1]) ? 0 : 1);
}

__attribute__((section(".preinit_array"),
               used)) static void (*const preinit)(int, char**, char**) = before_everything;

int main(int argc, char** argv) {
  static const char* const kCalls[] = {"posix_memalign",  "posix_memalign_bad",
                                       "aligned_alloc",   "memalign",
                                       "valloc",          "pvalloc",
                                       "realloc",         "realloc_zero",
                                       "reallocarray",    "calloc",
                                       "calloc_zero",     "malloc_zero",
                                       "malloc_too_much", "malloc_huge",
                                       "usable_size",     "free_null",
                                       "strdup",          "mi_collect",
                                       "mi_usable_size",  "mi_malloc",
                                       "mi_free"};
  (void)argc;
  int failed = 0;
  if (mi_collect == NULL || mi_usable_size == NULL || mi_malloc == NULL || mi_free == NULL) {
    fprintf(stderr, "the preloaded library has no mi_ functions\n");
    return 1;
  }
  for (size_t i = 0; i < sizeof kCalls / sizeof kCalls[0]; i++) {
    const pid_t child = fork();
    if (child == 0) {
      execl("/proc/self/exe", argv[0], kCalls[i], (char*)NULL);
      _exit(9);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return 2;
    if (status != 0) {
      fprintf(stderr, "%s as the first call: status %#x\n", kCalls[i], (unsigned)status);
      failed = 1;
    }
  }
  return failed;
}
