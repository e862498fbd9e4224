// Built with ASHLAR_XMALLOC: asks for more than the system has.
#include "misuse.h"

int main(void) {
  if (still_works() != 0) return 6;
  volatile size_t more_than_there_is = (size_t)1 << 62;
  return malloc(more_than_there_is) == NULL ? 5 : 7;
}
