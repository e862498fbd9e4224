// Asks for the size of a variable on the stack: it has none.
#include "misuse.h"

int main(void) {
  int local[16] = {0};
  if (malloc_usable_size(hidden(local)) != 0) return 5;
  return still_works();
}
