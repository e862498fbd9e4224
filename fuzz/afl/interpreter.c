/* Reads a little language of allocation calls from stdin, or from the files that it is given, and
 * makes them with whatever malloc the process has, checking contents, alignment and overlap. For a
 * preloaded library: by itself it knows nothing of Ashlar. fuzz/afl/README.md has the language. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kSlots = 64, kEdge = 64, kWholly = 1024, kTextMax = 1 << 16 };
static const size_t kBytesMax = (size_t)64 << 20; /* of all live blocks together */

struct slot {
  unsigned char* block;
  size_t size;
  unsigned seed;
};

static struct slot slots[kSlots];
static size_t bytes;
static unsigned line;
static const char* file = "stdin";

/* What the library does cannot be seen by its branches, which are not instrumented. So each kind of
 * answer takes a branch of its own here, which AFL counts. */
#define ONE(n)                     \
  case n:                          \
    __asm__ volatile("" ::"i"(n)); \
    break;
#define EIGHT(n) \
  ONE(n) ONE((n) + 1) ONE((n) + 2) ONE((n) + 3) ONE((n) + 4) ONE((n) + 5) ONE((n) + 6) ONE((n) + 7)
#define ALL(n)   \
  EIGHT(n)       \
  EIGHT((n) + 8) \
  EIGHT((n) + 16) EIGHT((n) + 24) EIGHT((n) + 32) EIGHT((n) + 40) EIGHT((n) + 48) EIGHT((n) + 56)
enum { kAnswers = 64 };

static void note(unsigned kind, unsigned answer) {
  switch (kind * kAnswers + answer % kAnswers) {
    ALL(0)
    ALL(64)
    ALL(128)
    ALL(192)
    ALL(256)
    ALL(320)
    default:
      abort();
  }
}

static void fail(const char* what) {
  fprintf(stderr, "interpreter: %s:%u: not so: %s\n", file, line, what);
  abort();
}

static void expect(bool holds, const char* what) {
  if (!holds) {
    fail(what);
  }
}

static unsigned log_of(size_t number) {
  return number == 0 ? 0 : 64 - (unsigned)__builtin_clzl(number);
}

static unsigned char pattern(size_t at, unsigned seed) {
  return (unsigned char)(at * 31 + (at >> 8) * 7 + seed * 41 + 1);
}

/* Whether a byte is looked at: all of small blocks, both ends and some bytes of large ones. */
static size_t next_place(size_t at, size_t size) {
  if (size <= kWholly || at < kEdge || at >= size - kEdge) {
    return at;
  }
  const size_t step = size / 16;
  const size_t next = (at + step - 1) / step * step;
  return next < size - kEdge ? next : size - kEdge;
}

static void fill(struct slot* slot) {
  for (size_t at = 0; at < slot->size; at = next_place(at + 1, slot->size)) {
    slot->block[at] = pattern(at, slot->seed);
  }
}

static void check_bytes(const struct slot* slot, size_t kept) {
  for (size_t at = 0; at < kept; at = next_place(at + 1, slot->size)) {
    expect(slot->block[at] == pattern(at, slot->seed), "a block keeps its bytes");
  }
}

static void check_zero(const unsigned char* block, size_t size) {
  for (size_t at = 0; at < size; at = next_place(at + 1, size)) {
    expect(block[at] == 0, "calloc gives zero bytes");
  }
}

static void check(const struct slot* slot) {
  if (slot->block != NULL) {
    check_bytes(slot, slot->size);
    expect(malloc_usable_size(slot->block) >= slot->size, "a block is large enough");
  }
}

static void enter(struct slot* slot, void* block, size_t size, size_t alignment) {
  static unsigned next_seed;
  unsigned char* const start = block;
  expect((uintptr_t)start % alignment == 0, "a block is aligned as asked");
  expect((uintptr_t)start % (size < 16 ? 8 : 16) == 0, "a block is aligned as all are");
  for (size_t i = 0; i < kSlots; ++i) {
    const struct slot* const other = &slots[i];
    expect(other == slot || other->block == NULL || start + size <= other->block ||
               other->block + other->size <= start,
           "blocks do not overlap");
    expect(other == slot || other->block != start, "no block is handed out twice");
  }
  *slot = (struct slot){start, size, ++next_seed};
  bytes += size;
  fill(slot);
  note(0, log_of(malloc_usable_size(block) - size));
  note(1, log_of(malloc_usable_size(block)));
  note(2, (unsigned)((uintptr_t)start >> 16)); /* which of the pages that it is cut from */
}

static void leave(struct slot* slot) {
  check(slot);
  bytes -= slot->size;
  slot->block = NULL;
  slot->size = 0;
}

static void* free_block(void* block) {
  free(block);
  return NULL;
}

static void free_elsewhere(void* block) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, free_block, block) != 0) {
    free(block);
    return;
  }
  pthread_join(thread, NULL);
}

