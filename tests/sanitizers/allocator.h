// What the programs here allocate by: the C interface, or malloc where ASHLAR_PLAIN is defined. No
// program of its own.
#ifndef ASHLAR_TEST_SANITIZERS_ALLOCATOR_H
#define ASHLAR_TEST_SANITIZERS_ALLOCATOR_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mimalloc.h"

#ifdef ASHLAR_PLAIN
#define take(size) malloc(size)
#define take_zeroed(size) calloc(1, size)
#define take_aligned(size, alignment) memalign(alignment, size)
#define resize(block, size) realloc(block, size)
#define give(block) free(block)
#define usable(block) malloc_usable_size(block)
#else
#define take(size) mi_malloc(size)
#define take_zeroed(size) mi_calloc(1, size)
#define take_aligned(size, alignment) mi_malloc_aligned(size, alignment)
#define resize(block, size) mi_realloc(block, size)
#define give(block) mi_free(block)
#define usable(block) mi_usable_size(block)
#endif

// A pointer that the compiler knows nothing of.
static inline char* hidden(void* p) {
  void* volatile seen = p;
  return (char*)seen;
}

static volatile char sink;  // where bytes that are read go

// One thing that a program does, right or wrong.
struct Case {
  const char* name;
  void (*run)(void);
};

// Runs the cases that the command line names (none: all), each after a line "case NAME" on stderr.
static inline int run_cases(const struct Case* cases, size_t count, int argc, char** argv) {
  for (size_t i = 0; i < count; ++i) {
    int wanted = argc < 2;
    for (int k = 1; k < argc; ++k) {
      wanted |= strcmp(argv[k], cases[i].name) == 0;
    }
    if (wanted) {
      fprintf(stderr, "case %s\n", cases[i].name);
      cases[i].run();
    }
  }
  return 0;
}

static inline void require(int holds, const char* what) {
  if (!holds) {
    fprintf(stderr, "WRONG: %s\n", what);
    exit(3);
  }
}

#endif  // ASHLAR_TEST_SANITIZERS_ALLOCATOR_H
