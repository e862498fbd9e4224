// Interpreters, their threads, and grace periods: everything that the runtime owes to Ashlar. An
// interpreter is a realm; each of its threads an attached one; what it answers about pages stands
// in the two ops.
#include <string.h>

#include "objects.h"

void add_pointer(Pointers* pointers, void* pointer) {
  if (pointers->count == pointers->capacity) {
    // Raw memory: it lies in no realm, so that this may be called while an interpreter's memory is
    // walked, under its lock, and by threads of any.
    pointers->capacity = pointers->capacity == 0 ? 64 : 2 * pointers->capacity;
    pointers->at = ashlar_rt_raw_realloc(pointers->at, pointers->capacity * sizeof(void*));
    CHECK(pointers->at != NULL);
  }
  pointers->at[pointers->count++] = pointer;
}

// --- Grace periods ---
//
// A goal is a number of the sequence. It is reached when each thread that runs has seen it, or a
// later one, at a rest: then nobody has a pointer any more that was found before it was named. All
// accesses here are seq_cst, as those to slots: a thread publishes what it has seen before it looks
// at slots, who names a goal has emptied slots before it looks at what threads have seen.

static bool is_before(uint64_t a, uint64_t b) { return (int64_t)(a - b) < 0; }

static uint64_t name_goal(Interpreter* interpreter) {
  return atomic_fetch_add(&interpreter->sequence, 2) + 2;
}

static void look_at_threads(Interpreter* interpreter) {
  uint64_t oldest = atomic_load(&interpreter->sequence);
  for (size_t i = 0; i < kThreadsMax; i++) {
    const uint64_t seen = atomic_load(&interpreter->threads[i].seen);
    if (seen != kAway && is_before(seen, oldest)) oldest = seen;
  }
  uint64_t passed = atomic_load(&interpreter->passed);
  while (is_before(passed, oldest) &&
         !atomic_compare_exchange_weak(&interpreter->passed, &passed, oldest)) {
  }
}

static bool is_reached(Interpreter* interpreter, uint64_t goal, bool scan) {
  if (!is_before(atomic_load(&interpreter->passed), goal)) return true;
  if (!scan) return false;
  look_at_threads(interpreter);
  return !is_before(atomic_load(&interpreter->passed), goal);
}

void free_after_grace(Thread* me, void* array) {
  if (me->waiting_count == me->waiting_capacity) {
    me->waiting_capacity = me->waiting_capacity == 0 ? 64 : 2 * me->waiting_capacity;
    me->waiting = ashlar_rt_raw_realloc(me->waiting, me->waiting_capacity * sizeof *me->waiting);
    CHECK(me->waiting != NULL);
  }
  me->waiting[me->waiting_count++] = (Waiting){array, name_goal(me->interpreter)};
}

static void free_first_waiting(Thread* of, size_t count) {
  for (size_t i = 0; i < count; i++) ashlar_rt_free(of->waiting[i].array);
  of->counts[kArraysWaited] += count;
  of->waiting_count -= count;
  memmove(of->waiting, of->waiting + count, of->waiting_count * sizeof *of->waiting);
}

void free_all_waiting(Thread* of) {
  if (of->waiting_count != 0) free_first_waiting(of, of->waiting_count);
}

static void free_waiting(Thread* me) {
  size_t count = 0;
  while (count < me->waiting_count &&
         is_reached(me->interpreter, me->waiting[count].goal, count == 0)) {
    count++;
  }
  if (count != 0) free_first_waiting(me, count);
}

// --- What Ashlar asks ---
//
// Neither may allocate, free, or wait for another thread: they are asked in the middle of an
// allocation or a free, perhaps under a lock of the library's. So they look at atomics only.

// Only to tell the tale: a page that is asked about again before its goal was reached cannot have
// been released meanwhile, so its blocks were used again.
static void note_held(Interpreter* interpreter, const void* page, uint64_t goal) {
  atomic_fetch_add_explicit(&interpreter->pages_held, 1, memory_order_relaxed);
  for (size_t n = 0, at = (uintptr_t)page >> 16; n < 8; n++, at++) {
    uintptr_t known = 0;
    _Atomic uintptr_t* const key = &interpreter->pages[at % kPagesKnown].page;
    if (atomic_compare_exchange_strong(key, &known, (uintptr_t)page) || known == (uintptr_t)page) {
      const uint64_t before = atomic_exchange(&interpreter->pages[at % kPagesKnown].goal, goal);
      if (known != 0 && !is_reached(interpreter, before, false)) {
        atomic_fetch_add_explicit(&interpreter->pages_reused, 1, memory_order_relaxed);
      }
      return;
    }
  }
}

