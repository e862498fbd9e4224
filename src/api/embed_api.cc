// The C interface for embedding: realms, attached threads and forks.
#include <errno.h>

#include "api/embed_storage.h"
#include "ashlar/embed.h"
#include "base/compiler.h"
#include "heap/attachment.h"
#include "heap/embedding.h"
#include "heap/realm.h"
#include "heap/shortage.h"
#include "os/thread.h"
#include "support/messages.h"

namespace ashlar {

bool check_attached(const Storage* storage, const char* call) {
  if (likely(storage != nullptr && storage->mark == mark_of(storage))) {
    return true;
  }
  if (storage == nullptr || storage->mark == 0) {
    report_error(EINVAL, "%s: the storage at %p is not attached; ashlar_rt_thread_attach does that",
                 call, static_cast<const void*>(storage));
  } else {
    report_error(
        EINVAL,
        "%s: the storage at %p was moved while it was attached, or written to; it has to stay "
        "where it is until ashlar_rt_thread_detach",
        call, static_cast<const void*>(storage));
  }
  errno = EINVAL;
  return false;
}

bool check_realm(const ashlar_rt_realm_t* realm, const char* call) {
  if (likely(is_host_realm(reinterpret_cast<const Realm*>(realm)))) {
    return true;
  }
  report_error(EINVAL,
               "%s: no realm at %p (any more); ashlar_rt_realm_new makes one, and "
               "ashlar_rt_realm_destroy ends it",
               call, static_cast<const void*>(realm));
  errno = EINVAL;
  return false;
}

namespace {

HostAnswer ask_page_empty(const HostOps& ops, void* context, const void* page, std::size_t bytes,
                          std::uint64_t* goal) {
  const auto given = reinterpret_cast<decltype(ashlar_rt_ops_t::page_empty)>(ops.given[0]);
  return given(ops.user, context, page, bytes, goal) == ASHLAR_RT_RELEASE ? HostAnswer::kMayGo
                                                                          : HostAnswer::kHold;
}

bool ask_goal_reached(const HostOps& ops, void* context, std::uint64_t goal, bool scan) {
  const auto given = reinterpret_cast<decltype(ashlar_rt_ops_t::goal_reached)>(ops.given[1]);
  return given(ops.user, context, goal, scan);
}

HostOps host_ops(const ashlar_rt_ops_t* ops, void* user) {
  HostOps host{.user = user};
  if (ops != nullptr && ops->page_empty != nullptr) {
    host.page_empty = ask_page_empty;
    host.given[0] = reinterpret_cast<void (*)()>(ops->page_empty);
  }
  if (ops != nullptr && ops->goal_reached != nullptr) {
    host.goal_reached = ask_goal_reached;
    host.given[1] = reinterpret_cast<void (*)()>(ops->goal_reached);
  }
  return host;
}

// What is wrong with what a thread is to be attached with; nullptr: nothing.
const char* what_is_wrong(const Storage* storage, std::uintptr_t id,
                          const ashlar_rt_heap_spec_t* specs, std::size_t count) {
  if (storage == nullptr || address_of(storage) % ASHLAR_RT_THREAD_ALIGNMENT != 0) {
    return "the storage is NULL, or not aligned to ASHLAR_RT_THREAD_ALIGNMENT";
  }
  if (storage->mark != 0) {
    return "the storage is attached already, or was not zeroed";
  }
  if (id != thread_id()) {
    return "the id is not ashlar_rt_thread_id() of the calling thread";
  }
  if (specs == nullptr || count == 0 || count > kTags) {
    return "there are no heaps, or too many";
  }
  unsigned seen = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const ashlar_rt_heap_spec_t& spec = specs[i];
    if (spec.tag >= kTags || (seen >> spec.tag & 1) != 0) {
      return "a tag is too large, or comes twice";
    }
    if (spec.prefix > ASHLAR_RT_PREFIX_MAX || spec.prefix % sizeof(void*) != 0) {
      return "a prefix is above ASHLAR_RT_PREFIX_MAX, or no multiple of sizeof(void*)";
    }
    seen |= 1U << spec.tag;
  }
  return nullptr;
}

bool refuse_attaching(const char* why) {
  report_error(EINVAL, "ashlar_rt_thread_attach: %s", why);
  errno = EINVAL;
  return false;
}

bool attach_storage(Storage* storage, Realm* realm, void* context,
                    const ashlar_rt_heap_spec_t* given, std::size_t count) {
  HeapSpec specs[kTags];
  for (std::size_t i = 0; i < count; ++i) {
    specs[i] = {.tag = given[i].tag,
                .prefix = static_cast<std::uint8_t>(given[i].prefix),
                .holds = given[i].hold};
  }
  Attachment* attachment = nullptr;
  switch (attach(realm, context, specs, count, &attachment)) {
    case Attached::kYes:
      break;
    case Attached::kNoMemory:
      fail_out_of_memory(sizeof(Attachment));
      return false;
    case Attached::kSpecDiffers:
      return refuse_attaching("the realm has a heap of a tag with another prefix or hold");
  }
  storage->attachment = attachment;
  for (unsigned tag = 0; tag < kTags; ++tag) {
    storage->parts[tag] = attachment->parts[tag];
  }
  storage->mark = mark_of(storage);
  return true;
}

void tell(const Leftovers& left, ashlar_rt_leftovers_t* told) {
  if (told == nullptr || told->size < sizeof *told) {
    return;
  }
  told->pages = left.pages;
  told->blocks = left.blocks;
  told->bytes = left.bytes;
}

}  // namespace
}  // namespace ashlar

