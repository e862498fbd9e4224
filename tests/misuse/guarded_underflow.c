// Writes a whole OS page before a block.
#include "guarded.h"

int main(void) {
  char* const block = make_block(64);
  write_at(block, -4096);
  return 0;
}
