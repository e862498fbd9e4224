// What is set up once: arenas of our own, what is heard of errors, and the values of options to
// which each input comes back.
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "session.h"
#include "support/expect.h"

namespace fuzz {
namespace {

constexpr std::size_t kArenaSize = std::size_t{32} << 20;

std::atomic<bool> commits_fail{false};
std::atomic<int> expecting{0};
std::atomic<int> reports{0};

void hear_error(int error, void*) {
  if (error == ENOMEM || error == EOVERFLOW) {
    return;
  }
  // relaxed: set by the thread that makes the call.
  expect(error == EINVAL && expecting.load(std::memory_order_relaxed) != 0,
         "the library reports no error");
  reports.fetch_add(1, std::memory_order_relaxed);
}

// What the library says is shown with a failure alone: its last messages.
char last_messages[2048];

void keep_message(const char* text, void*) {
  const std::size_t length = std::strlen(text);
  const std::size_t held = std::strlen(last_messages);
  if (held + length >= sizeof last_messages) {
    last_messages[0] = '\0';
  }
  std::strncat(last_messages, text, sizeof last_messages - std::strlen(last_messages) - 1);
}

// The program's functions that the library calls may allocate and free.
void allocate_inside(bool force, unsigned long long heartbeat, void*) {
  mi_free(opaque(mi_malloc(force ? 5000 : heartbeat % 64 * 16)));
}

void allocate_under_pressure(const ashlar_pressure_t* pressure, void*) {
  expect(pressure->stage >= 1 && pressure->stage <= 4, "pressure has four stages");
  mi_free(opaque(mi_malloc(2000)));
}

// Memory that is given back cannot be touched until it is committed again.
bool commit(bool commits, void* start, std::size_t size, bool* is_zero, void*) {
  if (!commits) {
    return madvise(start, size, MADV_DONTNEED) == 0 && mprotect(start, size, PROT_NONE) == 0;
  }
  // relaxed: set by the thread that makes the call.
  if (commits_fail.load(std::memory_order_relaxed) ||
      mprotect(start, size, PROT_READ | PROT_WRITE) != 0) {
    return false;
  }
  *is_zero = true;
  return true;
}

}  // namespace

Process& Process::get() {
  static Process process;
  return process;
}

Process::Process() {
  mi_register_output(keep_message, nullptr);
  mi_register_error(hear_error, nullptr);
  setenv("ASHLAR_FUZZ_VARIABLE", "value", 1);
  // A wait would be all that an input does.
  mi_option_set(mi_option_retry_on_oom, 0);
  // So that the same input does the same again. An input may turn it on.
  mi_option_set(mi_option_purge_thread, 0);
  for (int option = 0; option < _mi_option_last; ++option) {
    options[static_cast<std::size_t>(option)] = mi_option_get(static_cast<mi_option_t>(option));
  }
  main = mi_heap_main();
  mi_register_deferred_free(allocate_inside, nullptr);
  ashlar_register_pressure(allocate_under_pressure, nullptr);
  expect(mi_reserve_os_memory_ex(kArenaSize, false, false, true, &arena) == 0, "an arena is made");
  void* const memory = mmap(nullptr, kArenaSize + mi_arena_min_alignment(), PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  expect(memory != MAP_FAILED, "memory for an arena");
  expect(mi_manage_memory(memory, kArenaSize + mi_arena_min_alignment(), false, false, true, -1,
                          true, commit, nullptr, &hooked),
         "an arena with functions of its own is made");
}

ExpectReports::ExpectReports() {
  reports.store(0, std::memory_order_relaxed);
  expecting.fetch_add(1, std::memory_order_relaxed);
}
ExpectReports::~ExpectReports() { expecting.fetch_sub(1, std::memory_order_relaxed); }
int ExpectReports::heard() const { return reports.load(std::memory_order_relaxed); }

void fail_commits(bool fails) { commits_fail.store(fails, std::memory_order_relaxed); }

}  // namespace fuzz
