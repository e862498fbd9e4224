/* Row 20: the kernel's mappings of a process (it allows 65,530) stay bounded, whatever is
   allocated, grown, freed and purged: one for each block with a mapping of its own, a few for each
   arena and for the library's tables, none for a purge. What the kernel says in /proc/self/maps is
   counted. */
#define _GNU_SOURCE 1
#include "random_life.h"
#include "system_calls.h"

/* Beside those of the blocks: an arena or two of up to four parts, the page map's window and
   leaves, records, the thread's stack of a purge thread. */
enum { kOthers = 24, kSteps = 400 };

static void check_life(size_t before) {
  static struct life life;
  life.chance.state = run_seed();
  size_t most = 0;
  for (int i = 0; i < kSteps; i++) {
    live_once(&life, 0);
    if (i % 16 == 0) {
      const size_t now = mapping_count();
      CHECK_AT_MOST(now, before + kOthers + largest_blocks(&life));
      if (now > most) most = now;
    }
  }
  end_life(&life);
  CHECK_AT_MOST(mapping_count(), before + kOthers);
}

static void random_life(void) {
  const size_t before = mapping_count();
  check_life(before);
  check_life(before);
}

/* Every other slice of 200 MiB purged, and every other one of these allocated again. */
static void holes(void) {
  enum { kBlocks = 3200 };
  static char* blocks[kBlocks];
  const size_t before = mapping_count();
  for (int i = 0; i < kBlocks; i++)
    CHECK((blocks[i] = malloc(64 << 10)) != NULL && (*blocks[i] = 1));
  for (int i = 0; i < kBlocks; i += 2) free(blocks[i]);
  if (mi_collect != NULL) mi_collect(1);
  CHECK_AT_MOST(mapping_count(), before + kOthers);
  for (int i = 0; i < kBlocks; i += 4)
    CHECK((blocks[i] = malloc(64 << 10)) != NULL && (*blocks[i] = 1));
  CHECK_AT_MOST(mapping_count(), before + kOthers);
}

/* The worst for what is committed piece by piece: blocks of a slice, each at a multiple of two. */
static void apart(size_t alignment, size_t count) {
  const size_t before = mapping_count();
  for (size_t i = 0; i < count; i++) {
    void* block = NULL;
    CHECK(posix_memalign(&block, alignment, 64 << 10) == 0);
    *(char*)block = 1;
  }
  /* Two for every 2 MiB of addresses: one MiB committed, the next not. */
  CHECK_AT_MOST(mapping_count(), before + kOthers + 2 * (count * alignment / (2 * kMiB)));
}
static void two_slices_apart(void) { apart(128 << 10, 8000); }
static void two_mib_apart(void) { apart(2 * kMiB, 700); }

/* realloc by small steps, interleaved, each of the blocks moving now and then. */
static void growing(void) {
  enum { kBlocks = 16 };
  static char* blocks[kBlocks];
  const size_t before = mapping_count();
  for (size_t size = 20 * kMiB; size < 60 * kMiB; size += kMiB / 2) {
    for (int i = 0; i < kBlocks; i++) {
      blocks[i] = realloc(blocks[i], size);
      CHECK(blocks[i] != NULL);
      blocks[i][size - 1] = 1;
    }
    if (size % (2 * kMiB) == 0) CHECK_AT_MOST(mapping_count(), before + kOthers + kBlocks);
  }
  for (size_t size = 60 * kMiB; size > 32 * kMiB; size -= kMiB) {
    for (int i = 0; i < kBlocks; i++) {
      blocks[i] = realloc(blocks[i], size);
      CHECK(blocks[i] != NULL);
    }
    CHECK_AT_MOST(mapping_count(), before + kOthers + kBlocks);
  }
  for (int i = 0; i < kBlocks; i++) free(blocks[i]);
  CHECK_AT_MOST(mapping_count(), before + kOthers);
}

/* What the system would not unmap is unmapped later. */
static void kept_mappings(void) {
  enum { kBlocks = 200 };
  const size_t before = mapping_count();
  const size_t addresses = address_bytes();
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < kBlocks; i++) {
      atomic_store(&refused_kinds, i % 10 == 0 ? 0 : kMunmap);
      free(calloc(1, 33 * kMiB)); /* a mapping of its own */
    }
    atomic_store(&refused_kinds, 0);
    free(calloc(1, 33 * kMiB)); /* a mapping of its own */
  }
  CHECK(atomic_load(&calls_refused) > kBlocks);
  CHECK_AT_MOST(mapping_count(), before + kOthers);
  CHECK_AT_MOST(growth(addresses, address_bytes()), (size_t)1200 * kMiB);
}

int main(int argc, char** argv) {
  static const struct scenario kScenarios[] = {
      {"random_life", random_life, NULL},
      {"random_life_of_mappings", random_life, FROM_32_MIB_MAPPED},
      {"growing_mappings", growing, FROM_32_MIB_MAPPED},
      {"holes", holes, NULL},
      {"two_slices_apart", two_slices_apart, NULL},
      {"growing", growing, NULL},
      {"kept_mappings", kept_mappings, NULL},
      {"random_life_without_overcommit", random_life, NEVER_OVERCOMMIT},
      {"holes_without_overcommit", holes, NEVER_OVERCOMMIT},
      {"two_slices_apart_without_overcommit", two_slices_apart, NEVER_OVERCOMMIT},
      {"two_mib_apart_without_overcommit", two_mib_apart, NEVER_OVERCOMMIT},
      {"growing_without_overcommit", growing, NEVER_OVERCOMMIT},
      {"without_transparent_huge_pages", random_life, "ASHLAR_ALLOW_THP=0"},
  };
  return RUN_SCENARIOS(argc, argv, kScenarios);
}
