// A fault elsewhere is none of ours: the handler of the program hears of it, and of no report.
#include "guarded.h"

static void handle(int signal) {
  static const char kText[] = "the handler of the program\n";
  if (signal == SIGSEGV && write(2, kText, sizeof kText - 1) > 0) _exit(7);
  _exit(8);
}

int main(int argc, char** argv) {
  (void)argv;
  signal(SIGSEGV, handle);
  mi_option_set(mi_option_guarded_sample_rate, 1);
  char* const block = make_block(32);
  write_at(block, 31);
  return read_at((char*)hidden((void*)(uintptr_t)(4096 * argc)), 8);
}
