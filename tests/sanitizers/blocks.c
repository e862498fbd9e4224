// Accesses to blocks that a tool has to report, each as exactly as blocks.expect says.
#include "allocator.h"

static void overflow_read(void) {
  char* p = hidden(take(24));
  memset(p, 1, 24);
  sink = p[24];
  give(p);
}

static void overflow_write(void) {
  char* p = hidden(take(16));
  p[16] = 1;
  give(p);
}

static void overflow_into_padding(void) {
  char* p = hidden(take(13));
  p[13] = 1;
  give(p);
}

static void overflow_of_nothing(void) {
  char* p = hidden(take(0));
  p[0] = 1;
  give(p);
}

static void overflow_of_zeroed(void) {
  char* p = hidden(take_zeroed(100));
  sink = p[100];
  give(p);
}

static void overflow_far(void) {
  char* p = hidden(take(40));
  p[45] = 1;
  give(p);
}

static void underflow(void) {
  char* p = hidden(take(24));
  char* q = hidden(take(24));
  q[-1] = 1;
  give(p);
  give(q);
}

static void overflow_aligned(void) {
  char* p = hidden(take_aligned(100, 256));
  require((uintptr_t)p % 256 == 0, "aligned");
  p[99] = 1;
  sink = p[100];
  give(p);
}

static void underflow_aligned(void) {
  char* p = hidden(take_aligned(100, 4096));
  p[-1] = 1;
  give(p);
}

static void overflow_huge(void) {
  char* p = hidden(take(3000001));
  p[3000000] = 1;
  sink = p[3000001];
  give(p);
}

static void use_after_free(void) {
  char* p = hidden(take(24));
  give(p);
  sink = p[5];
}

// As often as any page has blocks of this size.
static void use_after_free_much_later(void) {
  char* p = hidden(take(4000));
  give(p);
  for (int i = 0; i < 100; ++i) {
    give(hidden(take(4000)));
  }
  p[3999] = 1;
}

static void use_after_free_huge(void) {
  char* p = hidden(take(30000000));
  give(p);
  sink = p[20000000];
}

static void use_after_moving(void) {
  char* p = hidden(take(24));
  char* q = hidden(resize(p, 2000));
  q[1999] = 1;
  sink = p[0];
  give(q);
}

static void overflow_after_growing(void) {
  char* p = hidden(take(24));
  p = hidden(resize(p, 2000));
  sink = p[2000];
  give(p);
}

static void overflow_after_shrinking(void) {
  char* p = hidden(take(24));
  memset(p, 1, 24);
  p = hidden(resize(p, 20));
  sink = p[19];
  sink = p[20];
  give(p);
}

static void free_twice(void) {
  char* p = hidden(take(24));
  give(p);
  give(p);
}

static void free_inside(void) {
  char* p = hidden(take(24));
  give(p + 8);
  give(p);
}

static void resize_freed(void) {
  char* p = hidden(take(24));
  give(p);
  p = hidden(resize(p, 50));
  require(p == NULL, "nothing is resized");
}

static void uninitialised(void) {
  char* p = hidden(take(40));
  if (p[7] == 3) {
    sink = 1;
  }
  give(p);
}

static void uninitialised_after_growing(void) {
  char* p = hidden(take(40));
  memset(p, 1, 40);
  p = hidden(resize(p, 5000));
  if (p[39] == 3) {
    sink = 1;  // no report
  }
  if (p[40] == 3) {
    sink = 1;
  }
  give(p);
}

#ifndef ASHLAR_PLAIN
static void destroyed_heap(void) {
  mi_heap_t* heap = mi_heap_new();
  char* p = hidden(mi_heap_malloc(heap, 77));
  p[76] = 1;
  mi_heap_destroy(heap);
  sink = p[3];
}

static void destroyed_heap_huge(void) {
  mi_heap_t* heap = mi_heap_new();
  char* p = hidden(mi_heap_malloc(heap, 700000));
  mi_heap_destroy(heap);
  p[3] = 1;
}

static void overflow_of_offset(void) {
  char* p = hidden(mi_malloc_aligned_at(100, 64, 8));
  require((uintptr_t)(p + 8) % 64 == 0, "aligned");
  p[100] = 1;
  give(p);
}
#endif

static const struct Case cases[] = {
#ifndef ASHLAR_PLAIN
    {"destroyed_heap", destroyed_heap},
    {"destroyed_heap_huge", destroyed_heap_huge},
    {"overflow_of_offset", overflow_of_offset},
#endif
    {"overflow_read", overflow_read},
    {"overflow_write", overflow_write},
    {"overflow_into_padding", overflow_into_padding},
    {"overflow_of_nothing", overflow_of_nothing},
    {"overflow_of_zeroed", overflow_of_zeroed},
    {"overflow_far", overflow_far},
    {"underflow", underflow},
    {"overflow_aligned", overflow_aligned},
    {"underflow_aligned", underflow_aligned},
    {"overflow_huge", overflow_huge},
    {"use_after_free", use_after_free},
    {"use_after_free_much_later", use_after_free_much_later},
    {"use_after_free_huge", use_after_free_huge},
    {"use_after_moving", use_after_moving},
    {"overflow_after_growing", overflow_after_growing},
    {"overflow_after_shrinking", overflow_after_shrinking},
    {"free_twice", free_twice},
    {"free_inside", free_inside},
    {"resize_freed", resize_freed},
    {"uninitialised", uninitialised},
    {"uninitialised_after_growing", uninitialised_after_growing},
};

int main(int argc, char** argv) {
  return run_cases(cases, sizeof cases / sizeof cases[0], argc, argv);
}
