// Numbers, texts, lists and dictionaries. Lists and dictionaries are written under a lock, and read
// without: a reader finds an array, a slot in it, and takes what stands there (take_from). Arrays
// are replaced as they get full; the old one is freed after a grace period.
#include <string.h>

#include "objects.h"

// --- Leaves ---

typedef struct {
  Object head;
  uint64_t value, inverse;
} Number;

typedef struct {
  Object head;
  size_t length;
  uint8_t seed, bytes[];
} Text;

const Type kNumberType = {"number", kLeaves, NULL, NULL, NULL};
const Type kTextType = {"text", kLeaves, NULL, NULL, NULL};

Object* new_number(Thread* me, uint64_t value) {
  Number* const number = (Number*)new_object(me, &kNumberType, sizeof *number);
  number->value = value;
  number->inverse = ~value;
  return &number->head;
}

Object* new_text(Thread* me, size_t length, uint8_t seed) {
  Text* const text = (Text*)new_object(me, &kTextType, sizeof *text + length);
  text->length = length;
  text->seed = seed;
  memset(text->bytes, seed, length);
  return &text->head;
}

// --- Arrays of slots ---

typedef _Atomic(Object*) Slot;

typedef struct {
  size_t capacity;
  Slot slots[];
} Array;

// As large as its block has room for.
static Array* new_array(Thread* me, size_t capacity) {
  const size_t bytes = ashlar_rt_good_size(sizeof(Array) + capacity * sizeof(Slot));
  Array* const array = ashlar_rt_calloc(me->heaps[kArrays], 1, bytes);
  CHECK(array != NULL && ashlar_rt_usable_size(array) >= bytes);
  array->capacity = (bytes - sizeof(Array)) / sizeof(Slot);
  return array;
}

static void each_in(Array* array, void (*visit)(Object* to, void* arg), void* arg) {
  for (size_t i = 0; array != NULL && i < array->capacity; i++) {
    Object* const object = atomic_load(&array->slots[i]);
    if (object != NULL) visit(object, arg);
  }
}

static void drop_one(Object* object, void* as) { drop(as, object); }

// Of a container that nobody refers to: nobody reads it either, since readers of containers have
// references to them.
static void free_array(Thread* as, _Atomic(void*)* place) {
  Array* const array = atomic_exchange(place, NULL);
  each_in(array, drop_one, as);
  ashlar_rt_free(array);
}

void may_be_seen(Object* object) {
  if (object != NULL) atomic_fetch_or_explicit(&object->flags, kSeen, memory_order_relaxed);
}

// --- Lists ---

typedef struct {
  Object head;
  _Atomic(void*) array;
  _Atomic size_t size;
} List;

static void each_of_list(Object* object, void (*visit)(Object* to, void* arg), void* arg) {
  each_in(atomic_load(&((List*)object)->array), visit, arg);
}
static void clear_list(Thread* as, Object* object) {
  atomic_store(&((List*)object)->size, 0);
  free_array(as, &((List*)object)->array);
}
static void* array_of_list(const Object* object) {
  return atomic_load(&((const List*)object)->array);
}
const Type kListType = {"list", kContainers, each_of_list, clear_list, array_of_list};

Object* new_list(Thread* me) {
  List* const list = (List*)new_object(me, &kListType, sizeof *list);
  atomic_init(&list->array, NULL);
  atomic_init(&list->size, 0);
  return &list->head;
}

size_t list_size(const Object* list) { return atomic_load(&((const List*)list)->size); }

Object* list_get(Thread* me, Object* object, size_t at) {
  List* const list = (List*)object;
  for (;;) {
    Array* const array = atomic_load(&list->array);
    if (array == NULL || at >= array->capacity) return NULL;
    Object* const found = take_from(me, &array->slots[at], &list->array, array);
    if (found != NULL || atomic_load(&list->array) == array) return found;
  }
}

// An array that nobody else can have seen is moved by realloc; one that may have readers waits.
static Array* grown(Thread* me, List* list, Array* old) {
  const size_t capacity = old == NULL ? 4 : 2 * old->capacity;
  const bool seen = (atomic_load_explicit(&list->head.flags, memory_order_relaxed) & kSeen) != 0;
  if (old == NULL || seen) {
    Array* const array = new_array(me, capacity);
    for (size_t i = 0; old != NULL && i < old->capacity; i++) {
      atomic_store(&array->slots[i], atomic_load(&old->slots[i]));
    }
    atomic_store(&list->array, array);
    if (old != NULL) free_after_grace(me, old);
    return array;
  }
  const size_t bytes = sizeof(Array) + capacity * sizeof(Slot);
  Array* const array = ashlar_rt_realloc(me->heaps[kArrays], old, bytes);
  CHECK(array != NULL);
  for (size_t i = array->capacity; i < capacity; i++) atomic_init(&array->slots[i], NULL);
  array->capacity = capacity;
  atomic_store(&list->array, array);
  return array;
}

void list_append(Thread* me, Object* object, Object* value) {
  List* const list = (List*)object;
  may_be_seen(value);
  lock_object(object);
  Array* array = atomic_load(&list->array);
  const size_t size = atomic_load(&list->size);
  if (array == NULL || size == array->capacity) array = grown(me, list, array);
  atomic_store(&array->slots[size], value);
  atomic_store(&list->size, size + 1);
  unlock_object(object);
}

Object* list_pop(Thread* me, Object* object) {
  (void)me;
  List* const list = (List*)object;
  Object* last = NULL;
  lock_object(object);
  const size_t size = atomic_load(&list->size);
  if (size != 0) {
    Array* const array = atomic_load(&list->array);
    last = atomic_exchange(&array->slots[size - 1], NULL);
    atomic_store(&list->size, size - 1);
  }
  unlock_object(object);
  return last;
}

