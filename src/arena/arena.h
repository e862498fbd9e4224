// An arena: a reserved address range divided in slices, with its metadata in front. It claims,
// commits, releases and purges slices. What lies in the slices is no concern of this file.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

#include "arena/arena_layout.h"
#include "arena/commit_hook.h"
#include "arena/guarded_records.h"
#include "arena/hint_bitmap.h"
#include "arena/purge_batch.h"
#include "arena/slice_claim.h"
#include "arena/slice_words.h"
#include "arena/touched_units.h"
#include "base/integer.h"
#include "base/units.h"
#include "os/memory.h"
#include "policy/layout.h"
#include "support/stats.h"
#include "support/touched.h"

namespace ashlar {

// Whether memory may be purged, and what it holds then: zero where it is private and anonymous;
// anything where the program brought it, since it may be a file, or shared.
enum class Purging : std::uint8_t { kNever, kLeavesUnknown, kLeavesZero };

// Whether the system puts its OS pages together: not, as it does with all memory, or as it was
// asked to.
enum class PutTogether : std::uint8_t { kNone, kAsUsual, kWanted };

// What an arena knows of its memory when it is made.
struct ArenaMemory {
  void* start = nullptr;   // aligned to kArenaAlignment
  std::size_t size = 0;    // bytes, a multiple of kSliceSize
  bool committed = false;  // all of it may be touched
  bool zero = false;       // all of it reads as zero
  Purging purging = Purging::kNever;
  bool exclusive = false;  // serves only who names it
  bool owned = false;      // reserved by us, so that it can be unmapped again
  int numa_node = -1;      // the node that it is of; -1: any
  CommitHook hook{};       // who commits and decommits it in the system's place, if anybody
  PutTogether huge_pages = PutTogether::kNone;
  bool front_ready = false;  // what the metadata takes is committed and zero, whatever the rest is
};

// How free memory is given back.
struct PurgeMeans {
  bool by_reset = false;           // let the system take the pages when it wants to
  std::uint32_t least_slices = 1;  // shorter runs stay; at most a group of slices
};

template <OsMemory Os>
class ArenaSet;

// Owner:       nobody; all members may be called by any thread, except that the slices named
//              must be the caller's where a comment says so
// Shared:      the bitmaps in the metadata, waiting_, refaulted_; the touched units of a slice are
//              written by who holds it, and read by all
// Invariants:  the slices of the metadata and those beyond the end are in use for ever;
//              waiting_ = number of set waiting bits, but for calls in progress;
//              a slice with touched units is dirty
// Life:        made in place at the front of its memory; never destroyed while slices are in use
template <OsMemory Os>
class Arena {
 public:
  // Whether so many bytes hold the metadata of their slices and something besides.
  static bool can_be_made_of(std::size_t size) {
    return size >= front_bytes(size) + kArenaAlignment;
  }

  // The bytes in front that the metadata of an arena of this size takes, and in profiles that guard
  // an OS page behind it.
  static std::size_t front_bytes(std::size_t size) {
    return align_up(ArenaLayout::of(size, sizeof(Arena)).end + record_guard_bytes<Os>(),
                    kSliceSize);
  }

  // Makes an arena of this memory, for a set; nullptr where the memory is too small to hold its own
  // metadata and something besides, or its metadata can't be committed.
  static Arena* create(const ArenaMemory& memory, ArenaSet<Os>* set = nullptr) {
    if (!can_be_made_of(memory.size)) {
      return nullptr;
    }
    const ArenaLayout layout = ArenaLayout::of(memory.size, sizeof(Arena));
    const std::size_t metadata = front_bytes(memory.size);
    if (memory.front_ready) {
      return new (memory.start) Arena(memory, layout, set);
    }
    if (!memory.committed && !Os::commit(memory.start, metadata)) {
      return nullptr;
    }
    // Memory that is not known to be zero must be made so: zero is the empty state of all that
    // the metadata holds.
    if (!memory.zero) {
      __builtin_memset(memory.start, 0, metadata);
    }
    // Nobody may touch the guard; where the system refuses, there is none. Memory of the program's,
    // and large OS pages, are left as they are.
    if (kActive.guard_pages && memory.owned && memory.purging != Purging::kNever) {
      Os::protect(at_offset(memory.start, metadata - Os::page_size()), Os::page_size(),
                  Access::kNone);
    }
    return new (memory.start) Arena(memory, layout, set);
  }

