// A small language runtime: a stack language with numbers, texts, lists and blocks of code. Shows
// heaps in an arena of their own, for each interpreter; an arena that gets full; and results that
// outlive their interpreter. How it finds and frees its objects stands in runtime_memory.h, and
// what is shown in README.md.
#include <errno.h>
#include <mimalloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime_memory.h"

// --- The language: `2 3 +` leaves 5; [ ... ] is a block; `5 :five` makes five a word ---

static void push(Interpreter* vm, Object* object) {
  if (vm->depth == kStackMax) raise_error(vm, "the stack is full");
  vm->stack[vm->depth++] = object;
}
static Object* pop(Interpreter* vm) {
  return vm->depth > 0 ? vm->stack[--vm->depth] : (raise_error(vm, "too few operands"), NULL);
}
static void enter(Interpreter* vm, Object* object) {
  if (vm->call_depth == kCallsMax) raise_error(vm, "calls are too deep");
  vm->calls[vm->call_depth++] = object;
}
static Object* of_type(Interpreter* vm, Object* object, Type type) {
  if (object == NULL || object->type != type) raise_error(vm, "an operand of the wrong type");
  return object;
}
static bool is_true(const Object* object) {
  return object != NULL && (object->type != kNumber || object->as.number != 0);
}

static Object* new_text(Interpreter* vm, const char* a, size_t a_length, const char* b,
                        size_t b_length) {
  Object* const text = new_object(vm, kText, 0);
  const size_t length = a_length + b_length;
  enter(vm, text);
  Buffer* const buffer = allocate(vm, vm->buffers, sizeof *buffer + length);
  *buffer = (Buffer){.references = 1, .length = length};
  memcpy(buffer->bytes, a, a_length);
  memcpy(buffer->bytes + a_length, b, b_length);
  text->as.buffer = buffer;
  return vm->call_depth--, text;
}

static void execute(Interpreter* vm, Object* item);

static void run(Interpreter* vm, Object* block) {
  enter(vm, of_type(vm, block, kBlock));
  for (size_t i = 0; i < block->as.count; i++) execute(vm, block->items[i]);
  vm->call_depth--;
}

// These return a result that takes the place of the operands `s`.
#define ARITHMETIC(name, result)                          \
  static Object* name(Interpreter* vm, Object** s) {      \
    const long a = of_type(vm, s[0], kNumber)->as.number; \
    const long b = of_type(vm, s[1], kNumber)->as.number; \
    return new_number(vm, kNumber, result);               \
  }
ARITHMETIC(add, a + b)
ARITHMETIC(subtract, a - b)
ARITHMETIC(multiply, a* b)
ARITHMETIC(less, a < b)
static Object* nil(Interpreter* vm, Object** s) { return (void)vm, (void)s, NULL; }
static Object* cons(Interpreter* vm, Object** s) {
  Object* const pair = new_object(vm, kPair, 0);
  memcpy(pair->as.parts, s, sizeof pair->as.parts);
  return pair;
}
static Object* head(Interpreter* vm, Object** s) { return of_type(vm, s[0], kPair)->as.parts[0]; }
static Object* tail(Interpreter* vm, Object** s) { return of_type(vm, s[0], kPair)->as.parts[1]; }
static Object* cat(Interpreter* vm, Object** s) {
  const Buffer* const a = of_type(vm, s[0], kText)->as.buffer;
  const Buffer* const b = of_type(vm, s[1], kText)->as.buffer;
  return new_text(vm, a->bytes, a->length, b->bytes, b->length);
}
static Object* length(Interpreter* vm, Object** s) {
  return new_number(vm, kNumber, (long)of_type(vm, s[0], kText)->as.buffer->length);
}

// These change the stack by themselves.
static Object* dup(Interpreter* vm, Object** s) { return push(vm, s[0]), NULL; }
static Object* discard(Interpreter* vm, Object** s) { return (void)s, pop(vm); }
static Object* swap(Interpreter* vm, Object** s) {
  Object* const first = s[0];
  s[0] = s[1];
  return (void)vm, s[1] = first;
}
static Object* rotate(Interpreter* vm, Object** s) { return swap(vm, s), swap(vm, s + 1); }
static Object* choose(Interpreter* vm, Object** s) {
  vm->depth -= 3;
  return run(vm, is_true(s[0]) ? s[1] : s[2]), NULL;
}
static Object* repeat(Interpreter* vm, Object** s) {
  Object *const condition = s[0], *const body = s[1];
  enter(vm, condition);
  enter(vm, body);
  for (vm->depth -= 2; run(vm, condition), is_true(pop(vm));) run(vm, body);
  return vm->call_depth -= 2, NULL;
}

static const struct {
  const char* name;
  Object* (*function)(Interpreter* vm, Object** operands);
  size_t operands;
  bool has_result;
} builtins[] = {{"+", add, 2, true},        {"-", subtract, 2, true},  {"*", multiply, 2, true},
                {"<", less, 2, true},       {"nil", nil, 0, true},     {"cons", cons, 2, true},
                {"head", head, 1, true},    {"tail", tail, 1, true},   {"length", length, 1, true},
                {"cat", cat, 2, true},      {"dup", dup, 1, false},    {"drop", discard, 1, false},
                {"swap", swap, 2, false},   {"rot", rotate, 3, false}, {"if", choose, 3, false},
                {"while", repeat, 2, false}};
