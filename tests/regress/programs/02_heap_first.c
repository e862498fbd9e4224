/* Row 2: the very first call of a process makes, asks for, or gives up a heap. It comes from
   .preinit_array before any constructor, from main, or from a thread that is not the main one. */
#include <pthread.h>
#include <stdbool.h>

#include "program.h"

typedef struct mi_heap_s mi_heap_t;
extern mi_heap_t* mi_heap_new(void) __attribute__((weak));
extern mi_heap_t* mi_heap_new_ex(int tag, bool allow_destroy, int arena) __attribute__((weak));
extern mi_heap_t* mi_heap_main(void) __attribute__((weak));
extern mi_heap_t* mi_heap_get_default(void) __attribute__((weak));
extern mi_heap_t* mi_heap_get_backing(void) __attribute__((weak));
extern mi_heap_t* mi_heap_of(const void* p) __attribute__((weak));
extern void* mi_heap_malloc(mi_heap_t* heap, size_t size) __attribute__((weak));
extern void mi_heap_delete(mi_heap_t* heap) __attribute__((weak));
extern void mi_heap_destroy(mi_heap_t* heap) __attribute__((weak));

static void use_heap(mi_heap_t* heap) {
  CHECK(heap != NULL);
  for (size_t size = 1; size < 3000000; size = size * 5 + 3) {
    void* const block = mi_heap_malloc(heap, size);
    CHECK(block != NULL && mi_heap_of(block) == heap);
    pattern_fill(block, size, size);
    void* const other = malloc(size);
    CHECK(other != NULL && mi_heap_of(other) == mi_heap_main());
    memset(other, 1, size);
    CHECK(pattern_holds(block, size, size));
    free(block);
    free(other);
  }
}

static void use_and_destroy(mi_heap_t* heap) {
  use_heap(heap);
  mi_heap_destroy(heap);
  free(malloc(100));
}

static void call(const char* what) {
  CHECK(mi_heap_new != NULL && mi_heap_new_ex != NULL && mi_heap_main != NULL);
  CHECK(mi_heap_get_default != NULL && mi_heap_get_backing != NULL && mi_heap_of != NULL);
  CHECK(mi_heap_malloc != NULL && mi_heap_delete != NULL && mi_heap_destroy != NULL);
  if (strcmp(what, "new") == 0) {
    use_and_destroy(mi_heap_new());
  } else if (strcmp(what, "new_ex") == 0) {
    use_and_destroy(mi_heap_new_ex(3, true, 0));
  } else if (strcmp(what, "new_and_delete") == 0) {
    mi_heap_t* const heap = mi_heap_new();
    mi_heap_delete(heap);
    use_and_destroy(mi_heap_new());
  } else if (strcmp(what, "main") == 0) {
    use_heap(mi_heap_main());
  } else if (strcmp(what, "default") == 0) {
    use_heap(mi_heap_get_default());
  } else if (strcmp(what, "backing") == 0) {
    use_heap(mi_heap_get_backing());
  } else if (strcmp(what, "delete_nothing") == 0) {
    mi_heap_delete(NULL);
    mi_heap_destroy(NULL);
    use_and_destroy(mi_heap_new());
  } else if (strcmp(what, "of_nothing") == 0) {
    CHECK(mi_heap_of(NULL) == NULL && mi_heap_of(what) == NULL);
    use_and_destroy(mi_heap_new());
  } else {
    _exit(2);
  }
}

static void* call_in_thread(void* what) {
  call((const char*)what);
  return NULL;
}

/* The argument is PLACE:CALL. */
static void before_everything(int argc, char** argv, char** environment) {
  (void)environment;
  if (argc == 2 && strncmp(argv[1], "earliest:", 9) == 0) call(argv[1] + 9);
}

__attribute__((section(".preinit_array"),
               used)) static void (*const preinit)(int, char**, char**) = before_everything;

int main(int argc, char** argv) {
  static const char* const kPlaces[] = {"earliest", "main", "thread"};
  static const char* const kCalls[] = {"new",     "new_ex",  "new_and_delete", "main",
                                       "default", "backing", "delete_nothing", "of_nothing"};
  if (argc == 2) {
    alarm(kWatchdogSeconds);
    if (strncmp(argv[1], "main:", 5) == 0) call(argv[1] + 5);
    if (strncmp(argv[1], "thread:", 7) == 0) {
      pthread_t thread;
      CHECK(pthread_create(&thread, NULL, call_in_thread, argv[1] + 7) == 0);
      CHECK(pthread_join(thread, NULL) == 0);
    }
    free(malloc(10));
    return 0;
  }
  int failed = 0;
  for (size_t i = 0; i < sizeof kPlaces / sizeof kPlaces[0]; i++) {
    for (size_t j = 0; j < sizeof kCalls / sizeof kCalls[0]; j++) {
      char what[60];
      snprintf(what, sizeof what, "%s:%s", kPlaces[i], kCalls[j]);
      const pid_t child = fork();
      if (child == 0) {
        execl("/proc/self/exe", argv[0], what, (char*)NULL);
        _exit(9);
      }
      int status = 0;
      if (child < 0 || waitpid(child, &status, 0) != child) return 2;
      if (status != 0) {
        dprintf(2, "%s as the first call: status %#x\n", what, (unsigned)status);
        failed = 1;
      }
    }
  }
  return failed;
}
