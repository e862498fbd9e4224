// realloc moves guarded blocks, so that the old one is out of bounds, and so is a freed one.
#include "guarded.h"

int main(void) {
  char* const block = make_block(64);
  char* const moved = (char*)realloc(hidden(block), 40);
  if (moved == NULL || moved == block || realloc(hidden(block), 100) != NULL || errno != EINVAL) {
    return 3;
  }
  write_at(moved, 48);
  return 0;
}
