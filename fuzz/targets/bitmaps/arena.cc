// A whole arena over the unit tests' fake system: what is claimed, what it holds, what waits.
#include <algorithm>
#include <cstring>
#include <vector>

#include "arena_test_support.h"
#include "bitmaps.h"
#include "support/expect.h"

namespace fuzz {
namespace {

using ashlar::Contents;
using ashlar::FakeOs;
using ashlar::SliceRun;
using ashlar::arena_test::TestArena;

struct Held {
  SliceRun run;
  Contents contents;      // when it was claimed
  std::uint32_t dirtied;  // slices from the first on that were written to
};

class ArenaModel {
 public:
  ArenaModel(std::size_t size, bool committed, bool zero)
      : memory_(ashlar::arena_test::fresh_memory(size, committed)) {
    expect(memory_.start != nullptr, "memory for an arena");
    memory_.zero = zero;
    if (!zero && committed) {
      std::memset(memory_.start, 0xa5, ashlar::kSliceSize * 2);
    }
    arena_ = TestArena::create(memory_);
    expect(arena_ != nullptr, "an arena is made");
    used_.assign(arena_->slice_total(), false);
    assign(used_, {{0}, {arena_->first_slice().value}}, true);
    waiting_.assign(arena_->slice_total(), false);
  }

  void run(const Call& call) {
    switch (call.op % 7) {
      case 0:
      case 1:
        return claim({call.count % (call.op % 2 == 0 ? 20u : 200u) + 1}, {1u << call.log % 8},
                     {call.op / 7 % 3 == 2 ? call.other % 70u : 0});
      case 2:
        return claim_at(call);
      case 3:
      case 4:
        return release(call);
      case 5:
        return purge(call);
      default:
        FakeOs::state->calls.store(0, std::memory_order_relaxed);
        FakeOs::state->fail_onwards = call.log % 2 != 0;
        FakeOs::state->fail_at = call.count % 6;
    }
  }

  void check() const {
    expect(arena_->count_in_use() == std::count(used_.begin(), used_.end(), true),
           "as many slices are in use as were claimed");
    const auto waits = static_cast<std::size_t>(std::count(waiting_.begin(), waiting_.end(), true));
    expect(
        arena_->count_waiting() == waits && arena_->waiting_bytes() == waits * ashlar::kSliceSize,
        "what was released waits until it is purged or claimed");
    for (std::uint32_t group = 0; group < arena_->group_count(); ++group) {
      const ashlar::SliceBits bits = arena_->bits_of(group);
      expect((bits.waiting & ~bits.dirty) == 0, "what waits is dirty");
      expect((bits.purged & bits.dirty) == 0, "what was purged is not dirty");
      if (!memory_.committed) {
        const std::uint64_t dirty = memory_.zero ? bits.dirty : 0;
        expect(((dirty | bits.waiting | bits.purged) & ~bits.committed) == 0,
               "what is not committed holds nothing");
      }
    }
  }

 private:
  bool fails() const { return FakeOs::state->fail_at != 0; }

  void enter(SliceRun run, Contents contents) {
    for (std::uint32_t i = run.first.value; i < run.end().value; ++i) {
      expect(!used_[i], "what is claimed was free");
      used_[i] = true;
      waiting_[i] = false;
      auto* const bytes = static_cast<unsigned char*>(arena_->address({i}));
      if (contents == Contents::kZero) {
        expect(bytes[0] == 0 && bytes[ashlar::kSliceSize - 1] == 0, "what is zero reads as zero");
      }
    }
    held_.push_back({run, contents, 0});
  }

  void claim(ashlar::SliceCount count, ashlar::SliceCount alignment, ashlar::SliceCount headroom) {
    SliceRun run{};
    Contents contents = Contents::kUnknown;
    if (arena_->claim(count, alignment, headroom, &run, &contents)) {
      expect(run.count == count && run.first.value % alignment.value == 0,
             "a claim is as it was asked for");
      expect(is_clear(used_, {run.end(), headroom}), "what is behind a claim is free");
      return enter(run, contents);
    }
    expect(fails() || find_clear(used_, count.value + headroom.value, alignment.value, false) ==
                          used_.size(),
           "a claim fails where there is no room");
  }

