// Objects and their counts. The owner counts in `local`, without atomic read-modify-writes; all
// others in `shared`. An object is freed at once when its last reference goes, although threads
// that read without locks may just have found a pointer to it: what they do to it then is here too.
#include <sched.h>

#include "objects.h"

Object* new_object(Thread* me, const Type* type, size_t size) {
  Object* const object = ashlar_rt_malloc(me->heaps[type->tag], size);
  CHECK(object != NULL);
  me->counts[kMade]++;
  object->type = type;
  // relaxed: none of these is looked at through a stale pointer, or is believed by itself.
  atomic_store_explicit(&object->flags, 0, memory_order_relaxed);
  atomic_store_explicit(&object->local, 1, memory_order_relaxed);
  atomic_store_explicit(&object->owner, me->id, memory_order_relaxed);
  // release: a reader with a stale pointer who takes this new object by mistake knows then that its
  // slot was changed before, and will find that out.
  atomic_store_explicit(&object->shared, kLive, memory_order_release);
  return object;
}

// relaxed throughout: of `local` only one thread writes at a time; where that changes, a lock or
// the end of a thread lies between.
static uint32_t add_local(Object* object, int32_t more) {
  const uint32_t local =
      atomic_load_explicit(&object->local, memory_order_relaxed) + (uint32_t)more;
  atomic_store_explicit(&object->local, local, memory_order_relaxed);
  return local;
}

static bool is_own(const Thread* me, const Object* object) {
  return atomic_load_explicit(&object->owner, memory_order_relaxed) == me->id;
}

int64_t references_of(const Object* object) {
  return (int64_t)atomic_load_explicit(&object->local, memory_order_relaxed) +
         atomic_load_explicit(&object->shared, memory_order_relaxed) / kOne;
}

void take(Thread* me, Object* object) {
  if (is_own(me, object)) {
    add_local(object, 1);
  } else {
    // relaxed: who has a reference keeps the object alive, nothing is learned from the count.
    atomic_fetch_add_explicit(&object->shared, kOne, memory_order_relaxed);
  }
}

