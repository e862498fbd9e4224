// The C interface for embedding: held pages, collections, visits and counts.
#include <errno.h>

#include "api/embed_storage.h"
#include "ashlar/embed.h"
#include "base/compiler.h"
#include "heap/attached_allocate.h"
#include "heap/hold.h"
#include "heap/purge_thread.h"
#include "heap/realm.h"
#include "observe/host_walk.h"

namespace ashlar {
namespace {

// The first page from `page` on whose goal stands.
ashlar_rt_held_t* tell_held(Page* page, std::uint64_t* goal, std::size_t* bytes) {
  while (page != nullptr && !is_standing(page)) {
    page = page->next_held;
  }
  if (page != nullptr && goal != nullptr) {
    *goal = page->goal;
  }
  if (page != nullptr && bytes != nullptr) {
    *bytes = block_memory_bytes(page);
  }
  return reinterpret_cast<ashlar_rt_held_t*>(page);
}

Page* behind(const ashlar_rt_held_t* previous, const HeldList& list) {
  return previous == nullptr ? list.first() : reinterpret_cast<const Page*>(previous)->next_held;
}

bool refuse() {
  errno = EINVAL;
  return false;
}

// Copies counts to where the host wants them, as far as it knows of them.
template <class Stats>
bool tell_stats(Stats counted, Stats* told) {
  const std::size_t size = told->size < sizeof counted ? told->size : sizeof counted;
  counted.size = told->size;
  __builtin_memcpy(told, &counted, size);
  return true;
}

// Whether there is room for one number at least.
template <class Stats>
bool can_tell(const Stats* told) {
  return (told != nullptr && told->size >= 2 * sizeof(std::size_t)) || refuse();
}

}  // namespace
}  // namespace ashlar

using ashlar::realm_of;
using ashlar::storage_of;

extern "C" {

ASHLAR_EXPORT ashlar_rt_held_t* ashlar_rt_thread_held_next(const ashlar_rt_thread_t* thread,
                                                           const ashlar_rt_held_t* previous,
                                                           uint64_t* goal, size_t* bytes) noexcept {
  const ashlar::Storage* const storage = storage_of(thread);
  return ashlar::check_attached(storage, "ashlar_rt_thread_held_next")
             ? ashlar::tell_held(ashlar::behind(previous, storage->attachment->held), goal, bytes)
             : nullptr;
}

ASHLAR_EXPORT ashlar_rt_held_t* ashlar_rt_realm_held_next(ashlar_rt_realm_t* realm,
                                                          const ashlar_rt_held_t* previous,
                                                          uint64_t* goal, size_t* bytes) noexcept {
  if (!ashlar::check_realm(realm, "ashlar_rt_realm_held_next")) {
    return nullptr;
  }
  ashlar::LockGuard guard(ashlar::embedding_lock());
  return ashlar::tell_held(ashlar::behind(previous, realm_of(realm)->embedding->held), goal, bytes);
}

ASHLAR_EXPORT size_t ashlar_rt_release_upto(ashlar_rt_thread_t* thread, uint64_t goal) noexcept {
  const ashlar::Storage* const storage = storage_of(thread);
  return ashlar::check_attached(storage, "ashlar_rt_release_upto")
             ? ashlar::release_held_upto(storage->attachment, goal)
             : 0;
}

ASHLAR_EXPORT size_t ashlar_rt_realm_release_upto(ashlar_rt_realm_t* realm,
                                                  uint64_t goal) noexcept {
  return ashlar::check_realm(realm, "ashlar_rt_realm_release_upto")
             ? ashlar::release_whole_realm_upto(realm_of(realm), goal)
             : 0;
}

ASHLAR_EXPORT size_t ashlar_rt_collect(ashlar_rt_thread_t* thread, unsigned flags) noexcept {
  const ashlar::Storage* const storage = storage_of(thread);
  if (!ashlar::check_attached(storage, "ashlar_rt_collect")) {
    return 0;
  }
  ashlar::Realm* const realm = storage->attachment->realm;
  std::size_t bytes = ashlar::collect_attached(storage->attachment);
  if ((flags & ASHLAR_RT_COLLECT_ORPHANS) != 0) {
    bytes += ashlar::collect_host_orphans(realm);
  }
  if ((flags & ASHLAR_RT_COLLECT_PURGE) != 0) {
    ashlar::purge_now(realm);
  }
  return bytes;
}

ASHLAR_EXPORT bool ashlar_rt_visit(const ashlar_rt_thread_t* thread, unsigned tags, bool blocks,
                                   ashlar_rt_visit_fun* fun, void* arg) noexcept {
  const ashlar::Storage* const storage = storage_of(thread);
  if (!ashlar::check_attached(storage, "ashlar_rt_visit")) {
    return false;
  }
  return fun != nullptr ? ashlar::walk_attachment(storage->attachment, tags, blocks, fun, arg)
                        : ashlar::refuse();
}

ASHLAR_EXPORT bool ashlar_rt_visit_orphans(ashlar_rt_realm_t* realm, unsigned tags, bool blocks,
                                           ashlar_rt_visit_fun* fun, void* arg) noexcept {
  if (!ashlar::check_realm(realm, "ashlar_rt_visit_orphans")) {
    return false;
  }
  return fun != nullptr ? ashlar::walk_host_orphans(realm_of(realm), tags, blocks, fun, arg)
                        : ashlar::refuse();
}

ASHLAR_EXPORT bool ashlar_rt_stats(ashlar_rt_realm_t* realm, unsigned tags,
                                   ashlar_rt_stats_t* stats) noexcept {
  return ashlar::check_realm(realm, "ashlar_rt_stats") && ashlar::can_tell(stats) &&
         ashlar::tell_stats(ashlar::count_host_realm(realm_of(realm), tags), stats);
}

ASHLAR_EXPORT bool ashlar_rt_stats_fast(ashlar_rt_realm_t* realm,
                                        ashlar_rt_fast_stats_t* stats) noexcept {
  return ashlar::check_realm(realm, "ashlar_rt_stats_fast") && ashlar::can_tell(stats) &&
         ashlar::tell_stats(ashlar::sum_host_realm(realm_of(realm)), stats);
}

}  // extern "C"
