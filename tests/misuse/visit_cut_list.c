// Writes to a freed block, so that its list ends there, and then visits the heap: the blocks behind
// it are in no list, and look live.
#include <mimalloc.h>

#include "misuse.h"

static bool count(const mi_heap_t* heap, const mi_heap_area_t* area, void* block, size_t size,
                  void* blocks) {
  (void)heap, (void)area, (void)size;
  if (block != NULL) ++*(size_t*)blocks;
  return true;
}

int main(void) {
  mi_heap_t* const heap = mi_heap_new();
  void* const kept = mi_heap_malloc(heap, 64);
  void* const first = mi_heap_malloc(heap, 64);
  void* const second = mi_heap_malloc(heap, 64);
  if (kept == NULL || first == NULL || second == NULL) return 3;
  mi_free(first);
  mi_free(second);
  memset(hidden(second), 0, 8);
  size_t blocks = 0;
  if (!mi_heap_visit_blocks(heap, true, count, &blocks)) return 4;
  return blocks >= 1 ? 0 : 5;
}
