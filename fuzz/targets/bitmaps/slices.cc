// Claims and releases of runs of slices, and the operations on the other bits of a run.
#include <algorithm>
#include <array>
#include <bit>
#include <memory>

#include "arena/slice_claim.h"
#include "arena/slice_words.h"
#include "bitmaps.h"
#include "support/expect.h"

namespace fuzz {
namespace {

using ashlar::AtomicWord;
using ashlar::SliceClaim;
using ashlar::SliceRun;
using ashlar::SliceWords;

constexpr std::uint32_t kWordsMax = 140;  // three words of the summary

class Slices {
 public:
  explicit Slices(std::uint32_t words)
      : words_(std::make_unique<SliceWords[]>(words)),
        claim_(words_.get(), full_.data(), words),
        used_(std::size_t{words} * 64),
        dirty_(std::size_t{words} * 64) {}

  void run(const Call& call) {
    switch (call.op % 8) {
      case 0:
      case 1:
        return claim({call.count % (call.op % 2 == 0 ? 65u : 300u) + 1}, {1u << call.log % 9});
      case 2:
        return claim_at(run_of(call));
      case 3:
        return claim_free(call);
      case 4:
      case 5:
        return release(call);
      case 6:
        return change_dirty(call);
      default:
        return look_at_runs(call);
    }
  }

  void check() const {
    for (std::uint32_t word = 0; word < claim_.word_count(); ++word) {
      const std::uint64_t bits = words_[word].in_use.load(std::memory_order_relaxed);
      expect(bits == word_of(used_, word), "the slices in use are those that were claimed");
      expect(words_[word].dirty.load(std::memory_order_relaxed) == word_of(dirty_, word),
             "other bits are those that were set");
      const std::uint64_t full = full_[word / 64].load(std::memory_order_relaxed);
      expect((full >> word % 64 & 1) == 0 || bits == ~std::uint64_t{0},
             "only full words are called full");
    }
  }

 private:
  std::uint32_t size() const { return static_cast<std::uint32_t>(used_.size()); }

  SliceRun run_of(const Call& call) const {
    const std::uint32_t first = call.first % size();
    return {{first}, {1 + call.count % std::min(size() - first, 300u)}};
  }

  void claim(ashlar::SliceCount count, ashlar::SliceCount alignment) {
    std::size_t expected = size();
    if (count.value <= 64) {
      expected = find_clear(used_, count.value, alignment.value, true);
    }
    if (expected == size()) {
      expected = find_clear(used_, count.value, alignment.value, false);
    }
    SliceRun claimed{};
    const bool found = claim_.claim(count, alignment, &claimed);
    expect(found == (expected != size()), "a run is found where there is one");
    if (found) {
      expect(claimed.count == count && claimed.first.value == expected,
             "the lowest run is claimed");
      assign(used_, claimed, true);
    }
  }

  void claim_at(SliceRun run) {
    const bool free = is_clear(used_, run);
    expect(claim_.claim_at(run) == free, "a run is claimed where all of it is free");
    if (free) {
      assign(used_, run, true);
    }
  }

  void claim_free(const Call& call) {
    const std::uint32_t word = call.first % claim_.word_count();
    const std::uint64_t mask = std::uint64_t{call.count} * 0x0001'0000'8000'1001u << call.log % 32;
    const std::uint64_t before = word_of(used_, word);
    const std::uint64_t got = claim_.claim_free_of(word, mask);
    expect(got == (mask & ~before), "the free slices of a mask are claimed");
    ashlar::for_each_run(word, got, [&](SliceRun run) { assign(used_, run, true); });
  }

  // Gives back what is in use from a place on.
  void release(const Call& call) {
    SliceRun run{{call.first % size()}, {0}};
    while (run.end().value < size() && used_[run.end().value] &&
           run.count.value < call.count % 400u) {
      ++run.count.value;
    }
    if (run.count.value != 0) {
      claim_.release(run);
      assign(used_, run, false);
    }
  }

  void change_dirty(const Call& call) {
    const SliceRun run = run_of(call);
    const auto first = dirty_.begin() + static_cast<std::ptrdiff_t>(run.first.value);
    const auto before = static_cast<std::uint32_t>(
        std::count(first, first + static_cast<std::ptrdiff_t>(run.count.value), true));
    expect(ashlar::count_run(words_.get(), &SliceWords::dirty, run) == before,
           "the set bits of a run are counted");
    const bool set = call.other % 2 == 0;
    const std::uint32_t were = set ? ashlar::set_run(words_.get(), &SliceWords::dirty, run)
                                   : ashlar::clear_run(words_.get(), &SliceWords::dirty, run);
    expect(were == before, "a change says how many bits were set");
    assign(dirty_, run, set);
  }

  void look_at_runs(const Call& call) const {
    const std::uint32_t word = call.first % claim_.word_count();
    const std::uint32_t least = call.count % 66;
    const std::uint64_t bits = word_of(used_, word);
    std::uint64_t seen = 0;
    std::uint64_t long_ones = 0;
    std::uint32_t end = 0;
    ashlar::for_each_run(word, bits, [&](SliceRun run) {
      expect(run.first.value >= end && run.count.value != 0, "runs come in order, and apart");
      end = run.end().value + 1;
      const std::uint64_t mask = ashlar::low_bits(run.count.value) << run.first.value % 64;
      seen |= mask;
      long_ones |= run.count.value >= least ? mask : 0;
    });
    expect(seen == bits, "the runs of a word are all of its bits");
    expect(ashlar::runs_of_at_least(least, bits) == long_ones, "long runs are kept, others not");
  }

  std::unique_ptr<SliceWords[]> words_;
  std::array<AtomicWord, kWordsMax / 64 + 1> full_{};
  SliceClaim claim_;
  Bits used_;
  Bits dirty_;
};

}  // namespace

void fuzz_slice_claim(FuzzedDataProvider& input) {
  std::uint8_t words = 0;
  input.ConsumeData(&words, 1);
  Slices slices(1u + words % kWordsMax);
  Call call;
  for (unsigned i = 0; input.ConsumeData(&call, sizeof call) == sizeof call; ++i) {
    slices.run(call);
    // Each call says itself whether it did right; a look at all words takes as long as many calls.
    if (i % 8 == 0) {
      slices.check();
    }
  }
  slices.check();
}

}  // namespace fuzz
