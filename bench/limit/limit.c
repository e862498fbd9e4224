// The limit: what bench/compare holds allocators against, and no allocator for use. It only pops
// and pushes thread-local lists, one a size class, behind a header of 16 bytes; it takes memory
// from the system in one large piece, gives nothing back and checks nothing. A block goes to the
// list of the thread that frees it, and the lists of a thread that ends are lost. Calls cannot take
// less time; programs can, where blocks without headers lie closer together in the caches, or where
// an allocator moves the pages of large blocks instead of copying them.
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define EXPORT __attribute__((visibility("default")))
#define LIKELY(condition) __builtin_expect(!!(condition), 1)

enum {
  kGrain = 16,          // of small sizes, and the alignment of every block
  kSmallClasses = 65,   // 0, 16, 32 ... 1024 bytes
  kSmallMax = 1024,     // beyond, four classes a doubling
  kFirstDoubling = 10,  // 2^10 = kSmallMax
  kLastDoubling = 39,   // beyond what the reservation holds
  kClasses = kSmallClasses + 4 * (kLastDoubling - kFirstDoubling + 1),
  kSpan = 256 * 1024,  // what a thread takes from the reservation at a time
};

// Address space only: the system gives memory where it is touched.
static const size_t kReservation = (size_t)1 << 38;
static const size_t kLargestRequest = (size_t)1 << 38;

// In front of every block. An aligned block has a second header, in front of the address given out.
typedef struct Header {
  size_t class_index;
  size_t offset;  // from the block's own address to the one given out; 0 but for aligned blocks
} Header;

typedef struct Free {
  struct Free* next;
} Free;

static __thread Free* lists[kClasses] __attribute__((tls_model("initial-exec")));
static __thread char* span_next __attribute__((tls_model("initial-exec")));
static __thread char* span_end __attribute__((tls_model("initial-exec")));

static _Atomic(char*) reservation;
static _Atomic(size_t) reserved_used;

static inline size_t class_of(size_t size) {
  if (LIKELY(size <= kSmallMax)) return (size + kGrain - 1) / kGrain;
  const size_t last = size - 1;
  const size_t doubling = 63 - (size_t)__builtin_clzl(last);
  const size_t quarter = (last >> (doubling - 2)) & 3;
  return kSmallClasses + 4 * (doubling - kFirstDoubling) + quarter;
}

// The bytes that a block of a class has for the program. The class of 0 bytes has room for a link.
static inline size_t room_of(size_t class_index) {
  if (class_index < kSmallClasses) return class_index == 0 ? kGrain : class_index * kGrain;
  const size_t large = class_index - kSmallClasses;
  const size_t doubling = kFirstDoubling + large / 4;
  return ((size_t)1 << doubling) + ((large % 4 + 1) << (doubling - 2));
}

static inline Header* header_of(void* block) { return (Header*)block - 1; }

static char* take_from_reservation(size_t size) {
  // acquire, release: who sees the address sees the mapping. Who comes second drops its own.
  char* base = atomic_load_explicit(&reservation, memory_order_acquire);
  if (base == NULL) {
    void* fresh = mmap(NULL, kReservation, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fresh == MAP_FAILED) return NULL;
    if (atomic_compare_exchange_strong_explicit(&reservation, &base, (char*)fresh,
                                                memory_order_acq_rel, memory_order_acquire)) {
      base = (char*)fresh;
    } else {
      munmap(fresh, kReservation);
    }
  }
  // relaxed: each thread writes only to its own part.
  const size_t start = atomic_fetch_add_explicit(&reserved_used, size, memory_order_relaxed);
  return start > kReservation - size ? NULL : base + start;
}

// A block that no list had: its memory was never used, and so is zero.
static __attribute__((noinline)) void* carve(size_t class_index) {
  const size_t size = sizeof(Header) + room_of(class_index);
  char* start = span_next;
  if ((size_t)(span_end - start) >= size) {
    span_next = start + size;
  } else if (size > kSpan / 4) {
    start = take_from_reservation(size);
  } else {
    start = take_from_reservation(kSpan);
    if (start != NULL) {
      span_next = start + size;
      span_end = start + kSpan;
    }
  }
  if (start == NULL) {
    errno = ENOMEM;
    return NULL;
  }
  Header* header = (Header*)start;
  header->class_index = class_index;
  header->offset = 0;
  return header + 1;
}

static inline void* pop(size_t class_index) {
  Free* head = lists[class_index];
  if (head != NULL) lists[class_index] = head->next;
  return head;
}

static inline void* start_of(void* block) { return (char*)block - header_of(block)->offset; }

static void* too_large(void) {
  errno = ENOMEM;
  return NULL;
}

EXPORT void* malloc(size_t size) {
  if (!LIKELY(size <= kLargestRequest)) return too_large();
  const size_t class_index = class_of(size);
  void* block = pop(class_index);
  return LIKELY(block != NULL) ? block : carve(class_index);
}

EXPORT void free(void* block) {
  if (block == NULL) return;
  if (!LIKELY(header_of(block)->offset == 0)) block = start_of(block);
  const size_t class_index = header_of(block)->class_index;
  Free* head = (Free*)block;
  head->next = lists[class_index];
  lists[class_index] = head;
}

EXPORT void* calloc(size_t count, size_t each) {
  size_t size = 0;
  if (__builtin_mul_overflow(count, each, &size) || size > kLargestRequest) return too_large();
  const size_t class_index = class_of(size);
  void* block = pop(class_index);
  return LIKELY(block != NULL) ? memset(block, 0, size) : carve(class_index);
}

EXPORT size_t malloc_usable_size(void* block) {
  if (block == NULL) return 0;
  const size_t room = room_of(header_of(start_of(block))->class_index);
  return room - header_of(block)->offset;
}

EXPORT void* realloc(void* block, size_t size) {
  if (block == NULL) return malloc(size);
  if (size == 0) {
    free(block);
    return NULL;
  }
  const size_t room = malloc_usable_size(block);
  if (size <= room) return block;
  void* moved = malloc(size);
  if (moved == NULL) return NULL;
  memcpy(moved, block, room);
  free(block);
  return moved;
}

EXPORT void* memalign(size_t alignment, size_t size) {
  if (alignment <= kGrain) return malloc(size);
  if (alignment > kLargestRequest || size > kLargestRequest) return too_large();
  char* block = malloc(size + alignment);
  if (block == NULL) return NULL;
  // Blocks lie on multiples of 16: a distance is 0 or has room for the second header.
  const size_t distance = (0 - (uintptr_t)block) & (alignment - 1);
  if (distance == 0) return block;
  header_of(block + distance)->offset = distance;
  return block + distance;
}

EXPORT void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

EXPORT int posix_memalign(void** result, size_t alignment, size_t size) {
  if (alignment % sizeof(void*) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0) {
    return EINVAL;
  }
  const int before = errno;
  void* block = memalign(alignment, size);
  errno = before;
  if (block == NULL) return ENOMEM;
  *result = block;
  return 0;
}

EXPORT void* valloc(size_t size) { return memalign(4096, size); }

EXPORT void* pvalloc(size_t size) { return memalign(4096, (size + 4095) & ~(size_t)4095); }
