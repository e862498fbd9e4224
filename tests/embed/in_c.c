// A host in C, linked by the C compiler: the library needs nothing of C++ at link time. Ends with
// 0.
#include <ashlar/embed.h>
#include <string.h>

static ashlar_rt_answer_t page_empty(void* user, void* context, const void* page, size_t bytes,
                                     uint64_t* goal) {
  (void)context;
  (void)page;
  (void)bytes;
  *goal = ++*(uint64_t*)user;
  return ASHLAR_RT_HOLD;
}

static bool goal_reached(void* user, void* context, uint64_t goal, bool scan) {
  (void)user;
  (void)context;
  (void)goal;
  return scan;
}

static bool count(const ashlar_rt_area_t* area, void* block, void* arg) {
  (void)area;
  *(size_t*)arg += block != NULL;
  return true;
}

int main(void) {
  static ashlar_rt_thread_t thread;
  static uint64_t goals;
  const ashlar_rt_ops_t ops = {sizeof ops, page_empty, goal_reached};
  const ashlar_rt_heap_spec_t heap = {3, 16, true};
  ashlar_rt_realm_t* const realm = ashlar_rt_realm_new(&ops, &goals);
  if (realm == NULL ||
      !ashlar_rt_thread_attach(&thread, realm, ashlar_rt_thread_id(), NULL, &heap, 1)) {
    return 1;
  }
  char* const text = ashlar_rt_malloc(ashlar_rt_thread_heap(&thread, 3), 100);
  strcpy(text, "held");
  size_t blocks = 0;
  if (!ashlar_rt_visit(&thread, 1u << 3, true, count, &blocks) || blocks != 1) {
    return 2;
  }
  ashlar_rt_free(text);
  if (goals != 1 || ashlar_rt_collect(&thread, 0) == 0) {
    return 3;
  }
  return ashlar_rt_thread_detach(&thread) && ashlar_rt_realm_destroy(realm, NULL) ? 0 : 4;
}
