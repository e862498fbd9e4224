// Collection: counts free what nothing refers to, but for cycles. Here the world is stopped, all
// that lives is walked, what the roots do not lead to is freed; and since nothing moves, everything
// is checked: three walks show the same, each count is the number of references, each array belongs
// to a container, and the library's figures are those that were seen.
#include <string.h>

#include "objects.h"

// --- Walks ---

typedef struct {
  void* block;
  unsigned tag;
} Found;

typedef struct {
  Found* at;
  size_t count, capacity;
  size_t bytes, areas;
} FoundBlocks;

typedef struct {
  FoundBlocks* blocks;
  const FoundBlocks* first_walk;  // NULL: this is the first one
  uintptr_t owner;                // of all areas
  size_t left_in_area;
} Walk;

// The world is at rest, but raw memory is to be had even in here.
static void add_found(FoundBlocks* blocks, Found found) {
  if (blocks->count == blocks->capacity) {
    blocks->capacity = blocks->capacity == 0 ? 1024 : 2 * blocks->capacity;
    blocks->at = ashlar_rt_raw_realloc(blocks->at, blocks->capacity * sizeof *blocks->at);
    CHECK(blocks->at != NULL);
  }
  blocks->at[blocks->count++] = found;
}

static bool see(const ashlar_rt_area_t* area, void* block, void* arg) {
  Walk* const walk = arg;
  if (block == NULL) {
    CHECK(walk->left_in_area == 0);  // of the area before
    CHECK(area->owner == walk->owner && area->tag < kTagCount);
    CHECK(area->prefix == (area->tag == kArrays ? 0 : kPrefix));
    walk->left_in_area = area->live;
    walk->blocks->areas++;
    walk->blocks->bytes += area->live * area->usable;
    return true;
  }
  const uintptr_t offset = (uintptr_t)block - (uintptr_t)area->start;
  CHECK(walk->left_in_area-- != 0);
  CHECK(offset % area->block_size == 0 && (offset == 0 || offset < area->committed));
  CHECK(ashlar_rt_owner(block) == walk->owner);
  const size_t at = walk->blocks->count;
  add_found(walk->blocks, (Found){block, area->tag});
  CHECK(ashlar_rt_usable_size(block) <= area->usable);
  CHECK(walk->first_walk == NULL ||
        (at < walk->first_walk->count && walk->first_walk->at[at].block == block &&
         walk->first_walk->at[at].tag == area->tag));
  return true;
}

static size_t walk_all(Interpreter* interpreter, FoundBlocks* blocks,
                       const FoundBlocks* first_walk) {
  for (size_t i = 0; i < kThreadsMax; i++) {
    const Thread* const thread = &interpreter->threads[i];
    if (thread->id == 0) continue;
    Walk walk = {blocks, first_walk, thread->id, 0};
    CHECK(ashlar_rt_visit(&thread->storage, ASHLAR_RT_ALL_TAGS, true, see, &walk));
    CHECK(walk.left_in_area == 0);
  }
  const size_t areas = blocks->areas;
  Walk walk = {blocks, first_walk, 0, 0};
  CHECK(ashlar_rt_visit_orphans(interpreter->realm, ASHLAR_RT_ALL_TAGS, true, see, &walk));
  CHECK(walk.left_in_area == 0);
  CHECK(first_walk == NULL || blocks->count == first_walk->count);
  return blocks->areas - areas;
}

static void walk_three_times(Interpreter* interpreter, FoundBlocks* blocks) {
  interpreter->told.orphan_areas += walk_all(interpreter, blocks, NULL);
  for (int i = 0; i < 2; i++) {
    FoundBlocks again = {0};
    walk_all(interpreter, &again, blocks);
    CHECK(again.bytes == blocks->bytes && again.areas == blocks->areas);
    ashlar_rt_raw_free(again.at);
  }
  interpreter->told.blocks_walked += 3 * blocks->count;
  if (blocks->count > interpreter->told.most_blocks) {
    interpreter->told.most_blocks = blocks->count;
  }
}

// --- Which block is which ---

typedef struct {
  const FoundBlocks* blocks;
  size_t* buckets;  // number of a block, plus 1
  size_t mask;
  uint32_t* references;  // that lead to a block
  Pointers marked;       // still to be looked at
} Census;

static size_t number_of(const Census* census, const void* block) {
  size_t at = (size_t)(((uintptr_t)block >> 4) * 0x9E3779B97F4A7C15u >> 32);
  for (;; at++) {
    const size_t number = census->buckets[at & census->mask];
    CHECK(number != 0);  // else a reference leads to what no walk has shown
    if (census->blocks->at[number - 1].block == block) return number - 1;
  }
}

