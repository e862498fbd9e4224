/* Row 21: the limit on address space comes down while the program runs, and goes up again. In
   between the allocator may answer NULL with ENOMEM or from what it has, but must stay whole. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CHECK(condition)                                                          \
  do {                                                                            \
    if (!(condition)) {                                                           \
      dprintf(2, "line %d: wrong: %s (errno %d)\n", __LINE__, #condition, errno); \
      return 1;                                                                   \
    }                                                                             \
  } while (0)

enum { kBlocks = 200000 };
static unsigned char* blocks[kBlocks];
static size_t sizes[kBlocks];

static rlim_t address_space(void) {
  FILE* const file = fopen("/proc/self/statm", "r");
  unsigned long pages = 0;
  if (file == NULL || fscanf(file, "%lu", &pages) != 1) return 0;
  fclose(file);
  return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

int main(void) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
  uint64_t state = 88172645463325252u;
  for (int round = 0; round < 6; round++) {
    const rlim_t now = address_space();
    CHECK(now > 0);
    /* Less than there is already, just as much, and a little more. */
    static const long kSpare[] = {-(64L << 20), 0, 1L << 20, 8L << 20, 33L << 20, 100L << 20};
    const struct rlimit low = {(rlim_t)((long)now + kSpare[round]), limit.rlim_max};
    CHECK(setrlimit(RLIMIT_AS, &low) == 0);
    int refused = 0;
    size_t total = 0;
    for (int i = 0; i < kBlocks && refused < 300 && total < (400u << 20); i++) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      const size_t size = (state >> 8) % 100 == 0  ? (state >> 20) % (24u << 20) + 1
                          : (state >> 8) % 10 == 1 ? (state >> 20) % 60000 + 1
                                                   : (state >> 20) % 500 + 1;
      errno = 0;
      blocks[i] = i % 3 == 0 ? calloc(1, size) : malloc(size);
      sizes[i] = size;
      if (blocks[i] == NULL) {
        CHECK(errno == ENOMEM);
        refused++;
        continue;
      }
      if (i % 3 == 0)
        CHECK(blocks[i][0] == 0 && blocks[i][size / 2] == 0 && blocks[i][size - 1] == 0);
      blocks[i][0] = blocks[i][size / 2] = blocks[i][size - 1] = (unsigned char)i;
      total += size;
      if (i % 5 == 0 && i >= 10 && blocks[i - 10] != NULL) {
        unsigned char* const grown = realloc(blocks[i - 10], sizes[i - 10] * 3);
        if (grown == NULL) {
          CHECK(errno == ENOMEM);
        } else {
          CHECK(grown[0] == (unsigned char)(i - 10) &&
                grown[sizes[i - 10] - 1] == (unsigned char)(i - 10));
          blocks[i - 10] = grown;
        }
      }
    }
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    for (int i = 0; i < kBlocks; i++) {
      if (blocks[i] == NULL) continue;
      CHECK(blocks[i][0] == (unsigned char)i && blocks[i][sizes[i] - 1] == (unsigned char)i);
      free(blocks[i]);
      blocks[i] = NULL;
    }
    void* const again = malloc(64u << 20);
    CHECK(again != NULL);
    memset(again, 1, 64u << 20);
    free(again);
  }
  return 0;
}
