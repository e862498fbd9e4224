// A handler of the program that was there before is called after the report, on its own stack.
#include "guarded.h"

static char stack[64 * 1024];
static char* block;

static void handle(int signal, siginfo_t* info, void* context) {
  char here;
  (void)context;
  const char on_stack = &here >= stack && &here < stack + sizeof stack;
  if (signal == SIGSEGV && info->si_addr == block + 32 && on_stack) {
    static const char kText[] = "the handler of the program\n";
    if (write(2, kText, sizeof kText - 1) > 0) _exit(7);
  }
  _exit(8);
}

int main(void) {
  const stack_t wanted = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  if (sigaltstack(&wanted, NULL) != 0 || sigaction(SIGSEGV, &action, NULL) != 0) return 3;
  mi_option_set(mi_option_guarded_sample_rate, 1);
  block = make_block(32);
  write_at(block, 32);
  return 0;
}
