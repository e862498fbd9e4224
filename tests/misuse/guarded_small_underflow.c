// Writes the byte before a block, on the same OS page: its free finds it.
#include "guarded.h"

int main(void) {
  char* const block = make_block(64);
  write_at(block, -1);
  drop_block(block);
  return still_works();
}
