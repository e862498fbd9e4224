// Frees a pointer into the middle of a block that has a page of its own.
#include "misuse.h"

int main(void) {
  char* p = malloc(32 << 20);
  p[0] = 1;
  free(hidden(p + (8 << 20)));
  return 0;
}
