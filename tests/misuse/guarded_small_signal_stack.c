// The smallest signal stack that POSIX names is enough for a report, and the program dies as ever.
#include "guarded.h"

int main(void) {
  static char stack[8192];
  const stack_t wanted = {.ss_sp = stack, .ss_size = sizeof stack};
  if (sigaltstack(&wanted, NULL) != 0) return 3;
  char* const block = make_block(5000);
  drop_block(block);
  write_at(block, 4000);
  return 0;
}
