// A child has its own guarded blocks, and finds those of its parent as they were.
#include "guarded.h"

int main(void) {
  char* const freed = make_block(64);
  char* const kept = make_block(64);
  drop_block(freed);
  const pid_t child = fork();
  if (child == 0) {
    write_at(kept, 1);
    drop_block(kept);
    if (still_works() != 0) return 4;
    char* const fresh = make_block(64);
    write_at(fresh, 63);
    write_at(freed, 5);
    return 0;
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return 3;
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV) return 5;
  drop_block(kept);
  return still_works();
}
