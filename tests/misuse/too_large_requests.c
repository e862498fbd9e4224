// Asks for more than any block can hold, in every way.
#include "misuse.h"

int main(void) {
  if (malloc((size_t)PTRDIFF_MAX + 1) != NULL) return 5;
  if (calloc(SIZE_MAX / 2, 3) != NULL) return 5;
  void* p = malloc(100);
  if (realloc(p, SIZE_MAX) != NULL) return 5;
  if (reallocarray(p, SIZE_MAX, 2) != NULL) return 5;
  free(p);
  return still_works();
}
