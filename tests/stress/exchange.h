// A table of shared slots through which blocks wander between threads: one atomic exchange puts a
// block in and gets another out, so that most frees are remote. For the stress programs.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <new>

#include "stress.h"

namespace stress {

// The record that carries a block through the table comes from the allocator under test as well.
inline Block* make_record(const Block& block) {
  void* const memory = mi_malloc(sizeof(Block));
  check_shape(memory, sizeof(Block), natural_alignment(sizeof(Block)));
  return new (memory) Block(block);
}
inline void free_record(Block* record) { mi_free(record); }

// Shared:      all slots, by every thread
// Invariants:  a record is in one slot, or one thread's
template <std::size_t kSlots>
class Exchange {
 public:
  // Puts a record (or nothing) in a slot and returns what was there.
  Block* swap(std::size_t slot, Block* record) {
    // acq_rel: hands our block's content over, and receives that of whoever put the other one.
    return slots_[slot].exchange(record, std::memory_order_acq_rel);
  }

  // Calls visit(record) for all that is there; no other thread is at work.
  template <typename Visit>
  void drain(Visit visit) {
    for (std::size_t slot = 0; slot < kSlots; slot++) {
      if (Block* const record = swap(slot, nullptr)) visit(record);
    }
  }

 private:
  std::array<std::atomic<Block*>, kSlots> slots_{};
};

}  // namespace stress
