// The runs of free slices that a purge gives back together: plain bookkeeping. Claiming them, and
// what is done to them, is the arena's.
#pragma once

#include <cstdint>

#include "arena/slice_words.h"
#include "base/units.h"
#include "os/memory.h"
#include "policy/layout.h"

namespace ashlar {

// Owner:       who purges; on its stack
// Invariants:  count_ <= kRunsMax; slices_ = slices of the runs; no two runs touch, if those of
// each
//              group of slices are added from the lowest, and groups from the highest
// Life:        empty; runs are added, and taken out all at once
class PurgeBatch {
 public:
  // With these it goes: as long as it takes nobody else gets the slices.
  static constexpr std::uint32_t kRunsMax = kPiecesMax;
  static constexpr std::uint32_t kSlicesMax = 1024;  // 64 MiB

  // Whether those of another group may not fit.
  bool is_full() const { return count_ + kBitsPerWord / 2 > kRunsMax || slices_ >= kSlicesMax; }
  std::uint32_t count() const { return count_; }
  std::uint32_t slices() const { return slices_; }
  SliceRun operator[](std::uint32_t i) const { return runs_[i]; }

  // The runs that follow are of a lower group than those before.
  void begin_group() {
    above_ = lowest_;
    lowest_ = kNone;
  }

  // One that reaches up to the group before is joined with its run there.
  void add(SliceRun run) {
    slices_ += run.count.value;
    std::uint32_t at = count_;
    if (above_ != kNone && runs_[above_].first == run.end()) {
      at = above_;
      run.count.value += runs_[at].count.value;
    } else {
      ++count_;
    }
    runs_[at] = run;
    if (run.first.value % kBitsPerWord == 0) {
      lowest_ = at;
    }
  }

  void clear() {
    count_ = 0;
    slices_ = 0;
    above_ = kNone;
    lowest_ = kNone;
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  std::uint32_t count_ = 0;
  std::uint32_t slices_ = 0;
  std::uint32_t above_ = kNone;   // the run that begins where the group before does
  std::uint32_t lowest_ = kNone;  // the same of this group
  SliceRun runs_[kRunsMax];
};

}  // namespace ashlar