// The last block of a page was freed. Whoever may have a pointer into it got that before now.
static ashlar_rt_answer_t page_empty(void* user, void* context, const void* page, size_t bytes,
                                     uint64_t* goal) {
  Interpreter* const interpreter = user;
  CHECK(context == NULL || ((Thread*)context)->interpreter == interpreter);  // the owner's
  CHECK(page != NULL && bytes != 0);
  *goal = name_goal(interpreter);
  note_held(interpreter, page, *goal);
  return ASHLAR_RT_HOLD;
}

static bool goal_reached(void* user, void* context, uint64_t goal, bool scan) {
  (void)context;
  Interpreter* const interpreter = user;
  const bool reached = is_reached(interpreter, goal, scan);
  atomic_fetch_add_explicit(reached ? &interpreter->goals_reached : &interpreter->goals_asked, 1,
                            memory_order_relaxed);
  return reached;
}

// --- Threads ---

static void lock_threads(Interpreter* interpreter) {
  CHECK(pthread_mutex_lock(&interpreter->lock) == 0);
}
static void unlock_threads(Interpreter* interpreter) {
  CHECK(pthread_mutex_unlock(&interpreter->lock) == 0);
}
static void wait_for_change(Interpreter* interpreter) {
  CHECK(pthread_cond_wait(&interpreter->changed, &interpreter->lock) == 0);
}

static void start_running(Thread* me) {
  Interpreter* const interpreter = me->interpreter;
  while (atomic_load(&interpreter->stopping)) wait_for_change(interpreter);
  interpreter->running++;
  atomic_store(&me->seen, atomic_load(&interpreter->sequence));
}

static void stop_running(Thread* me) {
  atomic_store(&me->seen, kAway);
  me->interpreter->running--;
  CHECK(pthread_cond_broadcast(&me->interpreter->changed) == 0);
}

void enter(Thread* me) {
  lock_threads(me->interpreter);
  start_running(me);
  unlock_threads(me->interpreter);
}

void leave(Thread* me) {
  lock_threads(me->interpreter);
  stop_running(me);
  unlock_threads(me->interpreter);
}

void rest(Thread* me) {
  Interpreter* const interpreter = me->interpreter;
  atomic_store(&me->seen, atomic_load(&interpreter->sequence));
  if (atomic_load(&interpreter->stopping)) {
    leave(me);
    enter(me);
  }
  drop_handed_over(me);
  if (++me->rests % 256 == 0) free_waiting(me);
  if (me->rests % 8192 == 0) {
    // The library polls goals by itself where it needs memory. A thread that does not allocate any
    // more would keep what it holds: so now and then it says itself how far all have come, or has
    // everything looked through.
    look_at_threads(interpreter);
    me->counts[kBytesReleased] +=
        me->rests % 65536 == 0
            ? ashlar_rt_collect(&me->storage, ASHLAR_RT_COLLECT_ORPHANS | ASHLAR_RT_COLLECT_PURGE)
            : ashlar_rt_release_upto(&me->storage, atomic_load(&interpreter->passed));
  }
}

void stop_world(Thread* me) {
  Interpreter* const interpreter = me->interpreter;
  lock_threads(interpreter);
  while (atomic_load(&interpreter->stopping)) {
    stop_running(me);
    start_running(me);
  }
  atomic_store(&interpreter->stopping, true);
  while (interpreter->running > 1) wait_for_change(interpreter);
  unlock_threads(interpreter);
  // At rest itself: whatever it finds from here on, nobody else changes.
  atomic_store(&me->seen, atomic_load(&interpreter->sequence));
}

void resume_world(Thread* me) {
  Interpreter* const interpreter = me->interpreter;
  lock_threads(interpreter);
  atomic_store(&interpreter->stopping, false);
  CHECK(pthread_cond_broadcast(&interpreter->changed) == 0);
  unlock_threads(interpreter);
}