using ashlar::storage_of;

extern "C" {

ASHLAR_EXPORT ashlar_rt_realm_t* ashlar_rt_realm_new(const ashlar_rt_ops_t* ops,
                                                     void* user) noexcept {
  if (ops != nullptr && ops->size < sizeof *ops) {
    ashlar::report_error(
        EINVAL, "ashlar_rt_realm_new: ops of %zu bytes, not sizeof(ashlar_rt_ops_t)", ops->size);
    errno = EINVAL;
    return nullptr;
  }
  ashlar::Realm* const realm = ashlar::make_host_realm(ashlar::host_ops(ops, user));
  return static_cast<ashlar_rt_realm_t*>(realm != nullptr
                                             ? static_cast<void*>(realm)
                                             : ashlar::fail_out_of_memory(sizeof(ashlar::Realm)));
}

ASHLAR_EXPORT bool ashlar_rt_realm_destroy(ashlar_rt_realm_t* realm,
                                           ashlar_rt_leftovers_t* leftovers) noexcept {
  if (!ashlar::check_realm(realm, "ashlar_rt_realm_destroy")) {
    return false;
  }
  ashlar::Leftovers left;
  if (!ashlar::end_host_realm(ashlar::realm_of(realm), &left)) {
    ashlar::report_error(EINVAL,
                         "ashlar_rt_realm_destroy: threads are attached to the realm at %p; "
                         "ashlar_rt_thread_detach them first",
                         static_cast<void*>(realm));
    errno = EINVAL;
    return false;
  }
  ashlar::tell(left, leftovers);
  return true;
}

ASHLAR_EXPORT uintptr_t ashlar_rt_thread_id(void) noexcept { return ashlar::thread_id(); }

ASHLAR_EXPORT bool ashlar_rt_thread_attach(ashlar_rt_thread_t* thread, ashlar_rt_realm_t* realm,
                                           uintptr_t id, void* context,
                                           const ashlar_rt_heap_spec_t* heaps,
                                           size_t count) noexcept {
  ashlar::Storage* const storage = storage_of(thread);
  if (const char* const why = ashlar::what_is_wrong(storage, id, heaps, count)) {
    return ashlar::refuse_attaching(why);
  }
  return ashlar::check_realm(realm, "ashlar_rt_thread_attach") &&
         ashlar::attach_storage(storage, ashlar::realm_of(realm), context, heaps, count);
}

ASHLAR_EXPORT ashlar_rt_heap_t* ashlar_rt_thread_heap(const ashlar_rt_thread_t* thread,
                                                      unsigned tag) noexcept {
  const ashlar::Storage* const storage = storage_of(thread);
  if (ashlar::unlikely(storage == nullptr || storage->mark == 0 || tag >= ashlar::kTags)) {
    errno = EINVAL;
    return nullptr;
  }
  if (!ashlar::check_attached(storage, "ashlar_rt_thread_heap")) {
    return nullptr;
  }
  ashlar::ThreadHeap* const part = storage->parts[tag];
  if (part == nullptr) {
    errno = EINVAL;
  }
  return reinterpret_cast<ashlar_rt_heap_t*>(part);
}

ASHLAR_EXPORT bool ashlar_rt_thread_abandon(ashlar_rt_thread_t* thread) noexcept {
  const ashlar::Storage* const storage = storage_of(thread);
  if (!ashlar::check_attached(storage, "ashlar_rt_thread_abandon")) {
    return false;
  }
  ashlar::abandon(storage->attachment);
  return true;
}

ASHLAR_EXPORT bool ashlar_rt_thread_detach(ashlar_rt_thread_t* thread) noexcept {
  ashlar::Storage* const storage = storage_of(thread);
  if (storage != nullptr && storage->mark == 0) {
    return true;
  }
  if (!ashlar::check_attached(storage, "ashlar_rt_thread_detach")) {
    return false;
  }
  ashlar::detach(storage->attachment);
  *storage = {};
  return true;
}

ASHLAR_EXPORT bool ashlar_rt_fork(ashlar_rt_fork_t side) noexcept {
  const bool prepares = side == ASHLAR_RT_FORK_PREPARE;
  if (!prepares && !ashlar::hosts_rest()) {
    ashlar::report_error(
        EINVAL,
        "ashlar_rt_fork: no ASHLAR_RT_FORK_PREPARE came before; what other threads "
        "were doing then may be lost in the child");
    errno = EINVAL;
    return false;
  }
  ashlar::note_hosts_rest(prepares);
  return true;
}

ASHLAR_EXPORT ashlar_rt_fill_t ashlar_rt_fill_bytes(void) noexcept {
  return {.fills = ashlar::kActive.fill_blocks,
          .allocated = ashlar::kFillAllocated,
          .freed = ashlar::kFillFreed,
          .padding = ashlar::kFillPadding};
}

}  // extern "C"
