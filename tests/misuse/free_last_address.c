// Frees the highest address there is, what many libraries call an invalid pointer.
#include "misuse.h"

int main(void) {
  free(address(UINTPTR_MAX - 15));
  return still_works();
}