  void claim_at(const Call& call) {
    const auto total = static_cast<std::uint32_t>(used_.size());
    const SliceRun run{{call.first % total}, {1 + call.count % 100u}};
    Contents contents = Contents::kUnknown;
    if (arena_->claim_at(run, &contents)) {
      return enter(run, contents);
    }
    expect(fails() || !is_clear(used_, run), "a claim of a free run succeeds");
  }

  // Some of what is held is written to, and given back, all of it or its end.
  void release(const Call& call) {
    if (held_.empty()) {
      return;
    }
    const std::size_t which = call.first % held_.size();
    Held held = held_[which];
    const std::uint32_t writes = std::min<std::uint32_t>(held.run.count.value, call.count % 4u * 3);
    for (std::uint32_t i = 0; i < writes; ++i) {
      auto* const bytes = static_cast<unsigned char*>(arena_->address({held.run.first.value + i}));
      bytes[0] = bytes[ashlar::kSliceSize - 1] = 0x5a;
    }
    held.dirtied = std::max(held.dirtied, writes);
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(which));
    const std::uint32_t kept = call.log % 2 == 0 ? 0 : call.other % held.run.count.value;
    const SliceRun run{held.run.first + ashlar::SliceCount{kept}, {held.run.count.value - kept}};
    const std::uint32_t touched = held.dirtied > kept ? held.dirtied - kept : 0;
    const std::uint32_t resident = held.contents == Contents::kZero ? touched : run.count.value;
    arena_->release(run, {touched}, held.contents);
    assign(used_, run, false);
    assign(waiting_, {run.first, {resident}}, true);
    if (kept != 0) {
      held_.push_back({{held.run.first, {kept}}, held.contents, std::min(held.dirtied, kept)});
    }
  }

  // From high addresses down, until there was enough.
  void purge(const Call& call) {
    const auto waits =
        static_cast<std::uint32_t>(std::count(waiting_.begin(), waiting_.end(), true));
    const std::uint32_t enough = call.log % 2 == 0 ? UINT32_MAX : call.count;
    const std::uint32_t purged =
        arena_->purge_waiting(enough, {.by_reset = false, .least_slices = 1u + call.other % 3u});
    expect(purged <= waits, "no more is purged than waits");
    expect(fails() || call.other % 3 != 0 || purged >= std::min(enough, waits),
           "as much is purged as was asked for");
    // Which ones is the arena's choice, and what the system refused waits no longer.
    std::uint32_t left = 0;
    for (std::uint32_t i = 0; i < waiting_.size(); ++i) {
      const bool now = (arena_->bits_of(i / 64).waiting >> i % 64 & 1) != 0;
      expect(!now || waiting_[i], "a purge makes nothing wait");
      waiting_[i] = now;
      left += now ? 1 : 0;
    }
    expect(left + purged <= waits && (fails() || left + purged == waits),
           "what was purged waits no longer");
  }

  ashlar::ArenaMemory memory_;
  TestArena* arena_ = nullptr;
  Bits used_;
  Bits waiting_;
  std::vector<Held> held_;
};

}  // namespace

void fuzz_arena(FuzzedDataProvider& input) {
  const ashlar::FakeOsScope scope;
  std::uint8_t kind = 0;
  input.ConsumeData(&kind, 1);
  ArenaModel model(ashlar::kMiB * (8u << kind % 3), kind / 3 % 2 == 0, kind / 6 % 2 == 0);
  Call call;
  while (input.ConsumeData(&call, sizeof call) == sizeof call) {
    model.run(call);
    model.check();
  }
  FakeOs::state->fail_at = 0;
}

}  // namespace fuzz
