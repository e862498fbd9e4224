// Frees an address that the processor itself refuses.
#include "misuse.h"

int main(void) {
  free(address(0x1234567890abcde0));
  return still_works();
}
