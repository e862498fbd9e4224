/* Stands between the preloaded library and the system: the program's own mmap, munmap, mremap,
   mprotect and madvise are found before libc's, so that each can be refused, hints for addresses
   can be ignored, and the kernel's answer about overcommit can be another. libc's own calls do not
   come here. Includers define _GNU_SOURCE. It holds no test. */
#ifndef REGRESS_SYSTEM_CALLS_H
#define REGRESS_SYSTEM_CALLS_H

#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "program.h"

enum {
  kMunmap = 1,
  kMadvise = 2,
  kMprotect = 4,
  kMremap = 8,
  kMmap = 16,
};

/* What is refused, and of how many such calls one; how many calls there were, and how many of them
   were refused, or their hint ignored. */
static atomic_uint refused_kinds;
static atomic_uint refused_one_in = 1;
static atomic_ullong calls_made;
static atomic_ullong protect_calls;
static atomic_ullong calls_refused;

static int is_refused(unsigned kind) {
  const unsigned long long call = atomic_fetch_add(&calls_made, 1);
  struct chance chance = {call};
  if ((atomic_load(&refused_kinds) & kind) == 0 ||
      chance_next(&chance) % atomic_load(&refused_one_in) != 0)
    return 0;
  atomic_fetch_add(&calls_refused, 1);
  return 1;
}

/* With errors of the kernel's that a call meets in life: no memory for another mapping. */
static int refuse(unsigned kind) {
  if (!is_refused(kind)) return 0;
  errno = kind == kMadvise ? EINVAL : ENOMEM;
  return 1;
}

/* Settings for a table of scenarios: the kernel seems never to overcommit; it puts everything where
   it likes, whatever the hint. The loader already allocates, when there is no getenv yet. */
#define NEVER_OVERCOMMIT "REGRESS_OVERCOMMIT=2"
#define IGNORE_HINTS "REGRESS_IGNORE_HINTS=1"

static int is_set(const char* setting) {
  static char settings[1 << 16];
  static ssize_t length = -1;
  if (length < 0) {
    const int file = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/environ", O_RDONLY);
    CHECK(file >= 0);
    ssize_t more = 0;
    for (length = 0; (more = read(file, settings + length, sizeof settings - (size_t)length)) > 0;)
      length += more;
    close(file);
  }
  return memmem(settings, (size_t)length, setting, strlen(setting)) != NULL;
}

#define EXPORTED __attribute__((visibility("default"), used))

EXPORTED void* mmap(void* hint, size_t size, int protection, int flags, int file, off_t offset) {
  if (refuse(kMmap)) return MAP_FAILED;
  if ((flags & MAP_FIXED) == 0 && hint != NULL && is_set(IGNORE_HINTS)) {
    atomic_fetch_add(&calls_refused, 1);
    hint = NULL;
  }
  return (void*)syscall(SYS_mmap, hint, size, protection, flags, file, offset);
}

EXPORTED int munmap(void* start, size_t size) {
  return refuse(kMunmap) ? -1 : (int)syscall(SYS_munmap, start, size);
}

EXPORTED int madvise(void* start, size_t size, int advice) {
  return refuse(kMadvise) ? -1 : (int)syscall(SYS_madvise, start, size, advice);
}

EXPORTED int mprotect(void* start, size_t size, int protection) {
  atomic_fetch_add(&protect_calls, 1);
  return refuse(kMprotect) ? -1 : (int)syscall(SYS_mprotect, start, size, protection);
}

EXPORTED void* mremap(void* start, size_t old_size, size_t new_size, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  void* const target = (flags & MREMAP_FIXED) != 0 ? va_arg(rest, void*) : NULL;
  va_end(rest);
  if (refuse(kMremap)) return MAP_FAILED;
  return (void*)syscall(SYS_mremap, start, old_size, new_size, flags, target);
}

EXPORTED int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const int mode = (flags & O_CREAT) != 0 ? va_arg(rest, int) : 0;
  va_end(rest);
  if (strcmp(path, "/proc/sys/vm/overcommit_memory") != 0 || !is_set(NEVER_OVERCOMMIT))
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  const int file = (int)syscall(SYS_memfd_create, "overcommit_memory", 0);
  CHECK(file >= 0 && write(file, "2\n", 2) == 2);
  CHECK(lseek(file, 0, SEEK_SET) == 0);
  return file;
}

/* The mappings of the process, as the kernel counts them. */
static inline size_t mapping_count(void) {
  char text[4096];
  size_t lines = 0;
  ssize_t length = 0;
  const int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  CHECK(file >= 0);
  while ((length = read(file, text, sizeof text)) > 0)
    for (ssize_t i = 0; i < length; i++) lines += text[i] == '\n';
  close(file);
  return lines;
}

#endif /* REGRESS_SYSTEM_CALLS_H */
