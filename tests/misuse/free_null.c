// Frees NULL, which is no misuse at all.
#include "misuse.h"

int main(void) {
  free(hidden(NULL));
  if (malloc_usable_size(hidden(NULL)) != 0) return 5;
  return still_works();
}