static Census take_census(const FoundBlocks* blocks) {
  Census census = {.blocks = blocks, .mask = 1023};
  while (census.mask < 2 * blocks->count) census.mask = 2 * census.mask + 1;
  census.buckets = ashlar_rt_raw_calloc(census.mask + 1, sizeof *census.buckets);
  census.references = ashlar_rt_raw_calloc(blocks->count + 1, sizeof *census.references);
  CHECK(census.buckets != NULL && census.references != NULL);
  for (size_t i = 0; i < blocks->count; i++) {
    void* const block = blocks->at[i].block;
    size_t at = (size_t)(((uintptr_t)block >> 4) * 0x9E3779B97F4A7C15u >> 32);
    for (; census.buckets[at & census.mask] != 0; at++) {
      CHECK(blocks->at[census.buckets[at & census.mask] - 1].block != block);  // shown twice
    }
    census.buckets[at & census.mask] = i + 1;
  }
  return census;
}

static void end_census(Census* census) {
  ashlar_rt_raw_free(census->buckets);
  ashlar_rt_raw_free(census->references);
  ashlar_rt_raw_free(census->marked.at);
}

static Object* object_at(const FoundBlocks* blocks, size_t at) {
  return blocks->at[at].tag == kArrays ? NULL : blocks->at[at].block;
}

static void count_reference(Object* to, void* arg) {
  Census* const census = arg;
  census->references[number_of(census, to)]++;
}

static void each_root(Interpreter* interpreter, void (*visit)(Object* to, void* arg), void* arg) {
  if (interpreter->dictionary != NULL) visit(interpreter->dictionary, arg);
  if (interpreter->list != NULL) visit(interpreter->list, arg);
  for (size_t i = 0; i < kThreadsMax; i++) {
    const Thread* const thread = &interpreter->threads[i];
    for (size_t n = 0; n < thread->depth; n++) visit(thread->stack[n], arg);
  }
}

// A count that is too low would free what is in use; one that is too high would never free it; an
// array without a container was lost, or waits for ever.
static void check_counts(Interpreter* interpreter, Census* census) {
  const FoundBlocks* const blocks = census->blocks;
  each_root(interpreter, count_reference, census);
  for (size_t i = 0; i < blocks->count; i++) {
    Object* const object = object_at(blocks, i);
    if (object == NULL || object->type->each_reference == NULL) continue;
    object->type->each_reference(object, count_reference, census);
    void* const array = object->type->array(object);
    if (array != NULL) census->references[number_of(census, array)]++;
  }
  for (size_t i = 0; i < blocks->count; i++) {
    const Object* const object = object_at(blocks, i);
    if (object == NULL) {
      CHECK(census->references[i] == 1);
    } else {
      CHECK(references_of(object) == (int64_t)census->references[i]);
      CHECK(object->type->tag == blocks->at[i].tag);
    }
  }
}

// --- Mark and sweep ---

static bool is_marked(const Object* object) {
  return (atomic_load_explicit(&object->flags, memory_order_relaxed) & kMarked) != 0;
}

static void mark(Object* object, void* arg) {
  if (is_marked(object)) return;
  atomic_fetch_or_explicit(&object->flags, kMarked, memory_order_relaxed);
  if (object->type->each_reference != NULL) add_pointer(&((Census*)arg)->marked, object);
}

static void mark_all(Interpreter* interpreter, Census* census) {
  each_root(interpreter, mark, census);
  while (census->marked.count != 0) {
    Object* const object = census->marked.at[--census->marked.count];
    object->type->each_reference(object, mark, census);
  }
}

static void drop_all_handed_over(Interpreter* interpreter) {
  // One thread's dropping may hand something over to another.
  for (bool again = true; again;) {
    again = false;
    for (size_t i = 0; i < kThreadsMax; i++) {
      Thread* const thread = &interpreter->threads[i];
      again = again || thread->handed_over.count != 0;
      if (thread->id != 0) drop_handed_over(thread);
    }
  }
}

// What is in a cycle is cleared, so that counts do the rest. None of it may go as long as others
// of it are still to be cleared.
static void sweep(Thread* me, const Census* census) {
  const FoundBlocks* const blocks = census->blocks;
  Pointers garbage = {0};
  for (size_t i = 0; i < blocks->count; i++) {
    Object* const object = object_at(blocks, i);
    if (object == NULL || is_marked(object)) continue;
    me->interpreter->told.freed++;
    if (object->type->clear == NULL) continue;  // goes with the last container that refers to it
    take(me, object);
    add_pointer(&garbage, object);
  }
  for (size_t i = 0; i < garbage.count; i++) {
    Object* const object = garbage.at[i];
    object->type->clear(me, object);
  }
  for (size_t i = 0; i < garbage.count; i++) drop(me, garbage.at[i]);
  ashlar_rt_raw_free(garbage.at);
}

// Exactly what was marked is left.
static void check_survivors(Interpreter* interpreter, const Census* census, size_t marked) {
  FoundBlocks left = {0};
  walk_all(interpreter, &left, NULL);
  size_t objects = 0;
  for (size_t i = 0; i < left.count; i++) {
    number_of(census, left.at[i].block);
    Object* const object = object_at(&left, i);
    if (object == NULL) continue;
    CHECK(is_marked(object));
    atomic_fetch_and_explicit(&object->flags, ~(uint32_t)kMarked, memory_order_relaxed);
    objects++;
  }
  CHECK(objects == marked);
  ashlar_rt_raw_free(left.at);
}

