// Writes two bytes into what the alignment of a block leaves before its guard: its free finds them.
#include "guarded.h"

int main(void) {
  char* const block = make_block(61);
  write_at(block, 62);
  drop_block(block);
  drop_block(make_block(61));
  return still_works();
}
