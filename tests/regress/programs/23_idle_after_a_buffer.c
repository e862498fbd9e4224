/* Row 23: a process with one thread that uses a large buffer once, or grows one, and makes no call
   after that keeps no more than what may wait from the start. */
#include <stdlib.h>

#include "program.h"

static void touch(char* block, size_t from, size_t to) {
  for (size_t at = from; at < to; at += 4096) block[at] = 1;
}

static void used_once(void) {
  const size_t before = resident_bytes();
  char* const block = malloc(400 * (size_t)kMiB);
  CHECK(block != NULL);
  touch(block, 0, 400 * (size_t)kMiB);
  free(block);
  CHECK_AT_MOST(growth(before, resident_bytes()), 16 * kMiB);
}

static void grown_once(void) {
  const size_t before = resident_bytes();
  char* block = NULL;
  for (size_t size = 0; size < 600 * (size_t)kMiB; size += 100 * (size_t)kMiB) {
    block = realloc(block, size + 100 * (size_t)kMiB);
    CHECK(block != NULL);
    touch(block, size, size + 100 * (size_t)kMiB);
  }
  block = realloc(block, 1000);
  CHECK(block != NULL);
  CHECK_AT_MOST(growth(before, resident_bytes()), 16 * kMiB);
  free(block);
}

int main(int argc, char** argv) {
  static const struct scenario kScenarios[] = {
      {"used once", used_once, NULL},
      {"grown once", grown_once, NULL},
  };
  return RUN_SCENARIOS(argc, argv, kScenarios);
}
