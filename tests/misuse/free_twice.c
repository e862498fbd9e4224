// Frees a block twice in a row.
#include "misuse.h"

int main(void) {
  void* other = malloc(64);
  void* p = malloc(64);
  free(hidden(p));
  free(hidden(p));
  free(other);
  return 0;
}
