// Reads one byte behind a block of an odd size.
#include "guarded.h"

int main(void) {
  char* const block = make_block(61);
  return read_at(block, 61) == 300;
}
