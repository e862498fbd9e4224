// What the misuse programs share: pointers that the compiler cannot see through, and a proof that
// the allocator still works afterwards. No program of its own.
#ifndef ASHLAR_TEST_MISUSE_H
#define ASHLAR_TEST_MISUSE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static inline void* hidden(void* p) {
  void* volatile seen = p;
  return seen;
}

static inline void* address(uintptr_t value) { return hidden((void*)value); }

// 0 if blocks can be allocated, filled, resized and freed as ever; an exit status otherwise.
static inline int still_works(void) {
  enum { kCount = 500 };
  unsigned char* blocks[kCount];
  for (int i = 0; i < kCount; ++i) {
    const size_t size = (size_t)(i * 17 % 3000 + 1);
    blocks[i] = (unsigned char*)malloc(size);
    if (blocks[i] == NULL) return 3;
    memset(blocks[i], i, size);
    blocks[i] = (unsigned char*)realloc(blocks[i], size + 100);
    if (blocks[i] == NULL) return 3;
    memset(blocks[i] + size, i, 100);
  }
  for (int i = 0; i < kCount; ++i) {
    const size_t size = (size_t)(i * 17 % 3000 + 101);
    for (size_t at = 0; at < size; ++at) {
      if (blocks[i][at] != (unsigned char)i) return 4;
    }
    free(blocks[i]);
  }
  return 0;
}

#endif  // ASHLAR_TEST_MISUSE_H
