// Frees what is nearly NULL: a field of a structure that is not there.
#include "misuse.h"

int main(void) {
  free(address(8));
  return still_works();
}
