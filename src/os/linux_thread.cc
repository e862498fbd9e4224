// Linux: threads of the allocator's own, and sleeping for a bounded time.
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/integer.h"
#include "os/keep_errno.h"
#include "os/linux.h"

namespace ashlar {
namespace {

// The stack also holds the thread-local data of everything that is loaded, so the least that will
// do is not known before it is tried.
constexpr std::size_t kStackMin = 128 * kKiB;
constexpr std::size_t kStackMax = kMiB;

bool create(const pthread_attr_t& attributes, void (*run)()) {
  pthread_t thread;
  auto start = [](void* arg) -> void* {
    pthread_setname_np(pthread_self(), "ashlar-purge");
    reinterpret_cast<void (*)()>(arg)();
    return nullptr;
  };
  return pthread_create(&thread, &attributes, start, reinterpret_cast<void*>(run)) == 0;
}

bool create_with_least_stack(void (*run)()) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) {
    return false;
  }
  bool created = false;
  if (pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0) {
    for (std::size_t size = kStackMin; !created && size <= kStackMax; size *= 4) {
      created = pthread_attr_setstacksize(&attributes, size) == 0 && create(attributes, run);
    }
  }
  pthread_attr_destroy(&attributes);
  return created;
}

}  // namespace

bool Linux::start_thread(void (*run)()) {
  KeepErrno keep;
  // The new thread inherits the mask, so that no signal of the program's is ever handled on its
  // small stack. libc's own stay open: setuid reaches all threads by one.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
    return false;
  }
  const bool created = create_with_least_stack(run);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return created;
}

void Linux::wait_for(std::atomic<std::uint32_t>* word, std::uint32_t expected,
                     std::uint32_t milliseconds) {
  KeepErrno keep;
  const timespec time{.tv_sec = static_cast<time_t>(milliseconds / 1000),
                      .tv_nsec = static_cast<long>(milliseconds % 1000) * 1'000'000};
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &time, nullptr, 0);
}

}  // namespace ashlar
