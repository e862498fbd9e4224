// Frees memory that was given back to the system.
#include "misuse.h"

int main(void) {
  void* p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return 9;
  munmap(p, 1 << 20);
  free(hidden((char*)p + 4096));
  return still_works();
}
