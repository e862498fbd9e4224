// Reads from a block that was freed, after others were.
#include "guarded.h"

int main(void) {
  char* const block = make_block(1000);
  drop_block(block);
  for (int i = 0; i < 100; ++i) drop_block(make_block(1000));
  return read_at(block, 999) == 300;
}
