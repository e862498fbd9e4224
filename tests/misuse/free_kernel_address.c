// Frees an address in the half of the address space that belongs to the system.
#include "misuse.h"

int main(void) {
  free(address(0xffff800000001000));
  return still_works();
}