// The same by who has none: the object may be freed, and freed memory may be another object by now.
// This is why heaps have prefixes and holds: reading `owner` and swapping `shared` has to be sound
// whatever became of the block.
static bool try_take(Thread* me, Object* object) {
  if (is_own(me, object)) {
    add_local(object, 1);  // alive: nobody else frees what counts references here
    return true;
  }
  int64_t shared = atomic_load_explicit(&object->shared, memory_order_relaxed);
  while (shared != 0 && shared != kLastDropped) {
    // acquire: the slot is looked at again after this, and if the object is a new one in the old
    // one's place then all that happened before it was made is seen.
    if (atomic_compare_exchange_weak_explicit(&object->shared, &shared, shared + kOne,
                                              memory_order_acquire, memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

Object* take_from(Thread* me, _Atomic(Object*)* slot, _Atomic(void*)* place, void* array) {
  for (;;) {
    // seq_cst, as all accesses to slots: a thread that has seen a number finds no pointer in a slot
    // that was taken out before the number was named.
    Object* const object = atomic_load(slot);
    if (object == NULL) return NULL;
    if (++me->reads % 64 == 0) sched_yield();  // so that the race is lost now and then
    if (try_take(me, object)) {
      if (atomic_load(slot) == object && atomic_load(place) == array) {
        me->counts[kTaken]++;
        return object;
      }
      drop(me, object);
    }
    me->counts[kTakenLate]++;
    if (atomic_load(place) != array) return NULL;  // the caller looks for the array again
  }
}

static void destroy(Thread* as, Object* object) {
  if (object->type->clear != NULL) object->type->clear(as, object);
  as->counts[kFreed]++;
  // relaxed: from kLastDropped on nobody takes it; a reader who still sees that learns the same.
  atomic_store_explicit(&object->owner, 0, memory_order_relaxed);
  atomic_store_explicit(&object->local, 0, memory_order_relaxed);
  atomic_store_explicit(&object->shared, 0, memory_order_relaxed);
  ashlar_rt_free(object);
}

static void drop_own(Thread* as, Object* object) {
  if (add_local(object, -1) != 0) return;
  // From here on all references are counted in `shared`.
  atomic_store_explicit(&object->owner, 0, memory_order_relaxed);
  // acq_rel: who destroys the object comes after all that others did with it.
  const int64_t before = atomic_fetch_or_explicit(&object->shared, kMerged, memory_order_acq_rel);
  if (before == kLive) destroy(as, object);
}

// `shared` counts no reference, so the one to be dropped is counted in `local`, and only the owner
// may do that. Where the owner has ended, its count is added to the shared one; nobody can become
// the owner meanwhile, since threads begin under the lock. False: who called tries again.
static bool hand_over(Thread* as, Object* object) {
  Interpreter* const interpreter = as->interpreter;
  bool handed_over = false;
  CHECK(pthread_mutex_lock(&interpreter->lock) == 0);
  const uintptr_t owner = atomic_load_explicit(&object->owner, memory_order_relaxed);
  Thread* to = NULL;
  for (size_t i = 0; owner != 0 && i < kThreadsMax && to == NULL; i++) {
    if (interpreter->threads[i].id == owner) to = &interpreter->threads[i];
  }
  if (to != NULL) {
    add_pointer(&to->handed_over, object);
    atomic_store_explicit(&to->has_handed_over, true, memory_order_relaxed);  // the lock orders it
    as->counts[kHandedOver]++;
    handed_over = true;
  } else if (owner != 0) {
    const int64_t local = atomic_load_explicit(&object->local, memory_order_relaxed);
    atomic_store_explicit(&object->local, 0, memory_order_relaxed);
    atomic_store_explicit(&object->owner, 0, memory_order_relaxed);
    // acq_rel: as in drop_own.
    atomic_fetch_add_explicit(&object->shared, local * kOne + kMerged, memory_order_acq_rel);
  }
  CHECK(pthread_mutex_unlock(&interpreter->lock) == 0);
  return handed_over;
}

void drop(Thread* as, Object* object) {
  if (is_own(as, object)) {
    drop_own(as, object);
    return;
  }
  int64_t shared = atomic_load_explicit(&object->shared, memory_order_relaxed);
  for (;;) {
    if (shared / kOne == 0) {
      if (hand_over(as, object)) return;
      shared = atomic_load_explicit(&object->shared, memory_order_relaxed);
      // acq_rel: what this thread did with the object comes before its end, which may be here.
    } else if (atomic_compare_exchange_weak_explicit(&object->shared, &shared, shared - kOne,
                                                     memory_order_acq_rel, memory_order_relaxed)) {
      if (shared - kOne == kLastDropped) destroy(as, object);
      return;
    }
  }
}

void drop_handed_over(Thread* as) {
  while (atomic_load_explicit(&as->has_handed_over, memory_order_relaxed)) {
    CHECK(pthread_mutex_lock(&as->interpreter->lock) == 0);
    const Pointers objects = as->handed_over;
    as->handed_over = (Pointers){0};
    atomic_store_explicit(&as->has_handed_over, false, memory_order_relaxed);
    CHECK(pthread_mutex_unlock(&as->interpreter->lock) == 0);
    for (size_t i = 0; i < objects.count; i++) drop(as, objects.at[i]);
    ashlar_rt_raw_free(objects.at);
  }
}

void lock_object(Object* object) {
  // acquire, and release below: as locks have it.
  while ((atomic_fetch_or_explicit(&object->flags, kLocked, memory_order_acquire) & kLocked) != 0) {
    sched_yield();
  }
}

void unlock_object(Object* object) {
  atomic_fetch_and_explicit(&object->flags, ~(uint32_t)kLocked, memory_order_release);
}
