// A loop over one pair of calls, as often as the argument says: what tools/paircost counts the
// instructions of.
#include <stdio.h>
#include <stdlib.h>

// The compiler may not know that a block is never used, or it would drop the pair.
static inline void* kept(void* block) {
  __asm__ volatile("" : "+r"(block) : : "memory");
  return block;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: pair_loop TIMES\n");
    return 2;
  }
  for (unsigned long times = strtoul(argv[1], NULL, 10); times != 0; times--) {
    free(kept(malloc(64)));
  }
  return 0;
}
