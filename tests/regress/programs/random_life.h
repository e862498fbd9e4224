/* A random life of blocks of all kinds, from a few bytes to mappings of their own: allocated,
   cleared, grown, shrunk, freed, purged. What a block holds is checked whenever it is looked at.
   It holds no test. */
#ifndef REGRESS_RANDOM_LIFE_H
#define REGRESS_RANDOM_LIFE_H

#include "program.h"

extern void mi_collect(_Bool force) __attribute__((weak));

/* A setting: what is larger has a mapping of its own, whatever the library prefers. */
#define FROM_32_MIB_MAPPED "ASHLAR_ARENA_MAX_OBJECT_SIZE=32MiB"

enum { kLiving = 96, kStride = 256 << 10 };

struct living {
  unsigned char* block;
  size_t size;
  uint64_t seed;
};

struct life {
  struct living living[kLiving];
  struct chance chance;
  size_t refusals; /* requests that got no memory */
};

/* Sparse, so that mappings cost little: a word at the start and every 256 KiB. */
static inline void mark(struct living* it) {
  for (size_t at = 0; at + 8 <= it->size; at += kStride) {
    const uint64_t word = pattern_word(at, it->seed);
    memcpy(it->block + at, &word, 8);
  }
}

static inline int is_marked(const unsigned char* block, size_t size, uint64_t seed) {
  for (size_t at = 0; at + 8 <= size; at += kStride) {
    const uint64_t word = pattern_word(at, seed);
    if (memcmp(block + at, &word, 8) != 0) return 0;
  }
  return 1;
}

static inline int is_zero(const unsigned char* block, size_t size) {
  for (size_t at = 0; at<size; at += size> kMiB ? 65521 : 1)
    if (block[at] != 0) return 0;
  return block[size - 1] == 0;
}

static inline size_t some_size(struct chance* chance) {
  switch (chance_next(chance) % 8) {
    case 0:
    case 1:
      return 8 + chance_next(chance) % 2000;
    case 2:
      return 2000 + chance_next(chance) % 60000;
    case 3:
    case 4:
      return 60000 + chance_next(chance) % (2 * kMiB);
    case 5:
      return 2 * kMiB + chance_next(chance) % (20 * kMiB);
    default:
      return 30 * kMiB + chance_next(chance) % (50 * kMiB);
  }
}

static inline void live_once(struct life* life, int may_be_refused) {
  struct chance* const chance = &life->chance;
  struct living* const it = &life->living[chance_next(chance) % kLiving];
  const size_t size = some_size(chance);
  const int grow = chance_next(chance) % 3 != 0;
  if (it->block != NULL && !grow) {
    CHECK(is_marked(it->block, it->size, it->seed));
    free(it->block);
    it->block = NULL;
    return;
  }
  errno = 0;
  const int cleared = it->block == NULL && chance_next(chance) % 8 == 0;
  unsigned char* const block = cleared ? calloc(1, size) : realloc(it->block, size);
  if (block == NULL) {
    CHECK(errno == ENOMEM);
    CHECK(may_be_refused);
    CHECK(it->block == NULL || is_marked(it->block, it->size, it->seed));
    life->refusals++;
    return;
  }
  CHECK(!cleared || is_zero(block, size));
  CHECK(it->block == NULL || is_marked(block, size < it->size ? size : it->size, it->seed));
  it->block = block;
  it->size = size;
  it->seed = chance_next(chance);
  mark(it);
  if (chance_next(chance) % 64 == 0 && mi_collect != NULL) mi_collect(1);
}

static inline void end_life(struct life* life) {
  for (size_t i = 0; i < kLiving; i++) {
    struct living* const it = &life->living[i];
    CHECK(it->block == NULL || is_marked(it->block, it->size, it->seed));
    free(it->block);
    it->block = NULL;
  }
  if (mi_collect != NULL) mi_collect(1);
}

/* Blocks that have mappings of their own, at most: what is above 30 MiB. */
static inline size_t largest_blocks(const struct life* life) {
  size_t count = 0;
  for (size_t i = 0; i < kLiving; i++)
    count += life->living[i].block != NULL && life->living[i].size >= 30 * kMiB;
  return count;
}

#endif /* REGRESS_RANDOM_LIFE_H */
