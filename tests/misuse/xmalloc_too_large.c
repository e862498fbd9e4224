// Built with ASHLAR_XMALLOC: a product that overflows, with a handler that returns.
#include "misuse.h"

#include <errno.h>
#include <mimalloc.h>
#include <stdio.h>

static void tell(int code, void* arg) {
  fprintf(stderr, "heard %s\n", code == EOVERFLOW ? (const char*)arg : "something else");
}

int main(void) {
  mi_register_error(tell, "of it");
  volatile size_t many = SIZE_MAX / 2;
  return calloc(many, 3) == NULL ? 5 : 7;
}
