/* The public header in plain C11: that it compiles alone, and that its types, numbers and macros
   are what C programs expect. Compiled only, never run. */
#include <mimalloc.h>

#if MI_MALLOC_VERSION != 30403
#error "the version of the interface"
#endif

_Static_assert(MI_SMALL_WSIZE_MAX == 128, "words of a small request");
_Static_assert(MI_SMALL_SIZE_MAX == 128 * sizeof(void*), "bytes of a small request");
_Static_assert(mi_option_show_errors == 0 && mi_option_arena_reserve == 23, "option numbers");
_Static_assert(mi_option_limit_os_alloc == mi_option_disallow_os_alloc, "option aliases");
_Static_assert(_mi_option_last >= 47, "options end here");
_Static_assert(sizeof(mi_option_t) == sizeof(int), "options are passed as int");

struct point {
  double x, y;
};

static void mi_cdecl on_deferred(bool force, unsigned long long heartbeat, void* arg) {
  (void)force, (void)heartbeat, (void)arg;
}
static void mi_cdecl on_output(const char* message, void* arg) { (void)message, (void)arg; }
static void mi_cdecl on_error(int code, void* arg) { (void)code, (void)arg; }
static bool mi_cdecl on_block(const mi_heap_t* heap, const mi_heap_area_t* area, void* block,
                              size_t block_size, void* arg) {
  size_t* const sum = (size_t*)arg;
  *sum += block == NULL ? area->used * area->full_block_size : block_size - area->block_size;
  return heap != NULL && area->blocks != NULL && area->committed <= area->reserved;
}

struct point* use_everything_a_c_program_may_spell(size_t count);

struct point* use_everything_a_c_program_may_spell(size_t count) {
  mi_deferred_free_fun* deferred = on_deferred;
  mi_output_fun* output = on_output;
  mi_error_fun* error = on_error;
  mi_register_deferred_free(deferred, NULL);
  mi_register_output(output, NULL);
  mi_register_error(error, NULL);
  struct point* points = mi_calloc_tp(struct point, count);
  points = mi_recalloc_tp(struct point, points, 2 * count);
  struct point* more = mi_mallocn_tp(struct point, count);
  more = mi_reallocn_tp(struct point, more, 3 * count);
  mi_free(more);
  mi_free(mi_malloc_tp(struct point));
  mi_free(mi_zalloc_tp(struct point));
  const bool shown = mi_option_is_enabled(mi_option_show_errors);
  mi_option_set_enabled(mi_option_show_errors, !shown);
  return points;
}

size_t use_heaps_and_arenas_as_a_c_program_does(void* memory, size_t size);

size_t use_heaps_and_arenas_as_a_c_program_does(void* memory, size_t size) {
  mi_arena_id_t arena = 0;
  if (!mi_manage_os_memory_ex(memory, size, true, false, true, -1, true, &arena) &&
      mi_reserve_os_memory_ex(size, true, false, true, &arena) != 0) {
    return 0;
  }
  mi_heap_t* const heap = mi_heap_new_ex(1, true, arena);
  mi_heap_t* const before = mi_heap_set_default(heap);
  struct point* points = mi_heap_calloc_tp(struct point, heap, 2);
  points = mi_heap_recalloc_tp(struct point, heap, points, 4);
  struct point* more = mi_heap_mallocn_tp(struct point, heap, 2);
  more = mi_heap_reallocn_tp(struct point, heap, more, 3);
  mi_free_size(more, 3 * sizeof *more);
  mi_free(mi_heap_malloc_tp(struct point, heap));
  mi_free(mi_heap_zalloc_tp(struct point, heap));
  size_t sum = 0;
  mi_block_visit_fun* const visitor = on_block;
  const bool all = mi_heap_visit_blocks(heap, true, visitor, &sum);
  mi_heap_set_default(before);
  mi_heap_destroy(heap);
  return all ? sum + mi_arena_min_size() % mi_arena_min_alignment() : 0;
}