enum { kBuiltinCount = sizeof builtins / sizeof *builtins };

static void execute(Interpreter* vm, Object* item) {
  const size_t word = (size_t)item->as.number;
  if (item->type == kDefinition) {
    vm->meanings[word] = pop(vm);
  } else if (item->type == kWord && word < kBuiltinCount) {
    const size_t operands = builtins[word].operands;
    if (vm->depth < operands) raise_error(vm, "too few operands");
    // The operands stay on the stack until the result is made: making it may collect garbage.
    Object* const result = builtins[word].function(vm, &vm->stack[vm->depth - operands]);
    if (!builtins[word].has_result) return;
    vm->depth -= operands;
    push(vm, result);
  } else if (item->type == kWord) {
    Object* const meaning = vm->meanings[word];
    meaning != NULL && meaning->type == kBlock ? run(vm, meaning) : push(vm, meaning);
  } else if (item->type == kText) {  // a text of its own, of the same bytes
    push(vm, new_object(vm, kText, 0));
    vm->stack[vm->depth - 1]->as.buffer = item->as.buffer;
    item->as.buffer->references++;
  } else {
    push(vm, item);
  }
}

static long word_of(Interpreter* vm, const char* name, size_t length) {
  size_t i = 0;
  if (length >= kNameMax) raise_error(vm, "a name is too long");
  while (i < vm->word_count && (strncmp(vm->names[i], name, length) || vm->names[i][length])) i++;
  if (i == kWordsMax) raise_error(vm, "too many words");
  if (i == vm->word_count) memcpy(vm->names[vm->word_count++], name, length);
  return (long)i;
}

// Pushes the block of what stands before the next closing bracket or the end.
static void parse(Interpreter* vm, const char** source) {
  const size_t start = vm->depth;
  while (*(*source += strspn(*source, " \n")) != '\0' && **source != ']') {
    const char* const word = *source;
    const size_t size = strcspn(word, " \n");
    *source += size;
    if (*word == '[') {
      parse(vm, source);
      if (*(*source)++ != ']') raise_error(vm, "a bracket is not closed");
    } else {
      push(vm, *word == '"'   ? new_text(vm, word + 1, size - 1, "", 0)
               : *word == ':' ? new_number(vm, kDefinition, word_of(vm, word + 1, size - 1))
               : *word >= '0' && *word <= '9' ? new_number(vm, kNumber, strtol(word, NULL, 10))
                                              : new_number(vm, kWord, word_of(vm, word, size)));
    }
  }
  const size_t count = vm->depth - start;
  Object* const block = new_object(vm, kBlock, count);
  block->as.count = count;
  memcpy(block->items, &vm->stack[start], count * sizeof *block->items);
  vm->depth = start;
  push(vm, block);
}

// Runs a program on an empty stack; returns what it left on top, NULL after an error. The
// interpreter can be used afterwards in either case, and knows the words that were defined.
static Object* evaluate(Interpreter* vm, const char* source) {
  running = vm;
  vm->depth = vm->call_depth = 0;
  vm->error = NULL;
  if (setjmp(vm->on_error) != 0) return NULL;
  parse(vm, &source);
  run(vm, pop(vm));
  return vm->depth > 0 ? vm->stack[vm->depth - 1] : NULL;
}

// --- What the interpreters are made to do ---

static void check_number(Interpreter* vm, const char* source, long expected) {
  const Object* const result = evaluate(vm, source);
  if (vm->error != NULL) fprintf(stderr, "runtime: %s: %s\n", source, vm->error);
  CHECK(result != NULL && result->type == kNumber && result->as.number == expected);
}

static void start(Interpreter* vm, mi_arena_id_t arena) {
  *vm = (Interpreter){.next_collection = kLeastBetweenCollections, .word_count = kBuiltinCount};
  for (size_t i = 0; i < kBuiltinCount; i++) strcpy(vm->names[i], builtins[i].name);
  vm->objects = mi_heap_new_ex(kTagOfObjects, true, arena);
  vm->buffers = mi_heap_new_in_arena(arena);
  CHECK(vm->objects != NULL && vm->buffers != NULL);
  evaluate(vm,
           "[ dup 2 < [ drop 1 ] [ dup 1 - fact * ] if ] :fact\n"
           "[ nil swap [ dup ] [ dup rot cons swap 1 - ] while drop ] :range\n"
           "[ 0 swap [ dup ] [ dup tail swap head rot + swap ] while drop ] :sum\n"
           "[ \" swap [ dup ] [ swap \"ab cat swap 1 - ] while drop ] :text");
  CHECK(vm->error == NULL);
  check_number(vm, "10 fact", 3628800);
}

