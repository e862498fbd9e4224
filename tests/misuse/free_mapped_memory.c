// Frees memory that the program mapped for itself.
#include "misuse.h"

int main(void) {
  char* p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return 9;
  p[0] = 1;
  free(hidden(p));
  return p[0] - 1 + still_works();
}
