/* Large blocks cost what they must: growing one copies nothing twice, zeroed memory is not cleared
   again, a buffer that is used again and again is not faulted in each time, and all of it comes
   back. Counted in page faults and resident bytes, never in time. */
#include <sys/resource.h>

#include "program.h"

static size_t os_page;

static size_t faults(void) {
  struct rusage usage;
  CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  return (size_t)usage.ru_minflt;
}

static size_t peak_bytes(void) { return proc_field("/proc/self/status", "VmHWM:"); }

/* The compiler may not know what malloc is: the tests are built with -fno-builtin. */
static char* get(size_t size) {
  char* const block = malloc(size);
  CHECK(block != NULL);
  return block;
}

static void grow(size_t from, size_t last, size_t step, int by_half) {
  const size_t before = faults();
  char* block = get(from);
  memset(block, 1, from);
  for (size_t size = from; size < last;) {
    const size_t next = by_half ? size + size / 2 : size + step;
    block = realloc(block, next);
    CHECK(block != NULL && block[0] == 1 && block[size - 1] == 1);
    memset(block + size, 1, next - size);
    size = next;
    last = size > last ? size : last;
  }
  /* Each page once, and once more what was copied before it had a mapping. */
  CHECK_AT_MOST(faults() - before, last / os_page + 64 * kMiB / os_page + 2000);
  CHECK_AT_MOST(peak_bytes(), last + last / 10 + 8 * kMiB);
  for (size_t i = 0; i < last; i += os_page) CHECK(block[i] == 1);
  free(block);
  CHECK_AT_MOST(resident_bytes(), 24 * kMiB);
}

static void grows_by_steps(void) { grow(kMiB, 400 * (size_t)kMiB, kMiB, 0); }
static void grows_by_half(void) { grow(kMiB, 300 * (size_t)kMiB, 0, 1); }

static void shrinks(void) {
  const size_t before = resident_bytes();
  char* block = get(200 * (size_t)kMiB);
  memset(block, 1, 200 * (size_t)kMiB);
  block = realloc(block, kMiB);
  CHECK(block != NULL && block[kMiB - 1] == 1);
  CHECK_AT_MOST(growth(before, resident_bytes()), 20 * kMiB);
  free(block);
}

static void reuse(size_t size) {
  enum { kRounds = 20, kFirst = 4 };
  size_t before = 0;
  for (int i = 0; i < kRounds; i++) {
    if (i == kFirst) before = faults();
    char* const block = get(size);
    memset(block, i, size);
    free(block);
  }
  CHECK_AT_MOST(faults() - before, (kRounds - kFirst) * (size / os_page / 4) + 100);
}

/* The program goes on with small things for a while; then nothing of the buffers may be left. */
static void comes_back(void) {
  for (int i = 0; i < 500; i++) {
    for (int j = 0; j < 100; j++) free(get(64 * 1024 + (size_t)j));
    pause_briefly();
  }
  CHECK_AT_MOST(resident_bytes(), 24 * kMiB);
}

static void is_used_again(void) {
  reuse(8 * kMiB);
  reuse(32 * kMiB);
  reuse(64 * kMiB);
  reuse(120 * kMiB);
  comes_back();
}

static void callocs_touch_nothing(void) {
  const size_t size = (size_t)kMiB * 1024;
  const size_t before = faults();
  enum { kRounds = 100, kTouched = 16 };
  for (int i = 0; i < kRounds; i++) {
    char* const block = calloc(1, size);
    CHECK(block != NULL);
    for (int j = 0; j < kTouched; j++) {
      char* const at = block + (size_t)j * (size / kTouched);
      CHECK(*at == 0);
      *at = 1;
    }
    free(block);
  }
  CHECK_AT_MOST(faults() - before, kRounds * kTouched * 3 + 500);
  CHECK_AT_MOST(peak_bytes(), 24 * kMiB);
}

/* Slices of an arena that were purged are zero: calloc of them touches nothing either. */
static void callocs_of_purged_memory_touch_nothing(void) {
  const size_t size = 24 * kMiB;
  char* block = get(size);
  memset(block, 1, size);
  free(block);
  const size_t before = faults();
  block = calloc(1, size);
  CHECK(block != NULL);
  CHECK_AT_MOST(faults() - before, 4 * kMiB / os_page); /* what the budget let wait is cleared */
  for (size_t i = 0; i < size; i++) CHECK(block[i] == 0);
  free(block);
}

int main(int argc, char** argv) {
  static const struct scenario scenarios[] = {
      {"grows_by_steps", grows_by_steps, NULL},
      {"grows_by_half", grows_by_half, NULL},
      {"shrinks", shrinks, NULL},
      {"is_used_again", is_used_again, NULL},
      {"callocs_touch_nothing", callocs_touch_nothing, NULL},
      {"callocs_of_purged_memory", callocs_of_purged_memory_touch_nothing, "ASHLAR_PURGE_DELAY=0"},
  };
  os_page = (size_t)sysconf(_SC_PAGESIZE);
  return run_scenarios(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
