// Frees an invalid pointer while there is no stderr to write to.
#include "misuse.h"

int main(void) {
  int local = 7;
  close(2);
  free(hidden(&local));
  return local - 7 + still_works();
}
