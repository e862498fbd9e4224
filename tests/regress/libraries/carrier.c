/* A shared library that carries an allocator of its own, hidden from everybody else: what a plugin
   does that is linked with the static library. It exports only what tests call it by. */
#include <mimalloc.h>
#include <pthread.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

static int errors;
static void count_error(int error, void* unused) {
  (void)error;
  (void)unused;
  __atomic_fetch_add(&errors, 1, __ATOMIC_RELAXED);
}

EXPORTED void* carrier_malloc(size_t size);
EXPORTED void* carrier_realloc(void* p, size_t size);
EXPORTED void carrier_free(void* p);
EXPORTED size_t carrier_usable_size(const void* p);
EXPORTED int carrier_owns(const void* p);
EXPORTED void carrier_collect(void);
EXPORTED void carrier_count_errors(void);
EXPORTED int carrier_errors(void);
EXPORTED int carrier_work(unsigned seed);

void* carrier_malloc(size_t size) { return mi_malloc(size); }
void* carrier_realloc(void* p, size_t size) { return mi_realloc(p, size); }
void carrier_free(void* p) { mi_free(p); }
size_t carrier_usable_size(const void* p) { return mi_usable_size(p); }
int carrier_owns(const void* p) { return mi_is_in_heap_region(p); }
void carrier_collect(void) { mi_collect(true); }

/* From now on errors are counted, and end no program. */
void carrier_count_errors(void) { mi_register_error(count_error, NULL); }
int carrier_errors(void) { return __atomic_load_n(&errors, __ATOMIC_RELAXED); }

/* Realms that are there still when the library is unloaded, so many that their records fill more
   than a slice; in one of them a thread was at work. */
static int leave_realms_behind(void) {
  mi_subproc_id_t realm = mi_subproc_new();
  for (int i = 0; i < 60 && realm._mi_subproc_id != NULL; i++) realm = mi_subproc_new();
  if (realm._mi_subproc_id == NULL) return 0;
  mi_subproc_add_current_thread(realm);
  void* const block = mi_malloc(5000);
  mi_free(block);
  mi_subproc_add_current_thread(mi_subproc_main());
  return block != NULL;
}

/* Allocates blocks of all kinds, checks what is in them, and frees them. 1 if all was well. */
int carrier_work(unsigned seed) {
  enum { kBlocks = 120 };
  unsigned char* blocks[kBlocks];
  size_t sizes[kBlocks];
  int good = 1;
  for (unsigned i = 0; i < kBlocks; i++) {
    sizes[i] = i % 40 == 39 ? 200000u + i : (i * 97u + seed) % 6000u + 1;
    blocks[i] = i % 3 == 0 ? mi_zalloc(sizes[i]) : mi_malloc(sizes[i]);
    if (blocks[i] == NULL) return 0;
    memset(blocks[i], (int)(i + seed), sizes[i]);
  }
  for (unsigned i = 0; i < kBlocks; i++) {
    good = good && blocks[i][0] == (unsigned char)(i + seed);
    good = good && blocks[i][sizes[i] - 1] == (unsigned char)(i + seed);
    mi_free(blocks[i]);
  }
  if (seed % 8 == 0) good = good && leave_realms_behind();
  return good;
}
