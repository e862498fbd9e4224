/* Touched bytes are the kernel's figure in a program that touches what it allocates: within two
   parts in a hundred (and 256 KiB) at every step of filling, freeing at random, purging and filling
   again, in release builds; other profiles write to more, or to less, of what they hand out. */
#include "program.h"

struct use {
  size_t size, touched, peak, waiting, soft, hard;
};
extern _Bool ashlar_memory_use(struct use* use) __attribute__((weak));
extern void mi_collect(_Bool force) __attribute__((weak));

enum { kBlocks = 200000 };
static void* blocks[kBlocks];
static size_t sizes[kBlocks];
static uint64_t seed = 88172645463325252u;
static long long offset;

static unsigned chance(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (unsigned)(seed >> 20);
}

static size_t some_size(void) {
  const unsigned kind = chance() % 1000;
  if (kind < 900) return 8 + chance() % 1000;
  if (kind < 985) return 1024 + chance() % 31000;
  /* Whole OS pages: all that is usable is touched. */
  if (kind < 999) return 4096 * (9 + chance() % 120);
  return 65536 * (15 + chance() % 45);
}

static long long private_dirty(void) {
  static char text[8192];
  const int file = open("/proc/self/smaps_rollup", O_RDONLY);
  CHECK(file >= 0);
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  CHECK(length > 0);
  text[length] = '\0';
  const char* const at = strstr(text, "Private_Dirty:");
  CHECK(at != NULL);
  return strtoll(at + 14, NULL, 10) * 1024;
}

static long long touched(void) {
  struct use use = {.size = sizeof use};
  CHECK(ashlar_memory_use(&use));
  return (long long)use.touched;
}

static void compare(const char* step) {
  const long long kernel = private_dirty() - offset;
  const long long own = touched();
  const long long most = kernel / 50 + 256 * 1024;
  if (own - kernel > most || kernel - own > most) {
    dprintf(2, "%s: touched %lld, the kernel has %lld\n", step, own, kernel);
    _exit(1);
  }
}

static void allocate(int i) {
  sizes[i] = some_size();
  blocks[i] = malloc(sizes[i]);
  CHECK(blocks[i] != NULL);
  memset(blocks[i], i | 1, sizes[i]);
}

int main(void) {
  if (ashlar_memory_use == NULL || mi_collect == NULL) {
    dprintf(2, "the library is not preloaded\n");
    return 1;
  }
  memset(blocks, 1, sizeof blocks);
  memset(blocks, 0, sizeof blocks);
  memset(sizes, 1, sizeof sizes);
  private_dirty();
  offset = private_dirty() - touched();
  size_t total = 0;
  int count = 0;
  for (; count < kBlocks && total < 300u * kMiB; count++) {
    allocate(count);
    total += sizes[count];
  }
  compare("filled");
  for (int i = 0; i < count; i++) {
    if (chance() % 2 == 0) {
      free(blocks[i]);
      blocks[i] = NULL;
    }
  }
  compare("half freed");
  mi_collect(1);
  compare("half freed and purged");
  for (int i = 0; i < count; i++)
    if (blocks[i] == NULL) allocate(i);
  compare("filled again");
  void* huge[20];
  for (int i = 0; i < 20; i++) {
    /* Less than a whole number, for what some profiles put behind a block. */
    const size_t size = (size_t)(i + 1) * 4 * kMiB - 64;
    huge[i] = malloc(size);
    CHECK(huge[i] != NULL);
    memset(huge[i], 1, size);
  }
  compare("huge blocks");
  for (int i = 0; i < 20; i++) {
    const size_t size = (size_t)(20 - i) * 4 * kMiB - 64;
    huge[i] = realloc(huge[i], size);
    CHECK(huge[i] != NULL);
    memset(huge[i], 2, size);
  }
  compare("huge blocks resized");
  for (int i = 0; i < 20; i++) free(huge[i]);
  compare("huge blocks freed");
  for (int i = 0; i < count; i++) {
    if (chance() % 10 != 0) {
      free(blocks[i]);
      blocks[i] = NULL;
    }
  }
  compare("most freed");
  mi_collect(1);
  compare("most freed and purged");
  return 0;
}
