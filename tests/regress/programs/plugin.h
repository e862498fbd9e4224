/* How the preloaded programs load the libraries that their build made: by name, or as a copy that
   libc takes for another library. It holds no test. */
#ifndef REGRESS_PLUGIN_H
#define REGRESS_PLUGIN_H

#include <dlfcn.h>
#include <sys/mman.h>

#include "program.h"

/* The functions of libraries/carrier.c, in one loaded library. */
struct carrier {
  void* handle;
  void* (*malloc)(size_t size);
  void* (*realloc)(void* p, size_t size);
  void (*free)(void* p);
  size_t (*usable_size)(const void* p);
  int (*owns)(const void* p);
  void (*collect)(void);
  void (*count_errors)(void);
  int (*errors)(void);
  int (*work)(unsigned seed);
};

static inline void library_path(char* path, size_t room, const char* name) {
  snprintf(path, room, "%s/lib%s.so", REGRESS_LIBRARIES, name);
}

/* NULL where libc says no. */
static inline void* try_library(const char* name) {
  char path[1000];
  library_path(path, sizeof path, name);
  return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

/* Another copy of the library each time, in a file of memory; NULL where libc says no. */
static inline void* try_copy(const char* name) {
  char path[1000];
  static char bytes[1 << 16];
  library_path(path, sizeof path, name);
  const int from = open(path, O_RDONLY | O_CLOEXEC);
  const int to = memfd_create(name, MFD_CLOEXEC);
  CHECK(from >= 0 && to >= 0);
  ssize_t part = 0;
  while ((part = read(from, bytes, sizeof bytes)) > 0)
    CHECK(write(to, bytes, (size_t)part) == part);
  snprintf(path, sizeof path, "/proc/self/fd/%d", to);
  void* const handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  close(from);
  /* The number stays taken: libc knows the library by this path. */
  if (handle == NULL) close(to);
  return handle;
}

static inline struct carrier carrier_of(void* handle) {
  struct carrier carrier;
  if (handle == NULL) dprintf(2, "not loaded: %s\n", dlerror());
  CHECK(handle != NULL);
  carrier.handle = handle;
  /* Through void**, since ISO C has no conversion from an object pointer to a function's. */
  *(void**)&carrier.malloc = dlsym(handle, "carrier_malloc");
  *(void**)&carrier.realloc = dlsym(handle, "carrier_realloc");
  *(void**)&carrier.free = dlsym(handle, "carrier_free");
  *(void**)&carrier.usable_size = dlsym(handle, "carrier_usable_size");
  *(void**)&carrier.owns = dlsym(handle, "carrier_owns");
  *(void**)&carrier.collect = dlsym(handle, "carrier_collect");
  *(void**)&carrier.count_errors = dlsym(handle, "carrier_count_errors");
  *(void**)&carrier.errors = dlsym(handle, "carrier_errors");
  *(void**)&carrier.work = dlsym(handle, "carrier_work");
  CHECK(carrier.malloc != NULL && carrier.realloc != NULL && carrier.free != NULL &&
        carrier.usable_size != NULL && carrier.owns != NULL && carrier.collect != NULL &&
        carrier.count_errors != NULL && carrier.errors != NULL && carrier.work != NULL);
  return carrier;
}

static inline void unload(struct carrier* carrier) {
  CHECK(dlclose(carrier->handle) == 0);
  carrier->handle = NULL;
}

#endif /* REGRESS_PLUGIN_H */
