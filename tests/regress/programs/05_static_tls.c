/* Row 5: a library with an allocator of its own is loaded when hardly any static TLS is left. With
   64 bytes left it must load with either TLS model; with none, where it needs none. */
#define _GNU_SOURCE /* memfd_create, and what dlfcn.h has beyond POSIX */
#include <pthread.h>

#include "plugin.h"

/* The last bytes are taken in steps of eight, so that they can be given back one by one. */
enum { kMost = 2000, kGivenBack = 8 };
static void* taken[kMost];
static int taken_count;

static void take_all_static_tls(void) {
  static const char* const kNames[] = {"regress_static_tls_512", "regress_static_tls_64",
                                       "regress_static_tls_8"};
  for (size_t i = 0; i < sizeof kNames / sizeof kNames[0]; i++) {
    void* handle = NULL;
    while (taken_count < kMost && (handle = try_copy(kNames[i])) != NULL) {
      /* Eight or more of the smallest end up last: one step of 64 is left to them. */
      taken[taken_count++] = handle;
    }
    if (i == 1) CHECK(taken_count > 0 && dlclose(taken[--taken_count]) == 0);
  }
  CHECK(taken_count > kGivenBack && taken_count < kMost);
  CHECK(try_copy("regress_static_tls_8") == NULL);
}

static struct carrier shared;
static void* use(void* argument) {
  CHECK(shared.work((unsigned)(size_t)argument));
  return NULL;
}

static void use_by_all(void* handle) {
  pthread_t threads[3];
  shared = carrier_of(handle);
  CHECK(shared.work(1));
  for (size_t i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, use, (void*)i) == 0);
  for (size_t i = 0; i < 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  unload(&shared);
}

static void none_left(void) {
  take_all_static_tls();
  use_by_all(try_library("regress_carrier_dynamic_tls"));
  /* The other model needs some: libc says so, and nothing is harmed. */
  void* const refused = try_library("regress_carrier");
  if (refused != NULL) use_by_all(refused);
  void* const block = malloc(100);
  CHECK(block != NULL);
  free(block);
}

static void little_left(void) {
  take_all_static_tls();
  for (int i = 0; i < kGivenBack; i++) CHECK(dlclose(taken[--taken_count]) == 0);
  use_by_all(try_library("regress_carrier"));
  use_by_all(try_library("regress_carrier_dynamic_tls"));
}

int main(int argc, char** argv) {
  static const struct scenario kScenarios[] = {
      {"none_left_preloaded", none_left, NULL},
      {"none_left", none_left, "LD_PRELOAD="},
      {"little_left_preloaded", little_left, NULL},
      {"little_left", little_left, "LD_PRELOAD="},
  };
  return RUN_SCENARIOS(argc, argv, kScenarios);
}
