// The C interface to realms.
#include <errno.h>

#include "base/compiler.h"
#include "heap/allocate.h"
#include "heap/realm.h"
#include "mimalloc.h"
#include "support/messages.h"

namespace ashlar {
namespace {

Realm* realm_of_id(mi_subproc_id_t id) { return static_cast<Realm*>(id._mi_subproc_id); }
mi_subproc_id_t id_of_realm(Realm* realm) { return {realm}; }

struct HeapVisitorCall {
  mi_heap_visit_fun* visitor;
  void* arg;
};

bool call_heap_visitor(Heap* heap, void* arg) {
  const auto& call = *static_cast<const HeapVisitorCall*>(arg);
  return call.visitor(reinterpret_cast<mi_heap_t*>(heap), call.arg);
}

void join_or_report(Realm* realm) {
  if (join_realm(realm)) {
    return;
  }
  if (thread_heap != &empty_heap && thread_heap->backing->in_deferred_free) {
    report_error(EINVAL,
                 "mi_subproc_add_current_thread: called from inside of a deferred free; join the "
                 "realm where the thread begins");
  } else {
    fail_out_of_memory(sizeof(ThreadHeap));
  }
}

}  // namespace
}  // namespace ashlar

using ashlar::id_of_realm;
using ashlar::realm_of_id;

extern "C" {

ASHLAR_EXPORT mi_subproc_id_t mi_subproc_main(void) noexcept {
  return id_of_realm(&ashlar::main_realm);
}
ASHLAR_EXPORT mi_subproc_id_t mi_subproc_current(void) noexcept {
  return id_of_realm(ashlar::current_realm());
}
ASHLAR_EXPORT mi_subproc_id_t mi_subproc_new(void) noexcept {
  ashlar::Realm* const realm = ashlar::make_realm();
  return id_of_realm(realm != nullptr ? realm
                                      : static_cast<ashlar::Realm*>(
                                            ashlar::fail_out_of_memory(sizeof(ashlar::Realm))));
}
ASHLAR_EXPORT void mi_subproc_add_current_thread(mi_subproc_id_t subproc) noexcept {
  if (ashlar::Realm* const realm = realm_of_id(subproc)) {
    ashlar::join_or_report(realm);
  }
}
ASHLAR_EXPORT void mi_subproc_delete(mi_subproc_id_t subproc) noexcept {
  if (ashlar::Realm* const realm = realm_of_id(subproc)) {
    ashlar::delete_realm(realm);
  }
}
ASHLAR_EXPORT void mi_subproc_destroy(mi_subproc_id_t subproc) noexcept {
  if (ashlar::Realm* const realm = realm_of_id(subproc)) {
    ashlar::destroy_realm(realm);
  }
}
ASHLAR_EXPORT bool mi_subproc_visit_heaps(mi_subproc_id_t subproc, mi_heap_visit_fun* visitor,
                                          void* arg) noexcept {
  ashlar::HeapVisitorCall call{visitor, arg};
  const ashlar::Realm* const realm = realm_of_id(subproc);
  return realm != nullptr && visitor != nullptr &&
         ashlar::visit_heaps(realm, ashlar::call_heap_visitor, &call);
}

}  // extern "C"