  // Claims slices, committed; false where the arena can't. `headroom` more slices are free behind
  // them at that moment, so that what lies there can grow. Contents: what they are known to hold.
  // `pick`: see SliceClaim::claim.
  bool claim(SliceCount count, SliceCount alignment, SliceCount headroom, SliceRun* run,
             Contents* contents, std::uint64_t pick = 0) {
    if (!claim_.claim({count.value + headroom.value}, alignment, run, pick)) {
      return false;
    }
    if (headroom.value != 0) {
      claim_.release({run->first + count, headroom});
      run->count = count;
    }
    return prepare(*run, contents);
  }

  // Claims exactly the slices behind a run of the caller's, so that it can grow.
  bool claim_at(SliceRun run, Contents* contents) {
    return run.end().value <= layout_.slices && claim_.claim_at(run) && prepare(run, contents);
  }

  // Gives back the caller's slices, of which the first `touched` may have been touched since they
  // were claimed. `rest` says what the others held then; unless they were zero, they may be
  // resident from an earlier use, and have to wait as well.
  void release(SliceRun run, SliceCount touched, Contents rest) {
    const SliceCount resident = rest == Contents::kZero ? touched : run.count;
    if (rest == Contents::kZero) {
      clear_run(words(), &SliceWords::dirty,
                {run.first + touched, {run.count.value - touched.value}});
    }
    if (memory_.purging != Purging::kNever) {
      set_run(words(), &SliceWords::waiting, {run.first, resident});
      // relaxed: a sum that only decides when to purge.
      waiting_.fetch_add(resident.value, std::memory_order_relaxed);
    }
    claim_.release(run);
  }

  // How far slices are touched; as the class says. Who holds them says so.
  std::size_t untouched(SliceRun run, std::size_t bytes) const {
    return touched().missing(run, bytes, Os::page_size());
  }
  void mark_touched(SliceRun run, std::size_t bytes) {
    touched().mark(run, bytes, Os::page_size());
  }
  std::uint8_t units_touched(SliceIndex slice) const { return touched().of(slice); }
  void set_units_touched(SliceIndex slice, std::uint8_t units) { touched().set(slice, units); }

  // A hint is about to be set: the metadata that it writes to.
  void note_hint_touched(std::uint32_t size_class, SliceIndex slice) {
    const std::size_t word = slice.value / kBitsPerWord;
    note_front(layout_.hint_words + (word * kSizeClassCount + size_class) * kWordSize, kWordSize);
  }

  // For reports: bytes touched in slices that wait.
  std::size_t touched_waiting() const {
    std::size_t units = 0;
    for (std::uint32_t word = 0; word < layout_.words; ++word) {
      // relaxed: for display.
      std::uint64_t bits = words()[word].waiting.load(std::memory_order_relaxed);
      for (; bits != 0; bits &= bits - 1) {
        units += units_touched(
            {word * kBitsPerWord + static_cast<std::uint32_t>(std::countr_zero(bits))});
      }
    }
    return units * kTouchedUnit;
  }

  // The arena is about to be unmapped: nothing of it counts any more.
  void forget_touched() {
    touched_bytes.sub(touched().take({{0}, {layout_.slices}}));
    const std::size_t pages = divide_up(layout_.counted, Os::page_size());
    for (std::size_t word = 0; word < divide_up(pages, kBitsPerWord); ++word) {
      // relaxed: nobody uses the arena any more.
      const std::uint64_t bits = counted()[word].exchange(0, std::memory_order_relaxed);
      touched_bytes.sub(static_cast<std::size_t>(std::popcount(bits)) * Os::page_size());
    }
  }