// --- The library's figures ---

static void add_held(uint64_t goal, size_t bytes, size_t count, uint64_t* last, size_t sums[2]) {
  CHECK(count == 0 || (int64_t)(goal - *last) >= 0);  // oldest first
  *last = goal;
  sums[0]++;
  sums[1] += bytes;
}

static void count_held(Interpreter* interpreter, size_t sums[2]) {
  uint64_t goal = 0, last = 0;
  size_t bytes = 0;
  for (size_t i = 0; i < kThreadsMax; i++) {
    const ashlar_rt_thread_t* const storage = &interpreter->threads[i].storage;
    if (interpreter->threads[i].id == 0) continue;
    size_t count = 0;
    for (ashlar_rt_held_t* held = NULL;
         (held = ashlar_rt_thread_held_next(storage, held, &goal, &bytes)) != NULL; count++) {
      add_held(goal, bytes, count, &last, sums);
    }
  }
  size_t count = 0;
  for (ashlar_rt_held_t* held = NULL;
       (held = ashlar_rt_realm_held_next(interpreter->realm, held, &goal, &bytes)) != NULL;
       count++) {
    add_held(goal, bytes, count, &last, sums);
  }
}

static ashlar_rt_stats_t figures_of(Interpreter* interpreter) {
  ashlar_rt_stats_t stats = {.size = sizeof stats};
  CHECK(ashlar_rt_stats(interpreter->realm, ASHLAR_RT_ALL_TAGS, &stats));
  return stats;
}

static void check_figures(Interpreter* interpreter, const FoundBlocks* blocks) {
  const ashlar_rt_stats_t stats = figures_of(interpreter);
  CHECK(stats.blocks == blocks->count && stats.bytes == blocks->bytes);
  CHECK(stats.bytes_overhead >= stats.bytes && stats.committed >= stats.bytes_overhead);
  size_t held[2] = {0};
  count_held(interpreter, held);
  CHECK(stats.held_pages == held[0] && stats.held_bytes == held[1]);
  if (stats.held_bytes > interpreter->told.most_held_bytes) {
    interpreter->told.most_held_bytes = stats.held_bytes;
  }
}

// All readers are at rest, so everything that is held may go, also what idle threads hold. Every
// other time it is left to the goals.
static void release_held(Interpreter* interpreter) {
  if (interpreter->told.collections % 2 == 0) return;
  const uint64_t goal = atomic_load(&interpreter->sequence);
  // The last goal that was named is not after it, as nobody runs who might name one.
  interpreter->told.bytes_released += ashlar_rt_realm_release_upto(interpreter->realm, goal);
  atomic_store(&interpreter->passed, goal);
  size_t held[2] = {0};
  count_held(interpreter, held);
  CHECK(held[0] == 0 && held[1] == 0);
}

// A thread that works elsewhere may keep pages with little in them from those that work here: they
// become orphans, which anyone takes over. It goes on with the same heaps when it comes back.
static void abandon_one(Thread* me) {
  Interpreter* const interpreter = me->interpreter;
  Thread* const thread = &interpreter->threads[interpreter->told.collections % kThreadsMax];
  if (thread->id == 0 || thread == me) return;
  CHECK(ashlar_rt_thread_abandon(&thread->storage));
  CHECK(ashlar_rt_thread_abandon(&thread->storage));  // twice is as good as once
  interpreter->told.abandoned++;
}

void collect_garbage(Thread* me) {
  Interpreter* const interpreter = me->interpreter;
  drop_all_handed_over(interpreter);
  for (size_t i = 0; i < kThreadsMax; i++) free_all_waiting(&interpreter->threads[i]);
  for (size_t i = 0; i < interpreter->orphaned_arrays.count; i++) {
    ashlar_rt_free(interpreter->orphaned_arrays.at[i]);
  }
  me->counts[kArraysWaited] += interpreter->orphaned_arrays.count;
  interpreter->orphaned_arrays.count = 0;

  FoundBlocks blocks = {0};
  walk_three_times(interpreter, &blocks);
  check_figures(interpreter, &blocks);
  Census census = take_census(&blocks);
  check_counts(interpreter, &census);
  mark_all(interpreter, &census);
  size_t marked = 0;
  for (size_t i = 0; i < blocks.count; i++) {
    const Object* const object = object_at(&blocks, i);
    marked += object != NULL && is_marked(object);
  }
  sweep(me, &census);
  drop_all_handed_over(interpreter);
  check_survivors(interpreter, &census, marked);
  end_census(&census);
  ashlar_rt_raw_free(blocks.at);

  release_held(interpreter);
  abandon_one(me);
  interpreter->told.collections++;
  const size_t next = 2 * figures_of(interpreter).bytes + (1u << 20);
  atomic_store(&interpreter->next_collection, next);
}
