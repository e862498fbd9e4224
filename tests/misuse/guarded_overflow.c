// Writes one byte behind a block that ends at its guard.
#include "guarded.h"

int main(void) {
  char* const block = make_block(64);
  write_at(block, 63);
  write_at(block, 64);
  return 0;
}
