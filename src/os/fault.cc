// The handler of SIGSEGV and SIGBUS, which stands in front of the one before it.
//
// A program that sets a handler later replaces this one. That is its right; should its handler call
// the one before it, this one is called.
#include "os/fault.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "os/keep_errno.h"
#include "os/processor.h"

namespace ashlar {
namespace {

// Who handled the signals before. Written before the handler is in place, and read by it; reset by
// a handler that was meant for one signal only.
struct Watched {
  int signal;
  struct sigaction before;
  std::atomic<bool> is_spent;  // its handler was to be called once, and was
};
constinit Watched watched[] = {{SIGSEGV, {}, false}, {SIGBUS, {}, false}};

constinit std::atomic<bool> watching{false};
constinit std::atomic<FaultFunction*> told{nullptr};

// As if there were no handler: the access is made again when this one returns, and ends the
// program. A signal that no access caused has to be sent again.
void end_by(int signal, bool by_access) {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  if (!by_access) {
    syscall(SYS_tgkill, getpid(), static_cast<pid_t>(syscall(SYS_gettid)), signal);
  }
}

// Calls who had the signal before with the signals blocked that it asked for. The mask is restored
// by the kernel when the handler returns, or by the program when it does not.
void pass_on(Watched& to, int signal, siginfo_t* info, void* context) {
  const struct sigaction& before = to.before;
  const bool is_default = (before.sa_flags & SA_SIGINFO) == 0 &&
                          (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN);
  const bool by_access = info->si_code > 0;
  // relaxed: of two threads at the same moment both are called, as the kernel would have it too.
  if (is_default || ((before.sa_flags & static_cast<int>(SA_RESETHAND)) != 0 &&
                     to.is_spent.exchange(true, std::memory_order_relaxed))) {
    // The kernel does not let a program ignore a fault, but a signal that was sent.
    if (by_access || before.sa_handler != SIG_IGN) {
      end_by(signal, by_access);
    }
    return;
  }
  sigset_t mask = before.sa_mask;
  if ((before.sa_flags & SA_NODEFER) != 0) {
    sigset_t own;
    sigemptyset(&own);
    sigaddset(&own, signal);
    pthread_sigmask(SIG_UNBLOCK, &own, nullptr);
  }
  pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(signal, info, context);
  } else {
    before.sa_handler(signal);
  }
}

void handle(int signal, siginfo_t* info, void* context) {
  const KeepErrno keep;
  // Positive codes are the kernel's own: nobody sent the signal.
  // acquire: pairs with the release in watch_faults.
  FaultFunction* const tell = told.load(std::memory_order_acquire);
  if (info->si_code > 0 && tell != nullptr) {
    tell({reinterpret_cast<std::uintptr_t>(info->si_addr),
          Processor::access_of(*static_cast<const ucontext_t*>(context)), context});
  }
  for (Watched& one : watched) {
    if (one.signal == signal) {
      pass_on(one, signal, info, context);
    }
  }
}

}  // namespace

bool watch_faults(FaultFunction* tell) {
  KeepErrno keep;
  // relaxed: of two threads one goes on.
  if (watching.exchange(true, std::memory_order_relaxed)) {
    return true;
  }
  bool all = true;
  for (Watched& one : watched) {
    all = sigaction(one.signal, nullptr, &one.before) == 0 && all;
  }
  // release: the handler finds the handlers of before.
  told.store(tell, std::memory_order_release);
  for (const Watched& one : watched) {
    struct sigaction action{};
    action.sa_sigaction = handle;
    // On the program's signal stack, if it has one: the ordinary one may be what has run out.
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    all = sigaction(one.signal, &action, nullptr) == 0 && all;
  }
  return all;
}

void forget_faults() {
  KeepErrno keep;
  // relaxed: no other thread uses the library.
  if (!watching.load(std::memory_order_relaxed)) {
    return;
  }
  for (const Watched& one : watched) {
    struct sigaction now{};
    if (sigaction(one.signal, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 &&
        now.sa_sigaction == handle) {
      sigaction(one.signal, &one.before, nullptr);
    }
  }
}

}  // namespace ashlar
