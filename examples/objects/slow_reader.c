// A reader that takes its time: the rule that a page is held for, step by step. One thread makes
// texts and frees them; another has a pointer to one of them and no reference.
#include <sched.h>

#include "objects.h"

enum { kTexts = 500, kLength = 3000 };  // some pages of a size that nothing else here has

typedef struct {
  Interpreter* interpreter;
  _Atomic int step;
  _Atomic(Object*) slot;
  uintptr_t maker;
} Scene;

static void wait_for_step(Scene* scene, int step) {
  while (atomic_load(&scene->step) < step) sched_yield();
}

static size_t collect(Thread* me) {
  return ashlar_rt_collect(&me->storage, ASHLAR_RT_COLLECT_ORPHANS | ASHLAR_RT_COLLECT_PURGE);
}

static void* make_and_free(void* arg) {
  Scene* const scene = arg;
  Thread* const me = begin_thread(scene->interpreter);
  scene->maker = me->id;
  Object* const list = new_list(me);
  for (size_t i = 0; i < kTexts; i++) {
    Object* const text = new_text(me, kLength, 1);
    list_append(me, list, text);
    if (i == kTexts / 2) atomic_store(&scene->slot, text);
  }
  rest(me);
  atomic_store(&scene->step, 1);

  wait_for_step(scene, 2);  // the reader has the pointer now
  atomic_store(&scene->slot, NULL);
  drop(me, list);
  for (int i = 0; i < 3; i++) {
    rest(me);
    CHECK(collect(me) < kTexts * kLength / 2);  // what has other goals may go
  }
  CHECK(ashlar_rt_thread_held_next(&me->storage, NULL, NULL, NULL) != NULL);
  // What is held serves its own kind at once.
  const uint64_t reused = atomic_load(&me->interpreter->pages_reused);
  for (size_t i = 0; i < kTexts; i++) drop(me, new_text(me, kLength, 2));
  rest(me);
  collect(me);
  CHECK(atomic_load(&me->interpreter->pages_reused) > reused);
  atomic_store(&scene->step, 3);

  wait_for_step(scene, 4);  // and has come to rest
  rest(me);
  const size_t released = collect(me);
  CHECK(released != 0);
  me->counts[kBytesReleased] += released;
  CHECK(ashlar_rt_thread_held_next(&me->storage, NULL, NULL, NULL) == NULL);
  atomic_store(&scene->step, 5);
  end_thread(me);
  return NULL;
}

void show_a_slow_reader(Thread* reader) {
  Scene scene = {.interpreter = reader->interpreter};
  pthread_t maker;
  CHECK(pthread_create(&maker, NULL, make_and_free, &scene) == 0);
  wait_for_step(&scene, 1);
  Object* const object = atomic_load(&scene.slot);
  atomic_store(&scene.step, 2);
  wait_for_step(&scene, 3);

  // Freed, and its page empty: still there, of the same kind and owner, its header as it was left.
  CHECK(ashlar_rt_owner(object) == scene.maker && ashlar_rt_prefix(object) == kPrefix);
  CHECK(atomic_load(&object->owner) != scene.maker && atomic_load(&object->shared) == 0);

  rest(reader);
  atomic_store(&scene.step, 4);
  wait_for_step(&scene, 5);
  CHECK(ashlar_rt_owner(object) == 0 && ashlar_rt_prefix(object) == 0);
  CHECK(pthread_join(maker, NULL) == 0);
}
