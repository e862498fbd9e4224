// Frees the old address of a block that realloc moved.
#include "misuse.h"

int main(void) {
  char* p = malloc(64);
  char* kept = malloc(64);
  char* moved = realloc(p, 100000);
  if (moved == p || moved == NULL) return 9;
  free(hidden(p));
  return kept == NULL;
}
