// A small object runtime of several threads and interpreters on Ashlar's embedding interface: what
// its files share. README.md of the folder above says what it shows, docs/embedding.md how to do
// the same in another runtime.
#ifndef EXAMPLES_OBJECTS_H
#define EXAMPLES_OBJECTS_H

#include <ashlar/embed.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECK(condition) ((condition) ? (void)0 : failed(#condition, __FILE__, __LINE__))
_Noreturn void failed(const char* what, const char* file, int line);

typedef struct Interpreter Interpreter;
typedef struct Thread Thread;
typedef struct Object Object;

// --- Objects (object.c) ---

// Tags of the heaps. Arrays of slots need neither prefix nor hold: nobody is left with a pointer to
// one that is freed, since that waits for a grace period. Objects need both: they are freed at
// once, and a reader may still look at their headers.
enum { kArrays = 0, kLeaves = 1, kContainers = 2, kTagCount = 3 };

typedef struct Type {
  const char* name;
  unsigned tag;
  // Calls visit for each object that it refers to; drops these references, and its array. NULL:
  // it has none.
  void (*each_reference)(Object* object, void (*visit)(Object* to, void* arg), void* arg);
  void (*clear)(Thread* as, Object* object);
  void* (*array)(const Object* object);
} Type;

// What a reader may look at when the object may be freed already. It is the prefix of the heap, so
// that in freed blocks all but `owner` stays as it was.
struct Object {
  // Id of the thread that counts in `local`; 0: nobody. Ashlar may write word 0 of a free block,
  // but no id of a thread alive: so "it is mine" is true of no free block.
  _Atomic uintptr_t owner;
  _Atomic uint32_t flags;
  _Atomic uint32_t local;  // references that its owner counts
  // References that all others count, times kOne; and the state. 0 has to mean "freed", since a
  // held page may read as zero.
  _Atomic int64_t shared;
  const Type* type;
};
enum { kPrefix = sizeof(Object) };
_Static_assert(kPrefix % sizeof(void*) == 0 && kPrefix <= ASHLAR_RT_PREFIX_MAX, "a prefix");

enum { kLocked = 1, kSeen = 2, kMarked = 4 };         // flags; kSeen: other threads may read it
enum { kLive = 1, kMerged = 2, kOne = 4 };            // shared; kMerged: it counts alone
static const int64_t kLastDropped = kLive | kMerged;  // on its way to be freed

Object* new_object(Thread* me, const Type* type, size_t size);
void take(Thread* me, Object* object);  // one more reference, by who has one
void drop(Thread* as, Object* object);  // one less
int64_t references_of(const Object* object);

// What stands in a slot that others may write at this moment, with a reference; without a lock.
// `array` is where the slot lies, `place` what leads there.
Object* take_from(Thread* me, _Atomic(Object*)* slot, _Atomic(void*)* place, void* array);

void lock_object(Object* object);
void unlock_object(Object* object);

// References that other threads had `as` drop for them.
void drop_handed_over(Thread* as);

// --- Values and containers (containers.c) ---

Object* new_number(Thread* me, uint64_t value);
Object* new_text(Thread* me, size_t length, uint8_t seed);
bool is_sound(const Object* object, uint64_t key);  // whether it is what was stored under the key

// Before other threads can come by it, as a root or in a container: its array has readers then.
void may_be_seen(Object* object);

// Containers own the references that are stored, and give what is taken out with one.
Object* new_list(Thread* me);
Object* list_get(Thread* me, Object* list, size_t at);  // without a lock; NULL: none there
size_t list_size(const Object* list);
void list_append(Thread* me, Object* list, Object* value);
Object* list_pop(Thread* me, Object* list);

Object* new_dictionary(Thread* me);
Object* dictionary_get(Thread* me, Object* dictionary, uint64_t key);              // without a lock
void dictionary_set(Thread* me, Object* dictionary, uint64_t key, Object* value);  // NULL: remove
void dictionary_compact(Thread* me, Object* dictionary);

