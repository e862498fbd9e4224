// Frees a pointer into a block.
#include "misuse.h"

int main(void) {
  char* p = malloc(256);
  free(hidden(p + 16));
  return 0;
}