// --- Dictionaries: from numbers that are not 0 to objects ---

// A key stays when its value goes, so that readers who look for keys behind it find them.
typedef struct {
  _Atomic uint64_t key;
  Slot value;
} Entry;

typedef struct {
  size_t capacity;  // a power of 2
  Entry entries[];
} Table;

typedef struct {
  Object head;
  _Atomic(void*) table;
  size_t keys;  // under the lock
} Dictionary;

static void each_of_table(Table* table, void (*visit)(Object* to, void* arg), void* arg) {
  for (size_t i = 0; table != NULL && i < table->capacity; i++) {
    Object* const value = atomic_load(&table->entries[i].value);
    if (value != NULL) visit(value, arg);
  }
}
static void each_of_dictionary(Object* object, void (*visit)(Object* to, void* arg), void* arg) {
  each_of_table(atomic_load(&((Dictionary*)object)->table), visit, arg);
}
static void clear_dictionary(Thread* as, Object* object) {
  Dictionary* const dictionary = (Dictionary*)object;
  Table* const table = atomic_exchange(&dictionary->table, NULL);
  dictionary->keys = 0;
  each_of_table(table, drop_one, as);
  ashlar_rt_free(table);
}
static void* table_of_dictionary(const Object* object) {
  return atomic_load(&((const Dictionary*)object)->table);
}
const Type kDictionaryType = {"dictionary", kContainers, each_of_dictionary, clear_dictionary,
                              table_of_dictionary};

Object* new_dictionary(Thread* me) {
  Dictionary* const dictionary = (Dictionary*)new_object(me, &kDictionaryType, sizeof *dictionary);
  atomic_init(&dictionary->table, NULL);
  dictionary->keys = 0;
  return &dictionary->head;
}

// The entry of a key, or the free one where it would stand.
static Entry* entry_of(Table* table, uint64_t key) {
  size_t at = (size_t)(key * 0x9E3779B97F4A7C15u >> 32);
  for (;; at++) {
    Entry* const entry = &table->entries[at & (table->capacity - 1)];
    const uint64_t found = atomic_load(&entry->key);
    if (found == key || found == 0) return entry;
  }
}

Object* dictionary_get(Thread* me, Object* object, uint64_t key) {
  Dictionary* const dictionary = (Dictionary*)object;
  for (;;) {
    Table* const table = atomic_load(&dictionary->table);
    if (table == NULL) return NULL;
    Entry* const entry = entry_of(table, key);
    if (atomic_load(&entry->key) != key) return NULL;
    Object* const found = take_from(me, &entry->value, &dictionary->table, table);
    if (found != NULL || atomic_load(&dictionary->table) == table) return found;
  }
}

// Under the lock: a table with room for as many entries, with what has a value in the old one.
static void rebuild(Thread* me, Dictionary* dictionary, size_t capacity) {
  Table* const old = atomic_load(&dictionary->table);
  Table* const table =
      ashlar_rt_calloc(me->heaps[kArrays], 1, sizeof(Table) + capacity * sizeof(Entry));
  CHECK(table != NULL);
  table->capacity = capacity;
  dictionary->keys = 0;
  for (size_t i = 0; old != NULL && i < old->capacity; i++) {
    Object* const value = atomic_load(&old->entries[i].value);
    if (value == NULL) continue;
    const uint64_t key = atomic_load(&old->entries[i].key);
    Entry* const entry = entry_of(table, key);
    atomic_store(&entry->key, key);
    atomic_store(&entry->value, value);
    dictionary->keys++;
  }
  atomic_store(&dictionary->table, table);
  if (old != NULL) free_after_grace(me, old);
}

void dictionary_set(Thread* me, Object* object, uint64_t key, Object* value) {
  Dictionary* const dictionary = (Dictionary*)object;
  may_be_seen(value);
  lock_object(object);
  Table* table = atomic_load(&dictionary->table);
  if (table == NULL || dictionary->keys >= table->capacity / 4 * 3) {
    rebuild(me, dictionary, table == NULL ? 8 : 2 * table->capacity);
    table = atomic_load(&dictionary->table);
  }
  Entry* const entry = entry_of(table, key);
  if (atomic_load(&entry->key) == 0) {
    atomic_store(&entry->key, key);
    dictionary->keys++;
  }
  Object* const old = atomic_exchange(&entry->value, value);
  unlock_object(object);
  if (old != NULL) drop(me, old);  // freed now, perhaps, whoever has just found it
}

void dictionary_compact(Thread* me, Object* object) {
  Dictionary* const dictionary = (Dictionary*)object;
  lock_object(object);
  const Table* const table = atomic_load(&dictionary->table);
  size_t values = 0;
  for (size_t i = 0; table != NULL && i < table->capacity; i++) {
    values += atomic_load(&table->entries[i].value) != NULL;
  }
  size_t capacity = 8;
  while (capacity / 4 * 3 <= values) capacity *= 2;
  if (table != NULL) rebuild(me, dictionary, capacity);
  unlock_object(object);
}

// --- Checks ---

bool is_sound(const Object* object, uint64_t key) {
  if (object->type == &kNumberType) {
    const Number* const number = (const Number*)object;
    return number->value % (1u << 20) == key && number->inverse == ~number->value;
  }
  if (object->type == &kTextType) {
    const Text* const text = (const Text*)object;
    bool sound = text->seed == (uint8_t)key;
    const size_t step = text->length / 64 + 1;
    for (size_t i = 0; i < text->length; i += step) sound = sound && text->bytes[i] == text->seed;
    return sound && (text->length == 0 || text->bytes[text->length - 1] == text->seed);
  }
  return object->type == &kListType || object->type == &kDictionaryType;
}