  // Purges free slices that wait for it, from high addresses down, until at least `enough` are
  // done; returns how many. Slices that other threads claim meanwhile are left alone, and so are
  // those the system refuses to purge, and those that lie in a huge OS page with three quarters of
  // it in use: the system would have to take it apart, and everything in it would be slower. Where
  // there is a commit hook this calls foreign code. What goes goes by few calls (PurgeBatch).
  std::uint32_t purge_waiting(std::uint32_t enough, PurgeMeans means = {}) {
    std::uint32_t purged = 0;
    // relaxed: a sum that only decides when to purge.
    if (waiting_.load(std::memory_order_relaxed) == 0) {
      return 0;
    }
    PurgeBatch batch;
    for (std::uint32_t word = layout_.words; word-- > 0;) {
      // relaxed: finds candidates; in_use decides.
      const std::uint64_t waiting = words()[word].waiting.load(std::memory_order_relaxed);
      if (waiting == 0) {
        continue;
      }
      if (purged + batch.slices() >= enough || batch.is_full()) {
        purged += purge_batch(&batch, means);
        if (purged >= enough) {
          break;
        }
      }
      const std::uint64_t candidates =
          runs_of_at_least(means.least_slices, waiting & ~dense_huge_pages(word));
      // While their in_use bits are ours nobody allocates there.
      const std::uint64_t ours = candidates == 0 ? 0 : claim_.claim_free_of(word, candidates);
      batch.begin_group();
      for_each_run(word, ours, [&](SliceRun run) { batch.add(run); });
    }
    return purged + purge_batch(&batch, means);
  }

  // For reports: bytes that wait, and will for as long as huge OS pages are kept whole.
  std::size_t kept_whole() const {
    std::size_t slices = 0;
    for (std::uint32_t word = 0; word < layout_.words; ++word) {
      // relaxed: for display.
      const std::uint64_t waiting = words()[word].waiting.load(std::memory_order_relaxed);
      slices += static_cast<std::size_t>(std::popcount(waiting & dense_huge_pages(word)));
    }
    return slices * kSliceSize;
  }

  // Bytes that are free and may be resident.
  std::size_t waiting_bytes() const {
    // relaxed: a sum that only decides when to purge.
    const std::int64_t waiting = waiting_.load(std::memory_order_relaxed);
    return waiting > 0 ? static_cast<std::size_t>(waiting) * kSliceSize : 0;
  }

  // Calls of the system that made memory accessible, and that gave it back; claims given up
  // half-way; and a new begin.
  std::int64_t commits() const { return commits_.total(); }
  std::int64_t purges() const { return purges_.total(); }
  std::int64_t resets() const { return resets_.total(); }
  std::int64_t undone_claims() const { return claim_.undone(); }
  void restart_stats() {
    commits_.take();
    purges_.take();
    resets_.take();
    claim_.forget_undone();
  }

  // Slices claimed so far that had been purged before: purging them did not pay.
  std::uint64_t refaulted() const {
    // relaxed: a count.
    return refaulted_.load(std::memory_order_relaxed);
  }

  bool contains(const void* pointer) const {
    return address_of(pointer) - address_of(memory_.start) < memory_.size;
  }
  // The set that it belongs to.
  ArenaSet<Os>& set() const { return *set_; }
  void* start() const { return memory_.start; }
  std::size_t size() const { return memory_.size; }
  void* address(SliceIndex slice) const {
    return at_offset(memory_.start, std::size_t{slice.value} * kSliceSize);
  }
  SliceIndex slice_of(const void* pointer) const {
    return {static_cast<std::uint32_t>(bytes_between(memory_.start, pointer) / kSliceSize)};
  }
  SliceIndex first_slice() const { return {metadata_slices_}; }

  // The metadata of the page that starts at a slice.
  void* page_entry(SliceIndex slice) const {
    return at_offset(memory_.start,
                     layout_.page_entries + std::size_t{slice.value} * kPageEntrySize);
  }

  // The orphan pages with room of one size class, as hints.
  HintBitmap orphans(std::uint32_t size_class) const {
    return HintBitmap(at_offset<AtomicWord>(memory_.start, layout_.hint_words) + size_class,
                      kSizeClassCount,
                      at_offset<AtomicWord>(memory_.start, layout_.hint_summary) +
                          std::size_t{size_class} * layout_.summary_words,
                      layout_.words);
  }

