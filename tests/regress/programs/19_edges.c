/* Row 19: realloc(NULL, 0), realloc(p, 0), requests beyond PTRDIFF_MAX and products that overflow,
   through the standard's names. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Walloc-size-larger-than="
#pragma GCC diagnostic ignored "-Wuse-after-free"
#endif

static int failed;

static void check(int good, const char* what) {
  if (good) return;
  fprintf(stderr, "wrong: %s\n", what);
  failed = 1;
}

static void check_refused(void* p, const char* what) {
  if (p == NULL && errno == ENOMEM) {
    errno = 0;
    return;
  }
  fprintf(stderr, "wrong: %s gave %p, errno %d\n", what, p, errno);
  errno = 0;
  failed = 1;
}

int main(void) {
  volatile size_t zero = 0;
  void* const a = realloc(NULL, zero);
  void* const b = malloc(zero);
  void* const c = calloc(zero, 5);
  check(a != NULL && b != NULL && c != NULL, "blocks of no bytes exist");
  check(a != b && b != c && a != c, "blocks of no bytes differ");

  for (size_t size = 1; size < 5000000; size = size * 5 + 3) {
    void* const old = malloc(size);
    void* const p = realloc(old, zero);
    check(p != NULL, "realloc(p, 0) gives a live block");
    void* const other = malloc(1);
    check(other != p, "the block of realloc(p, 0) is not given to another");
    free(other);
    free(p);
  }

  errno = 0;
  const size_t half = (size_t)PTRDIFF_MAX + 1 + zero;
  check_refused(malloc(half), "malloc(PTRDIFF_MAX + 1)");
  check_refused(malloc(SIZE_MAX - zero), "malloc(SIZE_MAX)");
  check_refused(calloc(half, 1), "calloc(PTRDIFF_MAX + 1, 1)");
  check_refused(calloc(SIZE_MAX / 16 + 2 + zero, 16), "calloc with a product that wraps to 16");
  check_refused(calloc((size_t)1 << 33, (size_t)1 << 33), "calloc with both factors large");
  check_refused(aligned_alloc(64, half), "aligned_alloc(64, PTRDIFF_MAX + 1)");
  check_refused(memalign(4096, SIZE_MAX - 100 + zero), "memalign near SIZE_MAX");
  check_refused(valloc(SIZE_MAX - zero), "valloc(SIZE_MAX)");
  check_refused(pvalloc(SIZE_MAX - 10 + zero), "pvalloc near SIZE_MAX: rounding up must not wrap");
  check_refused(reallocarray(NULL, SIZE_MAX / 2 + zero, 3), "reallocarray(NULL) that overflows");

  void* untouched = &untouched;
  check(posix_memalign(&untouched, 64, half) == ENOMEM && untouched == &untouched,
        "posix_memalign beyond PTRDIFF_MAX");
  check(posix_memalign(&untouched, 48, 10) == EINVAL && untouched == &untouched,
        "posix_memalign with an alignment that is no power of two");
  check(posix_memalign(&untouched, 2, 10) == EINVAL && untouched == &untouched,
        "posix_memalign with an alignment below a pointer's size");

  char* const kept = malloc(1000);
  memset(kept, 'k', 1000);
  errno = 0;
  check_refused(realloc(kept, half), "realloc(p, PTRDIFF_MAX + 1)");
  check_refused(reallocarray(kept, SIZE_MAX / 16 + 2 + zero, 16), "reallocarray that wraps to 16");
  int same = 1;
  for (int i = 0; i < 1000; i++) same = same && kept[i] == 'k';
  check(same, "a failed realloc leaves the block as it was");
  free(kept);
  free(a);
  free(b);
  free(c);
  return failed;
}
