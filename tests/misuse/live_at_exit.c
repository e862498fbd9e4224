// Ends while blocks are live: what show_leaks lists, and in debug who allocated them.
#include "misuse.h"

#define STEP __attribute__((noipa)) static

static void* kept[8];

STEP void keep_three(void) {
  for (int i = 0; i < 3; ++i) {
    kept[i] = hidden(malloc(100));
  }
}

STEP void keep_large(void) { kept[3] = hidden(malloc(1 << 20)); }

STEP void keep_none(void) {
  void* const block = hidden(malloc(333));
  memset(block, 1, 333);
  free(block);
}

// The library's own functions are among the frames here: those of a class's first block are others.
STEP void keep_none_of_100(void) { free(hidden(malloc(100))); }

int main(void) {
  keep_none_of_100();
  keep_three();
  keep_large();
  keep_none();
  return 0;
}