  // Calls visit(slice) for every slice that was in use when it was looked at, but for those of the
  // metadata. Others may claim and release meanwhile.
  template <class Visit>
  void for_each_in_use(Visit visit) const {
    for (std::uint32_t word = 0; word < layout_.words; ++word) {
      // acquire: what the holder of a slice wrote before it handed anything on is seen.
      std::uint64_t bits = words()[word].in_use.load(std::memory_order_acquire);
      for (; bits != 0; bits &= bits - 1) {
        const SliceIndex slice{word * kBitsPerWord +
                               static_cast<std::uint32_t>(std::countr_zero(bits))};
        if (slice.value >= metadata_slices_ && slice.value < layout_.slices) {
          visit(slice);
        }
      }
    }
  }

  // Whether OS pages of a slice in use may be purged one by one: of our own memory only, and not
  // where that takes a huge OS page apart which is of use.
  bool gives_back_parts(SliceIndex slice) const {
    const std::uint64_t bit = std::uint64_t{1} << (slice.value % kBitsPerWord);
    return memory_.purging != Purging::kNever && !memory_.hook &&
           (dense_huge_pages(slice.value / kBitsPerWord) & bit) == 0;
  }

  bool is_exclusive() const { return memory_.exclusive; }
  bool is_owned() const { return memory_.owned; }
  bool is_pinned() const { return memory_.purging == Purging::kNever; }
  bool has_hook() const { return static_cast<bool>(memory_.hook); }
  int numa_node() const { return memory_.numa_node; }
  // Whether all of it was committed from the start, and stays so.
  bool is_committed() const { return memory_.committed; }

  // For tests and reports: how many slices of a run are free / committed / dirty / waiting.
  std::uint32_t count_in_use() const { return count_all(&SliceWords::in_use); }
  std::uint32_t count_waiting() const { return count_all(&SliceWords::waiting); }
  std::uint32_t count_dirty() const { return count_all(&SliceWords::dirty); }
  std::uint32_t count_committed() const { return count_all(&SliceWords::committed); }
  std::uint32_t slice_total() const { return layout_.slices; }

  // For reports: the bits of the 64 slices of a group as they stand, each word by itself.
  std::uint32_t group_count() const { return layout_.words; }
  SliceBits bits_of(std::uint32_t group) const { return read_bits(words()[group]); }

 private:
  Arena(const ArenaMemory& memory, const ArenaLayout& layout, ArenaSet<Os>* set)
      : memory_(as_kept(memory)),
        layout_(layout),
        set_(set),
        metadata_slices_(static_cast<std::uint32_t>(front_bytes(memory.size) / kSliceSize)),
        claim_(words(), at_offset<AtomicWord>(memory.start, layout.full_summary), layout.words) {
    const SliceRun metadata{{0}, {metadata_slices_}};
    claim_.claim_at(metadata);
    const std::uint32_t beyond = layout.words * kBitsPerWord - layout.slices;
    if (beyond != 0) {
      claim_.claim_at({{layout.slices}, {beyond}});
    }
    if (!memory_.committed) {
      set_run(words(), &SliceWords::committed,
              memory.committed ? SliceRun{{0}, {layout_.slices}} : metadata);
    }
    if (!memory.zero) {
      set_run(words(), &SliceWords::dirty, {{0}, {layout.slices}});
    }
    note_front(0, memory.zero ? sizeof(Arena) : layout.counted);
    note_claimed({{0}, {metadata_slices_}}, false);
  }

  // With a hook the bits say what is committed, even where that is all of it now.
  static ArenaMemory as_kept(ArenaMemory memory) {
    memory.committed = memory.committed && !memory.hook;
    return memory;
  }

  // The slices of a group that lie in huge OS pages, as far as such may be here, of which three
  // quarters are in use. A group is two of them.
  std::uint64_t dense_huge_pages(std::uint32_t word) const {
    constexpr std::uint32_t kSlices = kLargeOsPage / kSliceSize;
    constexpr std::uint64_t kPage = (std::uint64_t{1} << kSlices) - 1;
    static_assert(kBitsPerWord % kSlices == 0 && kArenaAlignment % kLargeOsPage == 0);
    if (memory_.huge_pages == PutTogether::kNone ||
        (memory_.huge_pages == PutTogether::kAsUsual && !Os::makes_huge_pages())) {
      return 0;
    }
    // relaxed: a hint; what changes meanwhile is dealt with the next time.
    const std::uint64_t in_use = words()[word].in_use.load(std::memory_order_relaxed);
    std::uint64_t dense = 0;
    for (std::uint64_t page = kPage; page != 0; page <<= kSlices) {
      dense |= std::popcount(in_use & page) * 4 >= static_cast<int>(kSlices) * 3 ? page : 0;
    }
    return dense;
  }