// Words that are defined again and again, and what they should mean.
static void use(Interpreter* vm, uint64_t random) {
  enum { kWords = 16, kRounds = 2000 };
  long expected[kWords] = {0};
  char source[100];
  for (int i = 0; i < kRounds; i++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const long word = random >> 33 & (kWords - 1), size = 1 + (random >> 40 & 127);
    const bool is_text = word % 2 == 0;
    snprintf(source, sizeof source, "%ld %s :w%ld", size, is_text ? "text" : "range", word);
    evaluate(vm, source);
    CHECK(vm->error == NULL);
    expected[word] = is_text ? 2 * size : size * (size + 1) / 2;
  }
  for (int word = 0; word < kWords; word++) {
    if (expected[word] == 0) continue;
    snprintf(source, sizeof source, "w%d %s", word, word % 2 == 0 ? "length" : "sum");
    check_number(vm, source, expected[word]);
  }
  printf("  %zu objects made, %zu live, %zu collections, %zu buffers freed at beats\n", vm->made,
         vm->live, vm->collections, vm->freed_at_beats);
  CHECK(vm->collections > 2 && vm->freed_at_beats > 0);
}

// Twice the arena gets full, of objects and of one text; each time the program fails and the
// interpreter goes on.
static void fill(Interpreter* vm, const size_t* out_of_memory) {
  const size_t before = *out_of_memory;
  CHECK(evaluate(vm, "nil [ 1 ] [ 7 swap cons ] while") == NULL);
  CHECK(strcmp(vm->error, "out of memory") == 0 && *out_of_memory > before);
  const size_t full = vm->live;
  CHECK(evaluate(vm, "\"x [ 1 ] [ dup cat ] while") == NULL);
  CHECK(strcmp(vm->error, "out of memory") == 0 && *out_of_memory > before + 1);
  check_number(vm, "1000 range sum", 500500);
  collect_garbage(vm);
  printf("  full with %zu objects, then %zu live; out of memory heard %zu times\n", full, vm->live,
         *out_of_memory - before);
  CHECK(vm->live < full / 10);
}

// Ends an interpreter. Its last result, a list of texts, lives on and is the main heap's.
static void end(Interpreter* vm, mi_arena_id_t arena) {
  Object* list = evaluate(vm, "1 text 2 text 3 text nil cons cons cons");
  vm->word_count = 0;
  collect_garbage(vm);
  CHECK(list != NULL && vm->live == 6);
  mi_collect(true);  // asks the deferred free function for all that it has
  CHECK(vm->dead == NULL && vm->freed_by_force > 0);
  running = NULL;
  mi_heap_delete(vm->objects);
  mi_heap_delete(vm->buffers);
  for (size_t n = 3; n > 0; n--) {
    Object *const pair = list, *const text = pair->as.parts[0];
    Buffer* const buffer = text->as.buffer;
    CHECK(mi_heap_of(text) == mi_heap_main() && mi_heap_of(buffer) == mi_heap_main());
    CHECK(mi_arena_contains(arena, pair) && mi_arena_contains(arena, buffer));
    CHECK(buffer->length == 2 * (4 - n) && memcmp(buffer->bytes, "ababab", buffer->length) == 0);
    list = pair->as.parts[1];
    mi_free(buffer);
    mi_free(text);
    mi_free(pair);
    // The arena stays reserved for its own heaps, survivors or not.
    void* const other = mi_malloc(sizeof(Object));
    CHECK(other != NULL && !mi_arena_contains(arena, other));
    mi_free(other);
  }
}

static void on_error(int code, void* arg) {
  CHECK(code == ENOMEM);
  ++*(size_t*)arg;
}

int main(int argc, char** argv) {
  static char memory[12 << 20];  // 8 MiB of it at least are aligned as arenas are
  static Interpreter vm;
  const bool seeded = argc == 3 && strcmp(argv[1], "--seed") == 0;
  const uint64_t seed = seeded ? strtoull(argv[2], NULL, 0) : 1;
  size_t out_of_memory = 0;
  unsigned long long heartbeat = 0;
  mi_arena_id_t arenas[2] = {0, 0};
  if (argc != 1 && !seeded) {
    fprintf(stderr, "usage: runtime [--seed N]\n");
    return 2;
  }
  printf("runtime: seed %llu\n", (unsigned long long)seed);
  mi_option_disable(mi_option_show_errors);  // to be out of memory is expected here
  mi_register_error(on_error, &out_of_memory);
  mi_register_deferred_free(on_deferred_free, &heartbeat);
  CHECK(mi_reserve_os_memory_ex(16 << 20, false, false, true, &arenas[0]) == 0);
  CHECK(mi_manage_os_memory_ex(memory, sizeof memory, true, false, true, -1, true, &arenas[1]));
  for (size_t i = 0; i < 2; i++) {
    size_t size = 0;
    const void* const area = mi_arena_area(arenas[i], &size);
    printf("interpreter %zu, in %zu MiB of %s memory\n", i, size >> 20, i ? "static" : "reserved");
    CHECK((uintptr_t)area % mi_arena_min_alignment() == 0 && size >= mi_arena_min_size());
    start(&vm, arenas[i]);
    use(&vm, seed + i);
    fill(&vm, &out_of_memory);
    end(&vm, arenas[i]);
  }
  mi_register_deferred_free(NULL, NULL);
  mi_register_error(NULL, NULL);
  return 0;
}
