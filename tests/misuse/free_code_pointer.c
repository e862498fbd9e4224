// Frees a function.
#include "misuse.h"

int main(void) {
  free(hidden((void*)(uintptr_t)&still_works));
  return still_works();
}