  SliceWords* words() const { return at_offset<SliceWords>(memory_.start, layout_.slice_words); }

  AtomicWord* counted() const { return at_offset<AtomicWord>(memory_.start, layout_.counted); }

  TouchedUnits touched() const {
    return TouchedUnits(at_offset<std::atomic<std::uint8_t>>(memory_.start, layout_.touched));
  }

  // Counts bytes of the metadata that are written.
  void note_front(std::size_t begin, std::size_t size) {
    note_table_touched(counted(), begin, size, Os::page_size());
  }
  // Where all slices are dirty, their bits and units were written before.
  void note_claimed(SliceRun run, bool all_dirty) {
    if (!all_dirty) {
      const std::size_t first = run.first.value / kBitsPerWord;
      const std::size_t end = divide_up(run.end().value, kBitsPerWord);
      note_front(layout_.slice_words + first * sizeof(SliceWords),
                 (end - first) * sizeof(SliceWords));
      note_front(layout_.touched + run.first.value, run.count.value);
    }
    note_front(layout_.page_entries + std::size_t{run.first.value} * kPageEntrySize,
               kPageEntrySize);
  }

  // Makes claimed slices fit for use; gives them back, as they were, where they can't be committed.
  bool prepare(SliceRun run, Contents* contents) {
    if (!memory_.committed && !commit(run)) {
      claim_.release(run);
      return false;
    }
    const std::uint32_t waited = clear_run(words(), &SliceWords::waiting, run);
    if (waited != 0) {
      // relaxed: a sum that only decides when to purge.
      waiting_.fetch_sub(waited, std::memory_order_relaxed);
    }
    const std::uint32_t purged = clear_run(words(), &SliceWords::purged, run);
    if (purged != 0) {
      // relaxed: a count.
      refaulted_.fetch_add(purged, std::memory_order_relaxed);
    }
    const std::uint32_t dirty = set_run(words(), &SliceWords::dirty, run);
    note_claimed(run, dirty == run.count.value);
    *contents = dirty == 0 ? Contents::kZero : Contents::kUnknown;
    return true;
  }

  bool commit(SliceRun run) {
    if (count_run(words(), &SliceWords::committed, run) == run.count.value) {
      return true;
    }
    if (memory_.hook) {
      return commit_by_hook(run);
    }
    const SliceRun wide = widened(run);
    const bool all = Os::commit(address(wide.first), bytes_of(wide));
    if (!all && !Os::commit(address(run.first), bytes_of(run))) {
      return false;
    }
    commits_.add();
    set_run(words(), &SliceWords::committed, run);
    if (all) {
      note_committed_round(wide);
    }
    return true;
  }

  // Commits come in whole units of addresses: each end of what is committed splits a mapping of
  // the system's, which allows a process 65,530 of them. Where that is too much, the run alone.
  static constexpr std::uint32_t kCommitUnit = 16;  // slices: 1 MiB

  SliceRun widened(SliceRun run) const {
    // The metadata is committed, but for its guard.
    const std::uint32_t unit = run.first.value / kCommitUnit * kCommitUnit;
    const std::uint32_t first = unit > metadata_slices_ ? unit : metadata_slices_;
    const std::uint32_t units = (run.end().value - unit + kCommitUnit - 1) / kCommitUnit;
    const std::uint32_t end = unit + units * kCommitUnit;
    return {{first}, {(end < layout_.slices ? end : layout_.slices) - first}};
  }

  // Says so for the free slices among them; who holds one of the others commits it himself.
  void note_committed_round(SliceRun wide) {
    for_each_word(wide, [&](std::uint32_t word, std::uint64_t mask) {
      // relaxed: a hint; while their in_use bits are ours the bits are.
      const std::uint64_t seen = words()[word].committed.load(std::memory_order_relaxed);
      const std::uint64_t ours = claim_.claim_free_of(word, mask & ~seen);
      for_each_run(word, ours, [&](SliceRun part) {
        set_run(words(), &SliceWords::committed, part);
        claim_.release(part);
      });
      return true;
    });
  }

