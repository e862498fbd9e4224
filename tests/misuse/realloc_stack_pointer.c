// Resizes a variable on the stack: there is no block, so there is no result.
#include "misuse.h"

int main(void) {
  int local[16] = {7};
  if (realloc(hidden(local), 1000) != NULL) return 5;
  return local[0] - 7 + still_works();
}
