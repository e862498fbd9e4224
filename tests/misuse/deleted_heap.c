// Allocates from a heap that was deleted.
#include "misuse.h"

#include <mimalloc.h>

int main(void) {
  mi_heap_t* const heap = mi_heap_new();
  mi_free(mi_heap_malloc(heap, 100));
  mi_heap_delete(heap);
  if (mi_heap_malloc((mi_heap_t*)hidden(heap), 100) != NULL) return 5;
  return still_works();
}
