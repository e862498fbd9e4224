// A block of 100 bytes that nothing points to any more at the end, and blocks that are no leaks:
// one of ours, and one of malloc's that only the first points to. Where a sanitizer keeps malloc
// for itself, it has to look into our memory for that.
#include "allocator.h"

static char** kept;

__attribute__((noinline)) static void lose(void) {
  char* p = hidden(take(100));
  p[0] = 1;
}

static void lose_block(void) {
  kept = (char**)(void*)hidden(take(64));
  memset(kept, 0, 64);
  kept[3] = hidden(malloc(50));
  lose();
}

static const struct Case cases[] = {{"lose_block", lose_block}};

int main(int argc, char** argv) {
  const int status = run_cases(cases, 1, argc, argv);
  char stack[4096];
  memset(hidden(stack), 0, sizeof stack);  // what is left of the pointers
  return status;
}
