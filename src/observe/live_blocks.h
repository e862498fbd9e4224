// Telling live blocks from free ones: a page knows only the free ones, in three lists.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "heap/tuning.h"
#include "page/hollow.h"
#include "page/ownership.h"
#include "page/padding.h"
#include "page/page.h"
#include "policy/layout.h"
#include "support/tracker.h"

namespace ashlar {

// A bit for each block of a page, set where it is live.
class LiveBlocks {
 public:
  // Reads the lists as they stand. A link that leads nowhere ends its list: the page may be in use
  // by another thread against the rules, and nothing must be followed blindly.
  LiveBlocks(const Page* page, RemoteList remote) : page_(page), count_(page->capacity) {
    const QuietScope quiet;
    for (std::uint32_t i = 0; i < page->capacity; ++i) {
      words_[i / kBits] |= std::uint64_t{1} << (i % kBits);
    }
    take_out(page->free);
    take_out(page->local_free);
    take_out(remote.first(page));
    take_out_withdrawn();
    take_out_waiting();
  }

  // Blocks that were freed and wait in the quarantine: their page counts them as used.
  std::uint32_t waiting() const { return waiting_; }

  std::uint32_t count() const { return count_; }

  // Calls visit(block) for each live block; false when it did.
  template <class Visit>
  bool visit_each(Visit visit) const {
    void* const start = page_->start;
    const std::size_t block_size = page_->block_size;
    for (std::size_t word = 0; word < words_.size(); ++word) {
      for (std::uint64_t bits = words_[word]; bits != 0; bits &= bits - 1) {
        const std::size_t index = word * kBits + static_cast<std::size_t>(std::countr_zero(bits));
        if (!visit(at_offset(start, index * block_size))) {
          return false;
        }
      }
    }
    return true;
  }

 private:
  static constexpr std::size_t kBits = 64;
  static constexpr std::size_t kMostBlocks = kSliceSize / kWordSize;

  void take_out(const Block* block) {
    while (block != nullptr && address_of(block) >= address_of(page_->start)) {
      const std::size_t index = bytes_between(page_->start, block) / page_->block_size;
      if (index >= page_->capacity) {
        return;
      }
      if (!clear(index)) {
        return;
      }
      block = PageLinks::next(block, page_->keys);
    }
  }

  void take_out_withdrawn() {
    for (std::uint32_t i = 0; page_->withdrawn != 0 && i < page_->capacity; ++i) {
      if (is_withdrawn(page_, at_offset(page_->start, i * page_->block_size))) {
        clear(i);
      }
    }
  }

  void take_out_waiting() {
    if constexpr (kActive.check_blocks) {
      for (std::uint32_t i = 0; quarantine_is_on() && i < page_->capacity; ++i) {
        const void* const block = at_offset(page_->start, i * page_->block_size);
        if (find_damage(page_, block).damage == Damage::kFreed && clear(i)) {
          ++waiting_;
        }
      }
    }
  }
  static bool quarantine_is_on() { return tuning.quarantine.get() != 0 && !is_watched(); }

  // False where the bit was clear already.
  bool clear(std::size_t index) {
    std::uint64_t& word = words_[index / kBits];
    const std::uint64_t bit = std::uint64_t{1} << (index % kBits);
    const bool was_set = (word & bit) != 0;
    count_ -= was_set ? 1 : 0;
    word &= ~bit;
    return was_set;
  }

  const Page* const page_;
  std::array<std::uint64_t, kMostBlocks / kBits> words_{};
  std::uint32_t count_;
  std::uint32_t waiting_ = 0;
};

}  // namespace ashlar
