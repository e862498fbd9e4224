// Frees static storage, in data and in a string literal.
#include "misuse.h"

int main(void) {
  static int numbers[16] = {1};
  free(hidden(numbers));
  free(hidden((void*)"text"));
  return numbers[0] - 1 + still_works();
}
