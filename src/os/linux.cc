// The system calls of Linux. Every function leaves errno as it found it.
#include "os/linux.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/relaxed.h"
#include "os/asan.h"
#include "os/keep_errno.h"
#include "os/valgrind.h"

namespace ashlar {
namespace {

int protection_of(Access access) {
  return access == Access::kReadWrite ? PROT_READ | PROT_WRITE
         : access == Access::kRead    ? PROT_READ
                                      : PROT_NONE;
}

void* map(void* hint, std::size_t size, Access access) {
  void* start =
      mmap(hint, size, protection_of(access), MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return start == MAP_FAILED ? nullptr : start;
}

// ASCII only, whatever the locale: some fold i and I differently.
char to_lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool starts_with(const char* text, const char* prefix, bool ignore_case) {
  for (; *prefix != '\0'; ++text, ++prefix) {
    if (ignore_case ? to_lower(*text) != to_lower(*prefix) : *text != *prefix) {
      return false;
    }
  }
  return true;
}

// What constructors are given; null once libc has been seen to have its own.
constinit RelaxedNumber<char**> early_environment;

// The key whose destructor tells of a thread's end: 0 until made, then the key plus one. A key that
// loses the race to be it is given back.
constinit std::atomic<std::uint64_t> thread_exit_key{0};

}  // namespace

std::size_t Linux::page_size() {
  // Two threads may both find nothing here and ask.
  static constinit RelaxedNumber<std::size_t> size;
  if (size.get() == 0) {
    size.set(getauxval(AT_PAGESZ));
  }
  return size.get();
}

std::size_t Linux::read_small_file(const char* path, char* text, std::size_t capacity) {
  KeepErrno keep;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return 0;
  }
  const ssize_t length = read(file, text, capacity - 1);
  close(file);
  if (length <= 0) {
    return 0;
  }
  text[length] = '\0';
  return static_cast<std::size_t>(length);
}

bool Linux::overcommits() {
  KeepErrno keep;
  // Two threads may both find nothing here and read the file.
  static constinit RelaxedNumber<char> mode;
  if (mode.get() == 0) {
    char text[8] = {};
    read_small_file("/proc/sys/vm/overcommit_memory", text, sizeof text);
    mode.set(text[0] == 0 ? '0' : text[0]);
  }
  // 2 is "never overcommit": then every writable byte counts, touched or not.
  return mode.get() != '2';
}

void* Linux::reserve(void* hint, std::size_t size, std::size_t alignment, Access access) {
  KeepErrno keep;
  void* start = map(hint, size, access);
  if (start == nullptr || is_aligned(start, alignment)) {
    return start;
  }
  // Not aligned: take more than needed and cut both ends off. A cut that fails only costs
  // addresses.
  munmap(start, size);
  if (size + alignment < size) {
    return nullptr;
  }
  start = map(nullptr, size + alignment, access);
  if (start == nullptr) {
    return nullptr;
  }
  void* aligned = reinterpret_cast<void*>(align_up(address_of(start), alignment));
  const std::size_t before = bytes_between(start, aligned);
  if (before != 0) {
    munmap(start, before);
  }
  if (before != alignment) {
    munmap(at_offset(aligned, size), alignment - before);
  }
  return aligned;
}

bool Linux::release(void* start, std::size_t size) {
  KeepErrno keep;
  if (asan::is_linked()) {
    asan::allow(start, size);  // while the addresses are ours
  }
  return munmap(start, size) == 0;
}

bool Linux::commit(void* start, std::size_t size) {
  return protect(start, size, Access::kReadWrite);
}

bool Linux::purge(void* start, std::size_t size) {
  KeepErrno keep;
  return madvise(start, size, MADV_DONTNEED) == 0;
}

namespace {

// Purges pieces by one call; returns how many, from the first. Linux takes them for the calling
// process from 6.13 on, and this way of naming it from 6.14; from 6.16 on the processors drop what
// they know of the pages once a call, which costs more than all the rest where they are virtual.
std::uint32_t purge_by_one_call(const MemoryPiece* pieces, std::uint32_t count) {
  // Where it is not known it is asked once; of two threads that find out at the same time both ask.
  // Valgrind does not know it either, and would say so.
  static constinit RelaxedNumber<bool> unknown;
  constexpr int kSelf = -10000;  // PIDFD_SELF
  if (unknown.get()) {
    return 0;
  }
  iovec vector[kPiecesMax];
  for (std::uint32_t i = 0; i < count; ++i) {
    vector[i] = {pieces[i].start, pieces[i].size};
  }
  const long done = valgrind::is_running() ? -1
                                           : syscall(SYS_process_madvise, kSelf, vector,
                                                     std::size_t{count}, MADV_DONTNEED, 0U);
  if (done < 0) {
    unknown.set(valgrind::is_running() || errno == EBADF || errno == ENOSYS || errno == EPERM);
    return 0;
  }
  auto left = static_cast<std::size_t>(done);
  std::uint32_t whole = 0;
  for (; whole < count && left >= pieces[whole].size; ++whole) {
    left -= pieces[whole].size;
  }
  return whole;
}

}  // namespace

std::uint64_t Linux::purge_pieces(const MemoryPiece* pieces, std::uint32_t count) {
  KeepErrno keep;
  const std::uint32_t done = count > 1 ? purge_by_one_call(pieces, count) : 0;
  std::uint64_t purged = low_bits(done);
  for (std::uint32_t i = done; i < count; ++i) {
    if (purge(pieces[i].start, pieces[i].size)) {
      purged |= std::uint64_t{1} << i;
    }
  }
  return purged;
}

bool Linux::populate(void* start, std::size_t size) {
  KeepErrno keep;
  // Linux knows it from 5.14 on. Where it does not, it is asked once; of two threads that find out
  // at the same time both ask.
  static constinit RelaxedNumber<bool> unknown;
  if (unknown.get()) {
    return false;
  }
  if (madvise(start, size, MADV_POPULATE_WRITE) == 0) {
    return true;
  }
  unknown.set(errno == EINVAL || errno == ENOSYS || errno == EPERM);
  return false;
}

bool Linux::reset(void* start, std::size_t size) {
  KeepErrno keep;
  return madvise(start, size, MADV_FREE) == 0;
}

bool Linux::protect(void* start, std::size_t size, Access access) {
  KeepErrno keep;
  return mprotect(start, size, protection_of(access)) == 0;
}

bool Linux::remap(void* start, std::size_t old_size, void* target, std::size_t new_size) {
  KeepErrno keep;
  const int flags = target == start ? 0 : MREMAP_MAYMOVE | MREMAP_FIXED;
  return mremap(start, old_size, new_size, flags, target) != MAP_FAILED;
}

std::uint64_t Linux::clock_ms() { return clock_ns() / 1'000'000; }

std::uint64_t Linux::clock_ns() {
  KeepErrno keep;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

ProcessUsage Linux::process_usage() {
  KeepErrno keep;
  ProcessUsage usage;
  rusage counted{};
  if (getrusage(RUSAGE_SELF, &counted) == 0) {
    const auto milliseconds = [](const timeval& time) {
      return static_cast<std::uint64_t>(time.tv_sec) * 1000 +
             static_cast<std::uint64_t>(time.tv_usec) / 1000;
    };
    usage.user_ms = milliseconds(counted.ru_utime);
    usage.system_ms = milliseconds(counted.ru_stime);
    usage.peak_resident = static_cast<std::size_t>(counted.ru_maxrss) * kKiB;
    usage.blocking_faults = static_cast<std::uint64_t>(counted.ru_majflt);
  }
  // Two numbers of OS pages: the size of the address space, and what is resident.
  char text[64];
  const std::size_t length = read_small_file("/proc/self/statm", text, sizeof text);
  std::size_t at = 0;
  while (at < length && text[at] != ' ') {
    ++at;
  }
  std::size_t pages = 0;
  for (++at; at < length && text[at] >= '0' && text[at] <= '9'; ++at) {
    pages = pages * 10 + static_cast<std::size_t>(text[at] - '0');
  }
  usage.resident = pages != 0 ? pages * page_size() : usage.peak_resident;
  // The kernel's two figures are of different moments and precision.
  if (usage.peak_resident < usage.resident) {
    usage.peak_resident = usage.resident;
  }
  return usage;
}

bool Linux::random_bytes(void* bytes, std::size_t count) {
  KeepErrno keep;
  return getrandom(bytes, count, GRND_NONBLOCK) == static_cast<ssize_t>(count);
}

unsigned Linux::numa_node() {
  KeepErrno keep;
  unsigned cpu = 0;
  unsigned node = 0;
  return syscall(SYS_getcpu, &cpu, &node, nullptr) == 0 ? node : 0;
}

unsigned Linux::numa_node_count() {
  KeepErrno keep;
  char text[64];
  // The file holds a list of ranges such as "0-1,4"; its last number is the highest node.
  const std::size_t length = read_small_file("/sys/devices/system/node/online", text, sizeof text);
  unsigned last = 0;
  for (std::size_t i = 0; i < length; ++i) {
    if (text[i] >= '0' && text[i] <= '9') {
      last = last * 10 + static_cast<unsigned>(text[i] - '0');
    } else if (i + 1 < length && text[i] != '\n') {
      last = 0;
    }
  }
  return last + 1;
}

std::uint64_t Linux::thread_number() {
  KeepErrno keep;
  return static_cast<std::uint64_t>(syscall(SYS_gettid));
}

void Linux::write_error(const char* text, std::size_t length) {
  KeepErrno keep;
  while (length > 0) {
    const ssize_t written = write(STDERR_FILENO, text, length);
    if (written > 0) {
      text += written;
      length -= static_cast<std::size_t>(written);
    } else if (written == 0 || errno != EINTR) {
      return;
    }
  }
}

void Linux::note_environment(char** entries) { early_environment.set(entries); }

bool Linux::has_environment() { return environ != nullptr || early_environment.get() != nullptr; }

const char* Linux::environment(const char* name, bool ignore_case) {
  // environ is read directly: getenv may be replaced, and there is none before libc is ready.
  if (environ != nullptr && early_environment.get() != nullptr) {
    early_environment.set(nullptr);  // libc is ready; should environ be null again, it is empty
  }
  char** const entries = environ != nullptr ? environ : early_environment.get();
  if (entries == nullptr) {
    return nullptr;
  }
  const std::size_t length = strlen(name);
  for (char** entry = entries; *entry != nullptr; ++entry) {
    if (starts_with(*entry, name, ignore_case) && (*entry)[length] == '=') {
      return *entry + length + 1;
    }
  }
  return nullptr;
}

void Linux::wait(std::atomic<std::uint32_t>* word, std::uint32_t expected) {
  KeepErrno keep;
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void Linux::wake_one(std::atomic<std::uint32_t>* word) {
  KeepErrno keep;
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

bool Linux::at_thread_exit(void (*ended)(void*), void* arg) {
  KeepErrno keep;
  // acquire: pairs with the release below; a key that is seen is made.
  std::uint64_t key = thread_exit_key.load(std::memory_order_acquire);
  if (key == 0) {
    pthread_key_t fresh;
    if (pthread_key_create(&fresh, ended) != 0) {
      return false;
    }
    // release: publishes the key. acquire: on failure another thread's key is used.
    if (thread_exit_key.compare_exchange_strong(
            key, std::uint64_t{fresh} + 1, std::memory_order_release, std::memory_order_acquire)) {
      key = std::uint64_t{fresh} + 1;
    } else {
      pthread_key_delete(fresh);
    }
  }
  return pthread_setspecific(static_cast<pthread_key_t>(key - 1), arg) == 0;
}

void Linux::forget_thread_exits() {
  // acquire: as above.
  const std::uint64_t key = thread_exit_key.exchange(0, std::memory_order_acquire);
  if (key != 0) {
    pthread_key_delete(static_cast<pthread_key_t>(key - 1));
  }
}

bool Linux::at_exit(void (*ended)()) {
  KeepErrno keep;
  return atexit(ended) == 0;
}

bool Linux::is_loaded_at_start(const void* address) {
  struct Search {
    std::uintptr_t address;
    std::uintptr_t loader;  // where the dynamic loader lies; 0: there is none
    bool found_before_loader;
  };
  Search search{address_of(address), getauxval(AT_BASE), false};
  // Objects come in the order of loading, and the loader itself stands among those of the start.
  auto visit = [](dl_phdr_info* object, std::size_t, void* arg) {
    auto* const wanted = static_cast<Search*>(arg);
    if (object->dlpi_addr == wanted->loader) {
      return 1;
    }
    for (int i = 0; i < object->dlpi_phnum; ++i) {
      const ElfW(Phdr)& part = object->dlpi_phdr[i];
      if (part.p_type == PT_LOAD &&
          wanted->address - object->dlpi_addr - part.p_vaddr < part.p_memsz) {
        wanted->found_before_loader = true;
        return 1;
      }
    }
    return 0;
  };
  return search.loader == 0 || (dl_iterate_phdr(visit, &search), search.found_before_loader);
}

bool Linux::at_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) {
  KeepErrno keep;
  return pthread_atfork(before, in_parent, in_child) == 0;
}

const char* Linux::program_path(char* path, std::size_t capacity) {
  KeepErrno keep;
  const ssize_t length = readlink("/proc/self/exe", path, capacity - 1);
  if (length <= 0) {
    return "?";
  }
  path[length] = '\0';
  return path;
}

void Linux::yield() { sched_yield(); }

void Linux::sleep_ms(std::uint32_t milliseconds) {
  KeepErrno keep;
  const timespec time{.tv_sec = static_cast<time_t>(milliseconds / 1000),
                      .tv_nsec = static_cast<long>(milliseconds % 1000) * 1'000'000};
  nanosleep(&time, nullptr);
}

void Linux::stop() { abort(); }

}  // namespace ashlar
