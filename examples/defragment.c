// A cache that defragments itself: values of many sizes, most of which are evicted at random, so
// that what is left lies scattered over nearly as many pages as before. The cache knows the only
// pointer to each value: it asks ashlar_should_move() which of them to move, and gives the memory
// back that stood empty between them. README.md beside it says more.
#include <mimalloc-stats.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : failed(#condition, __LINE__))

static void failed(const char* what, int line) {
  fprintf(stderr, "defragment: line %d: this does not hold: %s\n", line, what);
  exit(1);
}

// Random numbers: every step adds a constant and mixes the sum.
static uint64_t mixed(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}
static uint64_t next_random(uint64_t* state) { return mixed(*state += 0x9e3779b97f4a7c15u); }

// --- The cache: a table with open addresses; a value is one block ---

enum { kSlots = 1 << 18, kItems = 150000, kEvicted = 85, kRounds = 4 };

typedef struct Value {
  uint64_t key;
  size_t length;  // of the bytes, which are made from the key
  unsigned char bytes[];
} Value;

typedef struct Cache {
  Value** slots;  // kSlots of them, NULL: free
  size_t count;
  size_t bytes;  // of all values
} Cache;

static size_t length_of(uint64_t key) {
  const uint64_t r = mixed(key + 1);
  return 1 + (r >> 8) % (r % 100 < 70 ? 200 : r % 100 < 98 ? 2000 : 40000);
}

static size_t slot_of(const Cache* cache, uint64_t key) {
  size_t slot = mixed(key) % kSlots;
  while (cache->slots[slot] != NULL && cache->slots[slot]->key != key) slot = (slot + 1) % kSlots;
  return slot;
}

static void put(Cache* cache, uint64_t key) {
  const size_t length = length_of(key);
  Value* const value = mi_malloc(sizeof *value + length);
  CHECK(value != NULL);
  value->key = key;
  value->length = length;
  memset(value->bytes, (int)(key & 0xff), length);
  cache->slots[slot_of(cache, key)] = value;
  cache->count++;
  cache->bytes += sizeof *value + length;
}

// Takes about so many percent of the values out, then puts the rest where they are found.
static void evict(Cache* cache, unsigned percent, uint64_t* random) {
  Value** const old = cache->slots;
  cache->slots = mi_calloc(kSlots, sizeof *cache->slots);
  CHECK(cache->slots != NULL);
  for (size_t i = 0; i < kSlots; i++) {
    Value* const value = old[i];
    if (value == NULL) continue;
    if (next_random(random) % 100 < percent) {
      cache->count--;
      cache->bytes -= sizeof *value + value->length;
      mi_free(value);
    } else {
      cache->slots[slot_of(cache, value->key)] = value;
    }
  }
  mi_free(old);
}

static void check_values(const Cache* cache) {
  size_t count = 0, bytes = 0;
  for (size_t i = 0; i < kSlots; i++) {
    const Value* const value = cache->slots[i];
    if (value == NULL) continue;
    CHECK(slot_of(cache, value->key) == i && value->length == length_of(value->key));
    for (size_t k = 0; k < value->length; k++) CHECK(value->bytes[k] == (value->key & 0xff));
    count++;
    bytes += sizeof *value + value->length;
  }
  CHECK(count == cache->count && bytes == cache->bytes);
}

// --- What the cache takes, and giving it back ---

typedef struct Memory {
  size_t resident;  // of the process
  size_t pages;     // bytes of all pages that hold blocks
} Memory;

// Free memory is given to the system first, which else would happen a while later: the figures are
// to show what can't be given back.
static Memory measure(const char* when, const Cache* cache) {
  Memory memory = {0};
  mi_collect(true);
  mi_process_info(NULL, NULL, NULL, &memory.resident, NULL, NULL, NULL, NULL);
  mi_stats_t stats = {.size = sizeof stats, .version = MI_STAT_VERSION};
  CHECK(mi_stats_get(&stats));
  memory.pages = (size_t)stats.page_committed.current;
  printf("  %-10s %6zu values of %5.1f MiB in pages of %5.1f MiB; %5.1f MiB resident\n", when,
         cache->count, (double)cache->bytes / 1048576, (double)memory.pages / 1048576,
         (double)memory.resident / 1048576);
  return memory;
}

// One round: true where something moved. The slots of the values that are asked about are listed
// first, all of them, since a page is emptied only if all its blocks are known to be movable.
static bool defragment_once(Cache* cache, size_t* moved) {
  Value*** const places = mi_malloc(cache->count * sizeof *places);
  void** const values = mi_malloc(cache->count * sizeof *values);
  bool* const move = mi_malloc(cache->count * sizeof *move);
  CHECK(places != NULL && values != NULL && move != NULL);
  size_t count = 0;
  for (size_t i = 0; i < kSlots; i++) {
    if (cache->slots[i] == NULL) continue;
    places[count] = &cache->slots[i];
    values[count++] = cache->slots[i];
  }
  size_t bytes = 0, left = ashlar_should_move(values, count, move, &bytes);
  // Copying a megabyte of values for a few pages is not worth it. A cache that serves requests
  // meanwhile would go through the list a few milliseconds at a time.
  const bool worthwhile = left > 0 && bytes / left >= 16;
  if (worthwhile) {
    for (size_t i = 0; i < count; i++) {
      if (!move[i]) continue;
      const size_t size = sizeof(Value) + (*places[i])->length;
      Value* const copy = mi_malloc(size);
      CHECK(copy != NULL);
      memcpy(copy, *places[i], size);
      mi_free(*places[i]);
      *places[i] = copy;
      left--;
      ++*moved;
    }
    CHECK(left == 0);
  }
  mi_free(places);
  mi_free(values);
  mi_free(move);
  return worthwhile;
}

int main(int argc, char** argv) {
  uint64_t seed = 1;
  for (int i = 1; i < argc; i += 2) {
    if (strcmp(argv[i], "--seed") != 0 || i + 1 == argc) {
      fprintf(stderr, "usage: defragment [--seed N]\n");
      return 2;
    }
    seed = strtoull(argv[i + 1], NULL, 0);
  }
  printf("defragment: seed %llu\n", (unsigned long long)seed);
  uint64_t random = mixed(seed), key = 0;
  Cache cache = {.slots = mi_calloc(kSlots, sizeof *cache.slots)};
  CHECK(cache.slots != NULL);
  for (int round = 1; round <= kRounds; round++) {
    while (cache.count < kItems) put(&cache, mixed(seed + key++));
    printf("round %d\n", round);
    measure("full", &cache);
    evict(&cache, kEvicted, &random);
    const Memory before = measure("evicted", &cache);
    size_t moved = 0, rounds = 0;
    while (defragment_once(&cache, &moved)) CHECK(++rounds < 10);
    const Memory after = measure("dense", &cache);
    printf("  %zu values moved in %zu rounds, %.1f MiB came back\n", moved, rounds,
           (double)(before.pages - after.pages) / 1048576);
    check_values(&cache);
    // Of what stood empty at least two thirds is back, and it is back with the system too.
    CHECK(moved > 0 && moved < cache.count);
    CHECK(before.pages - after.pages >= (before.pages - cache.bytes) / 3 * 2);
    CHECK(after.resident < before.resident);
  }
  for (size_t i = 0; i < kSlots; i++) mi_free(cache.slots[i]);
  mi_free(cache.slots);
  return 0;
}
