// Frees a block twice.
#include "guarded.h"

STEP static void drop_again(void* block) {
  free(hidden(block));
  __asm__ volatile("nop");  // the compiler makes one function of two that are alike
}

int main(void) {
  char* const block = make_block(64);
  drop_block(block);
  drop_again(block);
  return still_works();
}
