// Frees a variable on the stack.
#include "misuse.h"

int main(void) {
  int local[16] = {0};
  free(hidden(local));
  return local[0] + still_works();
}