extern const Type kNumberType, kTextType, kListType, kDictionaryType;

// --- Threads, interpreters and grace periods (interpreter.c) ---

enum { kThreadsMax = 16, kStackMax = 24, kPagesKnown = 4096 };

// What is counted, each thread for itself.
typedef enum {
  kMade,
  kFreed,
  kTaken,
  kTakenLate,
  kHandedOver,
  kArraysWaited,
  kBytesReleased,
  kCounts
} Count;

typedef struct {
  void** at;
  size_t count, capacity;
} Pointers;
void add_pointer(Pointers* pointers, void* pointer);

typedef struct {
  void* array;
  uint64_t goal;
} Waiting;

// A thread of an interpreter. An OS thread has one in each, and runs in one of them at a time.
struct Thread {
  ashlar_rt_thread_t storage;
  ashlar_rt_heap_t* heaps[kTagCount];
  Interpreter* interpreter;
  uintptr_t id;  // 0: the record is free
  // The number that it has seen at its last rest, when it had no pointers that it does not count;
  // kAway: it is not running, so has none.
  _Atomic uint64_t seen;
  _Atomic bool has_handed_over;
  Pointers handed_over;      // under the interpreter's lock
  Object* stack[kStackMax];  // roots
  size_t depth;
  Waiting* waiting;  // arrays that it took out of use, oldest first
  size_t waiting_count, waiting_capacity;
  uint32_t rests, reads;
  uint64_t counts[kCounts];
};

static const uint64_t kAway = 0;

struct Interpreter {
  ashlar_rt_realm_t* realm;
  // Odd numbers, so that none is kAway. They begin shortly before they wrap round, to show that
  // this does not matter.
  _Atomic uint64_t sequence;
  _Atomic uint64_t passed;    // all threads have seen this one
  Object *dictionary, *list;  // roots, as long as it has threads
  pthread_mutex_t lock;
  pthread_cond_t changed;
  size_t running;  // threads that are neither away nor stopped
  _Atomic bool stopping;
  Thread threads[kThreadsMax];
  // Pages that were held, and the goals: only to tell how often one is used again before its goal.
  struct {
    _Atomic uintptr_t page;
    _Atomic uint64_t goal;
  } pages[kPagesKnown];
  uint64_t counts[kCounts];  // of threads that are gone
  Pointers orphaned_arrays;  // of threads that are gone; freed at the next collection
  _Atomic uint64_t pages_held, pages_reused, goals_asked, goals_reached;
  _Atomic size_t next_collection;  // bytes
  struct {
    uint64_t collections, blocks_walked, most_blocks, orphan_areas, freed, held_pages, held_bytes,
        most_held_bytes, bytes_released, threads, abandoned, ended_attached, bytes_left;
  } told;  // written while the world is stopped, or under the lock
};

void start_interpreter(Interpreter* interpreter);
size_t end_interpreter(Interpreter* interpreter);  // blocks that are left

// The calling OS thread gets a thread of the interpreter, and runs in it.
Thread* begin_thread(Interpreter* interpreter);
void end_thread(Thread* me);
void enter(Thread* me);
void leave(Thread* me);
void forget_thread(Thread* gone);  // one whose OS thread is no more; the world is stopped
void mark_away(Thread* gone);      // one that ended as it ran

// Between two steps: the thread has no pointers that it does not count.
void rest(Thread* me);

// All others are stopped or away from here on, until the world goes on.
void stop_world(Thread* me);
void resume_world(Thread* me);

// Frees an array when all threads that run now have come to rest.
void free_after_grace(Thread* me, void* array);
void free_all_waiting(Thread* of);

// --- Collection (collector.c) ---

// Frees what cannot be reached from the roots, and checks all that can be checked. The world is
// stopped.
void collect_garbage(Thread* me);

// --- The rule that pages are held for, step by step (slow_reader.c) ---

void show_a_slow_reader(Thread* reader);

#endif  // EXAMPLES_OBJECTS_H
