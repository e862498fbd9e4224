// The memory of the language runtime in runtime.c: its objects in two heaps of each interpreter,
// found and freed by mark and sweep; the bytes of texts, counted, and freed a few at a time by the
// deferred free function. It knows nothing of the language but what its objects look like.
#ifndef EXAMPLES_RUNTIME_MEMORY_H
#define EXAMPLES_RUNTIME_MEMORY_H

#include <mimalloc.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : failed(#condition, __FILE__, __LINE__))

static void failed(const char* what, const char* file, int line) {
  fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);
  exit(1);
}

enum { kStackMax = 200, kCallsMax = 200, kWordsMax = 64, kNameMax = 16, kTagOfObjects = 7 };
enum { kDeadPerBeat = 8, kLeastBetweenCollections = 2000 };

// The bytes of texts, shared by them and counted. Who drops the last reference only puts the buffer
// into a queue: a collection is over sooner, and the work is spread over later allocations.
typedef struct Buffer {
  struct Buffer* next_dead;
  size_t references, length;
  char bytes[];
} Buffer;

typedef enum { kNumber, kText, kPair, kBlock, kWord, kDefinition } Type;

typedef struct Object {
  Type type;
  bool marked;
  union {
    long number;               // kWord, kDefinition: which word
    Buffer* buffer;            // kText
    struct Object* parts[2];   // kPair: head and tail; nil is NULL
    size_t count;              // kBlock: of items
    struct Object* next_dead;  // during a sweep
  } as;
  struct Object* items[];
} Object;

typedef struct Interpreter {
  mi_heap_t *objects, *buffers;
  // What is reached from these three lives; all else is garbage at the next collection.
  Object *stack[kStackMax], *calls[kCallsMax], *meanings[kWordsMax];
  size_t depth, call_depth, word_count;
  char names[kWordsMax][kNameMax];  // of words; those that are built in come first
  jmp_buf on_error;
  const char* error;  // NULL while all is well
  size_t live, made, next_collection, collections, swept;
  Object* garbage;
  Buffer* dead;
  size_t freed_at_beats, freed_by_force;
} Interpreter;

static _Noreturn void raise_error(Interpreter* vm, const char* error) {
  vm->error = error;
  longjmp(vm->on_error, 1);
}

static Interpreter* running;  // whose queue the deferred free function works on

static void on_deferred_free(bool force, unsigned long long heartbeat, void* arg) {
  unsigned long long* const last_heartbeat = arg;
  CHECK(heartbeat >= *last_heartbeat);
  *last_heartbeat = heartbeat;
  Interpreter* const vm = running;
  for (size_t i = 0; vm != NULL && vm->dead != NULL && (force || i < kDeadPerBeat); i++) {
    Buffer* const buffer = vm->dead;
    vm->dead = buffer->next_dead;
    *(force ? &vm->freed_by_force : &vm->freed_at_beats) += 1;
    mi_free(buffer);
  }
}

static void drop(Interpreter* vm, Buffer* buffer) {
  if (buffer == NULL || --buffer->references > 0) return;
  buffer->next_dead = vm->dead;
  vm->dead = buffer;
}

// Recursion is as deep as heads are nested in heads; tails, the length of lists, cost no stack.
static void mark(Object* object) {
  while (object != NULL && !object->marked) {
    object->marked = true;
    if (object->type == kBlock)
      for (size_t i = 0; i < object->as.count; i++) mark(object->items[i]);
    if (object->type != kPair) return;
    mark(object->as.parts[0]);
    object = object->as.parts[1];
  }
}

static bool sweep_one(const mi_heap_t* heap, const mi_heap_area_t* area, void* block,
                      size_t block_size, void* arg) {
  Interpreter* const vm = arg;
  Object* const object = block;
  if (block == NULL) return true;  // the call for the area itself
  CHECK(heap == vm->objects && block_size >= sizeof *object && area->used > 0);
  vm->swept++;
  if (!object->marked) {
    if (object->type == kText) drop(vm, object->as.buffer);
    object->as.next_dead = vm->garbage;
    vm->garbage = object;
  }
  object->marked = false;
  return true;
}

static void collect_garbage(Interpreter* vm) {
  for (size_t i = 0; i < vm->depth; i++) mark(vm->stack[i]);
  for (size_t i = 0; i < vm->call_depth; i++) mark(vm->calls[i]);
  for (size_t i = 0; i < vm->word_count; i++) mark(vm->meanings[i]);
  vm->swept = 0;
  CHECK(mi_heap_visit_blocks(vm->objects, true, sweep_one, vm));
  CHECK(vm->swept == vm->live);  // each object once, and nothing else
  for (Object *object = vm->garbage, *next; object != NULL; object = next, vm->live--) {
    next = object->as.next_dead;
    mi_free(object);
  }
  vm->garbage = NULL;
  vm->collections++;
  const size_t pause = vm->live;  // so that collections take a fixed part of all time
  vm->next_collection =
      vm->made + (pause > kLeastBetweenCollections ? pause : kLeastBetweenCollections);
}

// A heap confined to its arena answers NULL when that is full. By then the library has called the
// deferred free function with `force`, so that all dead buffers are gone; garbage may not be.
// Whatever is still needed has to be within reach of the interpreter.
static void* allocate(Interpreter* vm, mi_heap_t* heap, size_t size) {
  if (vm->made >= vm->next_collection) collect_garbage(vm);
  void* block = mi_heap_malloc(heap, size);
  if (block == NULL) {
    CHECK(vm->dead == NULL);
    collect_garbage(vm);
    block = mi_heap_malloc(heap, size);
  }
  return block != NULL ? block : (raise_error(vm, "out of memory"), NULL);
}

static Object* new_object(Interpreter* vm, Type type, size_t item_count) {
  Object* const object =
      allocate(vm, vm->objects, sizeof *object + item_count * sizeof *object->items);
  memset(object, 0, sizeof *object);
  object->type = type;
  vm->live++;
  vm->made++;
  return object;
}
static Object* new_number(Interpreter* vm, Type type, long number) {
  Object* const object = new_object(vm, type, 0);
  object->as.number = number;
  return object;
}

#endif  // EXAMPLES_RUNTIME_MEMORY_H
