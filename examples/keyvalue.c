// A key-value store: hash tables of values of all sizes, a heap for each database. Shows values
// overwritten in place, blocks freed by other threads than allocated them, a report on memory for
// each database, its compaction, and its flush by one call. README.md beside it says more.
#include <mimalloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : failed(#condition, __LINE__))

static void failed(const char* what, int line) {
  fprintf(stderr, "keyvalue: line %d: this does not hold: %s\n", line, what);
  exit(1);
}

// Random numbers: every step adds a constant and mixes the sum.
static uint64_t mixed(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}
static uint64_t next_random(uint64_t* state) { return mixed(*state += 0x9e3779b97f4a7c15u); }

// --- Messages between threads: a queue that ends when all its senders have left ---

typedef struct Message {
  struct Message* next;
} Message;

typedef struct Queue {
  pthread_mutex_t lock;
  pthread_cond_t more;
  Message* first;
  unsigned senders;
} Queue;

// NULL: the sender leaves.
static void send(Queue* queue, Message* message) {
  pthread_mutex_lock(&queue->lock);
  if (message != NULL) {
    message->next = queue->first;
    queue->first = message;
  } else {
    queue->senders--;
  }
  pthread_cond_signal(&queue->more);
  pthread_mutex_unlock(&queue->lock);
}

static void* receive(Queue* queue) {
  pthread_mutex_lock(&queue->lock);
  while (queue->first == NULL && queue->senders > 0) pthread_cond_wait(&queue->more, &queue->lock);
  Message* const message = queue->first;
  if (message != NULL) queue->first = message->next;
  pthread_mutex_unlock(&queue->lock);
  return message;
}

// --- The store: what a server would keep ---

enum { kKeyMax = 32, kValueMax = 100000, kFirstBuckets = 64, kLazySize = 512, kRequests = 20000 };

typedef struct Entry {
  struct Entry* next;
  char* value;
  size_t length;  // bytes that the user stored
  size_t room;    // bytes that were asked for
  char key[];
} Entry;

typedef struct Database {
  mi_heap_t* heap;  // of the buckets, entries and values, and of nothing else
  Entry** buckets;
  size_t bucket_count, entry_count, value_bytes;
  size_t in_place, moved;  // overwrites, by what became of the block
  size_t dying;            // values that the reaper has still to free; under dying_lock
} Database;

// A large value that the reaper frees, so that the thread that answers requests need not. It says
// so in its own first bytes: that costs no memory.
typedef struct DeadValue {
  Message message;
  Database* database;
  size_t room;
} DeadValue;

static Queue reaper = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, 0};
static pthread_mutex_t dying_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t none_dying = PTHREAD_COND_INITIALIZER;

static void* run_reaper(void* count_of_freed) {
  for (DeadValue* value; (value = receive(&reaper)) != NULL; ++*(size_t*)count_of_freed) {
    Database* const database = value->database;
    mi_free_size(value, value->room);
    pthread_mutex_lock(&dying_lock);
    if (--database->dying == 0) pthread_cond_broadcast(&none_dying);
    pthread_mutex_unlock(&dying_lock);
  }
  return NULL;
}

static void free_value(Database* database, char* value, size_t room) {
  if (room < kLazySize) {
    mi_free_size(value, room);
    return;
  }
  pthread_mutex_lock(&dying_lock);
  database->dying++;
  pthread_mutex_unlock(&dying_lock);
  DeadValue* const dead = (DeadValue*)(void*)value;
  *dead = (DeadValue){.database = database, .room = room};
  send(&reaper, &dead->message);
}

// Before a heap is looked through or destroyed no other thread may be using blocks of it.
static void wait_for_reaper(Database* database) {
  pthread_mutex_lock(&dying_lock);
  while (database->dying > 0) pthread_cond_wait(&none_dying, &dying_lock);
  pthread_mutex_unlock(&dying_lock);
}

static void open_database(Database* database) {
  *database = (Database){.heap = mi_heap_new(), .bucket_count = kFirstBuckets};
  CHECK(database->heap != NULL);
  database->buckets = mi_heap_calloc_tp(Entry*, database->heap, kFirstBuckets);
  CHECK(database->buckets != NULL);
}

// All entries and values at once, whatever their number.
static void flush_database(Database* database) {
  wait_for_reaper(database);
  mi_heap_destroy(database->heap);
  *database = (Database){0};
}

static size_t bucket_of(const char* key, size_t bucket_count) {
  uint64_t hash = 0;
  for (; *key != '\0'; key++) hash = mixed(hash + (unsigned char)*key);
  return hash & (bucket_count - 1);
}

// The link that leads to the entry of this key, or the one at which a new entry belongs.
static Entry** find(const Database* database, const char* key) {
  Entry** link = &database->buckets[bucket_of(key, database->bucket_count)];
  while (*link != NULL && strcmp((*link)->key, key) != 0) link = &(*link)->next;
  return link;
}

