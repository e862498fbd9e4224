// The C interface to defragmentation: which blocks are worth moving.
#include "arena/page_map.h"
#include "ashlar/defragment.h"
#include "heap/allocate.h"
#include "heap/defragment.h"
#include "heap/heap.h"
#include "mimalloc.h"

extern "C" {

ASHLAR_EXPORT std::size_t ashlar_should_move(void* const* blocks, std::size_t count, bool* move,
                                             std::size_t* bytes) noexcept {
  const std::size_t offers = blocks != nullptr && move != nullptr ? count : 0;
  const ashlar::MoveAdvice advice = ashlar::advise_moves(blocks, offers, move);
  if (bytes != nullptr) {
    *bytes = advice.bytes;
  }
  return advice.blocks;
}

ASHLAR_EXPORT bool mi_unsafe_heap_page_is_under_utilized(mi_heap_t* heap, void* p,
                                                         std::size_t perc_threshold) noexcept {
  const ashlar::Page* const page = ashlar::page_map.find(p);
  const ashlar::Heap* const wanted = ashlar::heap_or_default(reinterpret_cast<ashlar::Heap*>(heap));
  return page != nullptr && ashlar::home_of(page) == wanted && !page->is_huge() &&
         !ashlar::is_allocated_from(page) && ashlar::is_under_utilized(page, perc_threshold);
}

}  // extern "C"
