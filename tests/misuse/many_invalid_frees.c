// Frees many pointers that are no blocks: only so many messages are printed.
#include "misuse.h"

int main(void) {
  char local[1000];
  for (int i = 0; i < 1000; ++i) free(hidden(local + i));
  return still_works();
}
