// Frees a block twice: debug tells who allocated it, and who freed it first.
#include "misuse.h"

#define STEP __attribute__((noipa)) static

STEP void* make_block(size_t size) {
  void* const block = hidden(malloc(size));
  memset(block, 7, size);
  return block;
}

STEP void drop_block(void* block) {
  free(hidden(block));
  __asm__ volatile("");  // no tail call
}

int main(int count, char** arguments) {
  (void)arguments;
  void* const block = make_block((size_t)(count * 40));
  drop_block(block);
  free(hidden(block));
  return still_works();
}
