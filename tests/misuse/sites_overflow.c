// Writes past the end of blocks, small and huge, that realloc made: debug tells who did.
#include "misuse.h"

#define STEP __attribute__((noipa)) static

STEP char* grow(char* block, size_t size) {
  char* const larger = hidden(realloc(block, size));
  __asm__ volatile("");  // no tail call
  return larger;
}

int main(void) {
  char* const small = grow(hidden(malloc(10)), 2000);
  small[2000] = 1;
  if (getenv("HUGE") == NULL) {
    free(hidden(small));
  }
  char* const huge = grow(hidden(malloc(10)), 300000);
  huge[300000] = 1;
  free(hidden(huge));
  return still_works();
}
