// The C interface to visits of blocks.
#include "heap/heap.h"
#include "heap/heap_check.h"
#include "heap/realm.h"
#include "mimalloc.h"
#include "observe/heap_walk.h"

namespace ashlar {
namespace {

// A visitor of the program's, and what it hears of.
struct VisitorCall {
  mi_block_visit_fun* visitor;
  void* arg;
  const Heap* heap;
};

bool tell_visitor(const VisitorCall& call, const Heap* heap, const PageView& page, void* block) {
  const mi_heap_area_t area{.blocks = page.start,
                            .reserved = page.reserved,
                            .committed = page.committed,
                            .used = page.live,
                            .block_size = page.usable,
                            .full_block_size = page.block_size,
                            .reserved1 = nullptr};
  return call.visitor(reinterpret_cast<const mi_heap_t*>(heap), &area, block, page.usable,
                      call.arg);
}

bool call_visitor(const PageView& page, void* block, void* arg) {
  const auto& call = *static_cast<const VisitorCall*>(arg);
  return tell_visitor(call, call.heap, page, block);
}

bool call_orphan_visitor(const Heap* heap, const PageView& page, void* block, void* arg) {
  return tell_visitor(*static_cast<const VisitorCall*>(arg), heap, page, block);
}

// Whether there is a heap to visit, and a function to show it to.
bool can_visit(const Heap* heap, mi_block_visit_fun* visitor) {
  return heap != nullptr && visitor != nullptr && check_heap(heap);
}

}  // namespace
}  // namespace ashlar

extern "C" {

ASHLAR_EXPORT bool mi_heap_visit_blocks(const mi_heap_t* heap, bool visit_blocks,
                                        mi_block_visit_fun* visitor, void* arg) noexcept {
  const auto* const visited = reinterpret_cast<const ashlar::Heap*>(heap);
  if (!ashlar::can_visit(visited, visitor)) {
    return false;
  }
  ashlar::VisitorCall call{visitor, arg, visited};
  return ashlar::walk_heap(visited, visit_blocks, ashlar::call_visitor, &call);
}

ASHLAR_EXPORT bool mi_theap_visit_blocks(const mi_theap_t* theap, bool visit_blocks,
                                         mi_block_visit_fun* visitor, void* arg) noexcept {
  if (theap == nullptr || visitor == nullptr) {
    return false;
  }
  const auto* const part = reinterpret_cast<const ashlar::ThreadHeap*>(theap);
  ashlar::VisitorCall call{visitor, arg, part->home};
  return ashlar::walk_thread_heap(part, visit_blocks, ashlar::call_visitor, &call);
}

ASHLAR_EXPORT bool mi_heap_visit_abandoned_blocks(mi_heap_t* heap, bool visit_blocks,
                                                  mi_block_visit_fun* visitor, void* arg) noexcept {
  const auto* const visited = reinterpret_cast<const ashlar::Heap*>(heap);
  if (!ashlar::can_visit(visited, visitor)) {
    return false;
  }
  ashlar::VisitorCall call{visitor, arg, visited};
  return ashlar::walk_orphans(visited->realm, visited, 0, visit_blocks, ashlar::call_orphan_visitor,
                              &call);
}

ASHLAR_EXPORT bool mi_abandoned_visit_blocks(mi_subproc_id_t subproc_id, int heap_tag,
                                             bool visit_blocks, mi_block_visit_fun* visitor,
                                             void* arg) noexcept {
  if (subproc_id._mi_subproc_id == nullptr || visitor == nullptr) {
    return false;
  }
  ashlar::VisitorCall call{visitor, arg, nullptr};
  return ashlar::walk_orphans(static_cast<ashlar::Realm*>(subproc_id._mi_subproc_id), nullptr,
                              heap_tag, visit_blocks, ashlar::call_orphan_visitor, &call);
}

}  // extern "C"