  // What is committed already is left alone. What was done before a call failed stays done.
  bool commit_by_hook(SliceRun run) {
    return for_each_word(run, [&](std::uint32_t word, std::uint64_t mask) {
      // relaxed: the slices are ours.
      const std::uint64_t seen = words()[word].committed.load(std::memory_order_relaxed);
      bool all = true;
      for_each_run(word, mask & ~seen, [&](SliceRun part) {
        Contents contents = Contents::kUnknown;
        all = all && memory_.hook.commit(address(part.first), bytes_of(part), &contents);
        if (all) {
          commits_.add();
          set_run(words(), &SliceWords::committed, part);
          if (contents == Contents::kZero) {
            clear_run(words(), &SliceWords::dirty, part);
          } else {
            set_run(words(), &SliceWords::dirty, part);
          }
        }
      });
      return all;
    });
  }

  // Gives back the pages of claimed slices, which are free again then; returns how many slices that
  // are whose pages went.
  std::uint32_t purge_batch(PurgeBatch* batch, PurgeMeans means) {
    if (batch->count() == 0) {
      return 0;
    }
    const std::uint64_t gone = give_back(*batch, means);
    std::uint32_t purged = 0;
    for (std::uint32_t i = 0; i < batch->count(); ++i) {
      const SliceRun run = (*batch)[i];
      const std::uint32_t waited = clear_run(words(), &SliceWords::waiting, run);
      // relaxed: a sum that only decides when to purge.
      waiting_.fetch_sub(waited, std::memory_order_relaxed);
      purged += (gone >> i & 1) != 0 ? run.count.value : 0;
      claim_.release(run);
    }
    batch->clear();
    return purged;
  }

  // Gives the pages to the system or to the program; bit i: those of run i went.
  std::uint64_t give_back(const PurgeBatch& batch, PurgeMeans means) {
    if (memory_.hook || means.by_reset) {
      std::uint64_t gone = 0;
      for (std::uint32_t i = 0; i < batch.count(); ++i) {
        // Nobody can tell when the system takes what is reset, so what it holds stays unknown.
        if (memory_.hook ? decommit(batch[i])
                         : Os::reset(address(batch[i].first), bytes_of(batch[i]))) {
          (memory_.hook ? purges_ : resets_).add();
          gone |= std::uint64_t{1} << i;
        }
      }
      return gone;
    }
    MemoryPiece pieces[PurgeBatch::kRunsMax];
    for (std::uint32_t i = 0; i < batch.count(); ++i) {
      pieces[i] = {address(batch[i].first), bytes_of(batch[i])};
    }
    const std::uint64_t gone = Os::purge_pieces(pieces, batch.count());
    for (std::uint64_t left = gone; left != 0; left &= left - 1) {
      note_purged(batch[static_cast<std::uint32_t>(std::countr_zero(left))]);
    }
    if (gone != 0) {
      purges_.add();
    }
    return gone;
  }

  bool decommit(SliceRun run) {
    if (!memory_.hook.decommit(address(run.first), bytes_of(run))) {
      return false;
    }
    touched_bytes.sub(touched().take(run));
    clear_run(words(), &SliceWords::committed, run);
    clear_run(words(), &SliceWords::dirty, run);
    return true;
  }

  void note_purged(SliceRun run) {
    touched_bytes.sub(touched().take(run));
    if (memory_.purging == Purging::kLeavesZero) {
      clear_run(words(), &SliceWords::dirty, run);
    }
    set_run(words(), &SliceWords::purged, run);
  }

  static std::size_t bytes_of(SliceRun run) { return std::size_t{run.count.value} * kSliceSize; }

  std::uint32_t count_all(AtomicWord SliceWords::* bits) const {
    return count_run(words(), bits, {{0}, {layout_.slices}});
  }

  const ArenaMemory memory_;
  const ArenaLayout layout_;
  ArenaSet<Os>* const set_;
  const std::uint32_t metadata_slices_;
  SliceClaim claim_;
  std::atomic<std::int64_t> waiting_{0};     // slices
  std::atomic<std::uint64_t> refaulted_{0};  // slices
  EventCounter commits_;                     // calls of the system
  EventCounter purges_;
  EventCounter resets_;
};

}  // namespace ashlar
