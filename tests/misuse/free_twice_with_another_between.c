// Frees a block twice, another one in between.
#include "misuse.h"

int main(void) {
  void* other = malloc(64);
  void* p = malloc(64);
  void* kept = malloc(64);
  free(hidden(p));
  free(hidden(other));
  free(hidden(p));
  return kept == NULL;
}