/* Takes a number with an optional K, M or G from the text; 0 where there is none. */
static size_t read_number(const char** text) {
  while (**text == ' ') {
    ++*text;
  }
  size_t number = 0;
  for (; **text >= '0' && **text <= '9'; ++*text) {
    number = number * 10 + (size_t)(**text - '0');
  }
  static const char kUnits[] = "KMG";
  const char* const unit = **text == '\0' ? NULL : strchr(kUnits, **text);
  if (unit != NULL) {
    ++*text;
    number <<= 10 * (unit - kUnits + 1);
  }
  return number;
}

static bool takes(const char** text, const char* word) {
  const size_t length = strlen(word);
  if (strncmp(*text, word, length) != 0 || ((*text)[length] != ' ' && (*text)[length] != '\0')) {
    return false;
  }
  *text += length;
  return true;
}

/* Sizes that no machine has must fail; others must not, and stay within a bound together. */
static bool is_impossible(size_t size) { return size > (size_t)1 << 47; }

static bool affordable(size_t size) { return is_impossible(size) || size <= kBytesMax - bytes; }

static bool came(void* block, size_t size) {
  if (block == NULL) {
    expect(is_impossible(size), "an allocation does not fail without need");
    expect(errno == ENOMEM, "a failure says that memory is short");
  }
  return block != NULL;
}

static void resize(struct slot* slot, size_t size) {
  check(slot);
  if (slot->block != NULL && size == 0) {
    return; /* what this means differs from library to library */
  }
  const struct slot old = *slot;
  unsigned char* const block = realloc(slot->block, size);
  if (!came(block, size)) {
    return check(slot);
  }
  const size_t kept = old.size < size ? old.size : size;
  note(3, log_of(size) * 2 + (block == old.block ? 1 : 0));
  check_bytes(&(struct slot){block, old.size, old.seed}, kept);
  bytes -= old.size;
  slot->block = NULL;
  enter(slot, block, size, 1);
}

static void run_line(const char* text) {
  const char* at = text;
  const bool is_malloc = takes(&at, "malloc");
  const bool is_calloc = !is_malloc && takes(&at, "calloc");
  if (is_malloc || is_calloc) {
    struct slot* const slot = &slots[read_number(&at) % kSlots];
    const size_t count = is_calloc ? read_number(&at) : 1;
    const size_t each = read_number(&at);
    size_t size = 0;
    if (__builtin_mul_overflow(count, each, &size)) {
      size = SIZE_MAX;
    }
    if (slot->block != NULL || !affordable(size)) {
      return;
    }
    void* const block = is_calloc ? calloc(count, each) : malloc(size);
    note(4, log_of(size) * 2 + (is_calloc ? 1 : 0));
    if (came(block, size)) {
      if (is_calloc) {
        check_zero(block, size);
      }
      enter(slot, block, size, 1);
    }
  } else if (takes(&at, "memalign")) {
    struct slot* const slot = &slots[read_number(&at) % kSlots];
    const size_t alignment = (size_t)1 << read_number(&at) % 23;
    const size_t size = read_number(&at);
    if (slot->block != NULL || !affordable(size)) {
      return;
    }
    void* const block = memalign(alignment, size);
    note(5, log_of(size) / 4 * 8 + log_of(alignment) / 3);
    if (came(block, size)) {
      enter(slot, block, size, alignment);
    }
  } else if (takes(&at, "realloc")) {
    struct slot* const slot = &slots[read_number(&at) % kSlots];
    const size_t size = read_number(&at);
    if (is_impossible(size) || size <= slot->size || affordable(size - slot->size)) {
      resize(slot, size);
    }
  } else if (takes(&at, "free")) {
    struct slot* const slot = &slots[read_number(&at) % kSlots];
    void* const block = slot->block;
    leave(slot);
    free(block);
  } else if (takes(&at, "free_elsewhere")) {
    struct slot* const slot = &slots[read_number(&at) % kSlots];
    void* const block = slot->block;
    leave(slot);
    free_elsewhere(block);
  } else if (takes(&at, "check")) {
    for (size_t i = 0; i < kSlots; ++i) {
      check(&slots[i]);
    }
  } else if (takes(&at, "trim")) {
    malloc_trim(0);
  }
}

static void run(FILE* input) {
  static char text[kTextMax + 1];
  text[fread(text, 1, kTextMax, input)] = '\0';
  line = 0;
  for (char* at = text; at != NULL;) {
    char* const end = strchr(at, '\n');
    if (end != NULL) {
      *end = '\0';
    }
    ++line;
    run_line(at);
    at = end == NULL ? NULL : end + 1;
  }
  for (size_t i = 0; i < kSlots; ++i) {
    void* const block = slots[i].block;
    leave(&slots[i]);
    free(block);
  }
}

int main(int count, char** arguments) {
  if (count < 2) {
    run(stdin);
  }
  for (int i = 1; i < count; ++i) {
    file = arguments[i];
    FILE* const input = fopen(file, "r");
    if (input == NULL) {
      fprintf(stderr, "interpreter: %s: %s\n", file, strerror(errno));
      return 2;
    }
    run(input);
    fclose(input);
  }
  return 0;
}
