// What the programs of bench/memory and bench/scale share: reading what this process holds, and
// telling it. Nothing here allocates, so that all that is measured is the program's own
// allocations; tables of pointers come from the system. The programs call malloc, calloc, realloc
// and free alone.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

namespace probe {

struct Memory {
  std::int64_t resident_kib;
  std::int64_t private_dirty_kib;
  std::int64_t huge_kib;  // of it in transparent huge pages
};

// The number after "NAME:" in a report of /proc, or 0.
inline std::int64_t field(const char* text, const char* name) {
  const char* place = std::strstr(text, name);
  if (place == nullptr) return 0;
  return std::strtoll(place + std::strlen(name), nullptr, 10);
}

// smaps_rollup, not statm: the kernel's short counters lag behind by some hundred pages.
inline Memory memory() {
  static char text[8192];
  const int file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
  if (file < 0) workload::fail("no /proc/self/smaps_rollup");
  std::size_t length = 0;
  while (length < sizeof text - 1) {
    const ssize_t count = read(file, text + length, sizeof text - 1 - length);
    if (count <= 0) break;
    length += static_cast<std::size_t>(count);
  }
  close(file);
  text[length] = '\0';
  return {field(text, "\nRss:"), field(text, "\nPrivate_Dirty:"), field(text, "\nAnonHugePages:")};
}

inline std::int64_t mappings() {
  static char text[65536];
  const int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (file < 0) workload::fail("no /proc/self/maps");
  std::int64_t lines = 0;
  ssize_t count = 0;
  while ((count = read(file, text, sizeof text)) > 0) {
    for (ssize_t i = 0; i < count; i++) lines += text[i] == '\n';
  }
  close(file);
  return lines;
}

inline std::int64_t faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

inline std::int64_t peak_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// On the clock that the sampler outside reads too.
inline std::int64_t microseconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1000000 + time.tv_nsec / 1000;
}

inline void sleep_ms(std::int64_t milliseconds) {
  timespec time{};
  time.tv_sec = milliseconds / 1000;
  time.tv_nsec = milliseconds % 1000 * 1000000;
  while (nanosleep(&time, &time) != 0) {
  }
}

inline void tell(const char* name, std::int64_t value) {
  std::printf("%s %" PRId64 "\n", name, value);
}

// Keeps stdio from allocating its buffer, and tells the sampler outside whom to look at.
inline Memory start() {
  static char buffer[16384];
  std::setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  tell("pid", getpid());
  std::fflush(stdout);
  return memory();
}

// Zeroed room for so many entries; only what is written becomes resident.
template <typename T>
T* table(std::size_t count) {
  void* room = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) workload::fail("no memory for a table");
  return static_cast<T*>(room);
}

template <typename T>
void drop_table(T* room, std::size_t count) {
  munmap(room, count * sizeof(T));
}

inline std::uint64_t argument(int argc, char** argv, int index) {
  if (index >= argc)
    workload::fail("an argument is missing; the files *_rows.py of bench/benchlib have them");
  return workload::parse_number(argv[index]);
}

inline void* filled(std::size_t size) {
  void* block = workload::allocate(size);
  std::memset(block, 1, size);
  return block;
}

}  // namespace probe
