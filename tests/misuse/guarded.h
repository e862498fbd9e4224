// What the programs share that break guarded blocks. Functions with names of their own that are not
// inlined, so that a report's stacks can be told by them: the programs print where these begin and
// end, since tools that turn addresses into names may not be there.
#ifndef ASHLAR_TEST_MISUSE_GUARDED_H
#define ASHLAR_TEST_MISUSE_GUARDED_H

#include <errno.h>
#include <mimalloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "misuse.h"

#define STEP __attribute__((noinline, noclone))

// Keeps the call before it from being the last one of its function.
#define STAY __asm__ volatile("" ::: "memory")

STEP static char* make_block(size_t size) {
  char* const block = (char*)hidden(malloc(size));
  STAY;
  return block;
}

STEP static void drop_block(void* block) {
  free(hidden(block));
  STAY;
}

STEP static void write_at(char* block, long offset) {
  char* const at = (char*)hidden(block + offset);
  *(volatile char*)at = 'x';
  STAY;
}

STEP static int read_at(char* block, long offset) {
  char* const at = (char*)hidden(block + offset);
  const int found = *(volatile char*)at;
  STAY;
  return found;
}

#endif  // ASHLAR_TEST_MISUSE_GUARDED_H