static void grow(Database* database) {
  const size_t wider = 2 * database->bucket_count;
  Entry** const buckets = mi_heap_calloc_tp(Entry*, database->heap, wider);
  if (buckets == NULL) return;  // the table works on, only slower
  for (size_t i = 0; i < database->bucket_count; i++) {
    for (Entry *entry = database->buckets[i], *next; entry != NULL; entry = next) {
      next = entry->next;
      Entry** const first = &buckets[bucket_of(entry->key, wider)];
      entry->next = *first;
      *first = entry;
    }
  }
  mi_free_size(database->buckets, database->bucket_count * sizeof *buckets);
  database->buckets = buckets;
  database->bucket_count = wider;
}

static bool set(Database* database, const char* key, const char* bytes, size_t length) {
  Entry** const link = find(database, key);
  Entry* entry = *link;
  // The new value goes where the old one is, if it fits: mi_expand() never moves a block. One that
  // would be mostly empty is given up.
  if (entry != NULL && length >= entry->room / 2 &&
      (length <= entry->room || mi_expand(entry->value, length) != NULL)) {
    database->in_place++;
  } else {
    // What the request rounds to costs no more, and later values of about this size fit.
    const size_t room = mi_good_size(length);
    char* const value = mi_heap_malloc(database->heap, room);
    if (value == NULL) return false;
    if (entry != NULL) {
      free_value(database, entry->value, entry->room);
      database->moved++;
    } else {
      entry = mi_heap_zalloc(database->heap, sizeof *entry + strlen(key) + 1);
      if (entry == NULL) {
        mi_free_size(value, room);
        return false;
      }
      strcpy(entry->key, key);
      *link = entry;
      database->entry_count++;
    }
    entry->value = value;
    entry->room = room;
  }
  CHECK(length <= mi_usable_size(entry->value));
  memcpy(entry->value, bytes, length);
  database->value_bytes += length - entry->length;
  entry->length = length;
  if (database->entry_count > database->bucket_count) grow(database);
  return true;
}

static bool delete_key(Database* database, const char* key) {
  Entry** const link = find(database, key);
  Entry* const entry = *link;
  if (entry == NULL) return false;
  *link = entry->next;
  database->entry_count--;
  database->value_bytes -= entry->length;
  free_value(database, entry->value, entry->room);
  mi_free_size(entry, sizeof *entry + strlen(entry->key) + 1);
  return true;
}

// --- What a database takes ---

typedef struct Memory {
  size_t areas, blocks, committed, used, live;
} Memory;

static bool count_memory(const mi_heap_t* heap, const mi_heap_area_t* area, void* block,
                         size_t block_size, void* arg) {
  Memory* const memory = arg;
  if (block == NULL) {
    CHECK(area->committed <= area->reserved && block_size <= area->full_block_size);
    memory->areas++;
    memory->committed += area->committed;
    memory->live += area->used;
  } else {
    CHECK(mi_heap_contains(heap, block) && mi_usable_size(block) <= block_size);
    memory->blocks++;
    memory->used += block_size;
  }
  return true;
}

static Memory report(const char* when, unsigned number, Database* database) {
  wait_for_reaper(database);
  mi_heap_collect(database->heap, false);
  Memory memory = {0};
  CHECK(mi_heap_visit_blocks(database->heap, true, count_memory, &memory));
  // The table itself, and two blocks for each entry: not one is lost, not one is shown twice.
  CHECK(memory.blocks == 1 + 2 * database->entry_count && memory.blocks == memory.live);
  CHECK(memory.used >= database->value_bytes && memory.used <= memory.committed);
  printf("db%u %-8s %5zu keys %6zu KiB of values %4zu areas %6zu KiB used of %6zu: %2zu%% free\n",
         number, when, database->entry_count, database->value_bytes >> 10, memory.areas,
         memory.used >> 10, memory.committed >> 10, 100 - 100 * memory.used / memory.committed);
  return memory;
}

// Copies what is left of a database into a fresh heap, without the holes of the old one.
static void compact(Database* database) {
  Database copy;
  open_database(&copy);
  for (size_t i = 0; i < database->bucket_count; i++)
    for (Entry* entry = database->buckets[i]; entry != NULL; entry = entry->next)
      CHECK(set(&copy, entry->key, entry->value, entry->length));
  flush_database(database);
  *database = copy;
}

// --- The server: each worker answers for one database; the main thread reads the replies ---

typedef struct Reply {
  Message message;
  uint64_t content;  // what the value was made from
  size_t length;
  char bytes[];
} Reply;

typedef struct Worker {
  pthread_t thread;
  unsigned number;
  uint64_t random;
  size_t key_count;
  uint64_t* content;  // of each key: what its value was made from; 0: not stored
  Database database;
} Worker;

static Queue replies = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, 0};

// Mostly small values, some of a few KiB, few large ones; all from one number.
static size_t length_of(uint64_t content) {
  const uint64_t r = mixed(content);
  return 1 + (r >> 8) % (r % 100 < 80 ? 200 : r % 100 < 98 ? 4000 : kValueMax);
}
static void make_value(char* bytes, uint64_t content) {
  const size_t length = length_of(content);
  for (size_t i = 0; i < length; i++) bytes[i] = (char)(content >> (i % 8 * 8));
}
static bool is_value(const char* bytes, size_t length, uint64_t content) {
  static _Thread_local char expected[kValueMax];
  make_value(expected, content);
  return length == length_of(content) && memcmp(bytes, expected, length) == 0;
}

