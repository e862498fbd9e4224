// Frees a pointer into a guarded block.
#include "guarded.h"

int main(void) {
  char* const block = make_block(64);
  drop_block(block + 16);
  drop_block(block);
  return still_works();
}