// The same in all threads: a realm has one idea of each tag.
static const ashlar_rt_heap_spec_t kHeaps[kTagCount] = {
    {kArrays, 0, false}, {kLeaves, kPrefix, true}, {kContainers, kPrefix, true}};

Thread* begin_thread(Interpreter* interpreter) {
  lock_threads(interpreter);
  // Running first: while it is being attached, the world is not stopped. (Waiting for that lets go
  // of the lock: the record is chosen after it.)
  while (atomic_load(&interpreter->stopping)) wait_for_change(interpreter);
  Thread* me = NULL;
  for (size_t i = 0; i < kThreadsMax && me == NULL; i++) {
    if (interpreter->threads[i].id == 0) me = &interpreter->threads[i];
  }
  CHECK(me != NULL);
  me->interpreter = interpreter;
  start_running(me);
  me->id = ashlar_rt_thread_id();
  interpreter->told.threads++;
  unlock_threads(interpreter);
  CHECK(ashlar_rt_thread_attach(&me->storage, interpreter->realm, me->id, me, kHeaps, kTagCount));
  for (unsigned tag = 0; tag < kTagCount; tag++) {
    me->heaps[tag] = ashlar_rt_thread_heap(&me->storage, tag);
    CHECK(me->heaps[tag] != NULL);
  }
  return me;
}

static void free_record(Thread* of) {
  Interpreter* const interpreter = of->interpreter;
  for (size_t i = 0; i < of->waiting_count; i++) {
    add_pointer(&interpreter->orphaned_arrays, of->waiting[i].array);
  }
  ashlar_rt_raw_free(of->waiting);
  of->waiting = NULL;
  of->waiting_count = of->waiting_capacity = 0;
  for (size_t i = 0; i < kCounts; i++) interpreter->counts[i] += of->counts[i];
  memset(of->counts, 0, sizeof of->counts);
  of->rests = of->reads = 0;
  of->id = 0;
}

void end_thread(Thread* me) {
  Interpreter* const interpreter = me->interpreter;
  while (me->depth != 0) drop(me, me->stack[--me->depth]);
  // Its pages are orphans from here on: what lives in them lives on, who is next to need one takes
  // it. What it frees after this is freed as by any other thread.
  CHECK(ashlar_rt_thread_detach(&me->storage));
  lock_threads(interpreter);
  while (me->handed_over.count != 0) {
    unlock_threads(interpreter);
    drop_handed_over(me);
    lock_threads(interpreter);
  }
  stop_running(me);
  free_record(me);
  unlock_threads(interpreter);
}

void forget_thread(Thread* gone) {
  // Whoever does this acts for it: nobody else does any more.
  while (gone->depth != 0) drop(gone, gone->stack[--gone->depth]);
  drop_handed_over(gone);
  CHECK(ashlar_rt_thread_detach(&gone->storage));
  lock_threads(gone->interpreter);
  atomic_store(&gone->seen, kAway);
  free_record(gone);
  unlock_threads(gone->interpreter);
}

void mark_away(Thread* gone) { leave(gone); }

// --- Interpreters ---

void start_interpreter(Interpreter* interpreter) {
  memset(interpreter, 0, sizeof *interpreter);
  atomic_init(&interpreter->sequence, UINT64_MAX - 200);
  atomic_init(&interpreter->passed, UINT64_MAX - 200);
  atomic_init(&interpreter->next_collection, 1 << 20);
  CHECK(pthread_mutex_init(&interpreter->lock, NULL) == 0);
  CHECK(pthread_cond_init(&interpreter->changed, NULL) == 0);
  const ashlar_rt_ops_t ops = {sizeof ops, page_empty, goal_reached};
  interpreter->realm = ashlar_rt_realm_new(&ops, interpreter);
  CHECK(interpreter->realm != NULL);
}

size_t end_interpreter(Interpreter* interpreter) {
  ashlar_rt_leftovers_t left = {.size = sizeof left};
  CHECK(ashlar_rt_realm_destroy(interpreter->realm, &left));
  interpreter->realm = NULL;
  CHECK(pthread_cond_destroy(&interpreter->changed) == 0);
  CHECK(pthread_mutex_destroy(&interpreter->lock) == 0);
  ashlar_rt_raw_free(interpreter->orphaned_arrays.at);
  interpreter->orphaned_arrays = (Pointers){0};
  return left.blocks;
}