static const char* name_key(char* key, size_t n) {
  snprintf(key, kKeyMax, "user:%zu", n);
  return key;
}

static void answer_one_request(Worker* worker) {
  static _Thread_local char bytes[kValueMax];
  char key[kKeyMax];
  const size_t n = next_random(&worker->random) % worker->key_count;
  const uint64_t what = next_random(&worker->random) % 100;
  uint64_t* const content = &worker->content[n];
  name_key(key, n);
  if (what < 50) {  // set; half of those that overwrite keep about the length
    uint64_t fresh = next_random(&worker->random) | 1;
    if (what < 25 && *content != 0) {
      const size_t before = length_of(*content);
      while (length_of(fresh) > before + 8 || length_of(fresh) + 64 < before) fresh += 2;
    }
    make_value(bytes, fresh);
    CHECK(set(&worker->database, key, bytes, length_of(fresh)));
    *content = fresh;
  } else if (what < 60) {
    CHECK(delete_key(&worker->database, key) == (*content != 0));
    *content = 0;
  } else {
    const Entry* const entry = *find(&worker->database, key);
    CHECK((entry != NULL) == (*content != 0));
    if (entry == NULL) return;
    Reply* const reply = mi_malloc(sizeof *reply + entry->length);  // freed by the main thread
    CHECK(reply != NULL);
    *reply = (Reply){.content = *content, .length = entry->length};
    memcpy(reply->bytes, entry->value, entry->length);
    send(&replies, &reply->message);
  }
}

static void* run_worker(void* arg) {
  Worker* const worker = arg;
  Database* const database = &worker->database;
  char key[kKeyMax];
  open_database(database);
  CHECK((worker->content = mi_calloc_tp(uint64_t, worker->key_count)) != NULL);
  for (size_t i = 0; i < kRequests; i++) answer_one_request(worker);
  const Memory busy = report("busy", worker->number, database);
  CHECK(database->in_place > 0 && database->moved > 0);
  printf("db%u overwrites: %zu in place, %zu moved\n", worker->number, database->in_place,
         database->moved);
  for (size_t n = 0; n < worker->key_count; n++) {
    if (next_random(&worker->random) % 8 == 0) continue;
    CHECK(delete_key(database, name_key(key, n)) == (worker->content[n] != 0));
    worker->content[n] = 0;
  }
  const Memory sparse = report("sparse", worker->number, database);
  CHECK(sparse.areas <= busy.areas && sparse.used < busy.used);
  compact(database);
  const Memory dense = report("compact", worker->number, database);
  CHECK(dense.areas <= sparse.areas && dense.committed <= sparse.committed);
  for (size_t n = 0; n < worker->key_count; n++) {
    const Entry* const entry = *find(database, name_key(key, n));
    CHECK((entry != NULL) == (worker->content[n] != 0));
    CHECK(entry == NULL || is_value(entry->value, entry->length, worker->content[n]));
  }
  flush_database(database);
  mi_free(worker->content);
  send(&reaper, NULL);
  send(&replies, NULL);
  return NULL;
}

int main(int argc, char** argv) {
  uint64_t seed = 1, threads = 4;
  for (int i = 1; i < argc; i += 2) {
    uint64_t* const option = strcmp(argv[i], "--seed") == 0      ? &seed
                             : strcmp(argv[i], "--threads") == 0 ? &threads
                                                                 : NULL;
    if (option != NULL && i + 1 < argc) *option = strtoull(argv[i + 1], NULL, 0);
    if (option == NULL || i + 1 == argc || threads < 1 || threads > 64) {
      fprintf(stderr, "usage: keyvalue [--seed N] [--threads 1..64]\n");
      return 2;
    }
  }
  printf("keyvalue: seed %llu\n", (unsigned long long)seed);
  static Worker workers[64];
  pthread_t reaper_thread;
  size_t freed = 0, checked = 0;
  reaper.senders = replies.senders = (unsigned)threads;
  CHECK(pthread_create(&reaper_thread, NULL, run_reaper, &freed) == 0);
  for (unsigned i = 0; i < threads; i++) {
    workers[i] =
        (Worker){.number = i, .random = mixed(seed + i), .key_count = 1000 + 500 * (size_t)i};
    CHECK(pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]) == 0);
  }
  for (Reply* reply; (reply = receive(&replies)) != NULL; checked++) {
    CHECK(is_value(reply->bytes, reply->length, reply->content));
    mi_free(reply);
  }
  for (unsigned i = 0; i < threads; i++) pthread_join(workers[i].thread, NULL);
  pthread_join(reaper_thread, NULL);
  CHECK(checked > 0 && freed > 0);
  printf("keyvalue: %zu replies checked, %zu values freed by the reaper\n", checked, freed);
  return 0;
}
