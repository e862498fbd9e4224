// A system for the arena's tests: real anonymous memory, but any call can be made to fail, every
// call is counted, and OS pages and addresses can be those of other machines: whole pages of that
// size are demanded then. Its state is that of the process: a FakeOsTest starts from a clean one.
#ifndef ASHLAR_TEST_FAKE_OS_H
#define ASHLAR_TEST_FAKE_OS_H

#include <errno.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/units.h"
#include "os/linux.h"
#include "os/memory.h"

namespace ashlar {

struct FakeOs {
  struct State {
    std::size_t page_size = Linux::page_size();
    std::uintptr_t addresses_end = 0;  // all memory lies below, whatever the hint; 0: where it may
    std::uintptr_t next_address = 64 * kGiB;
    bool beyond_map = false;  // addresses of 50 bits, that nobody may touch
    bool overcommits = true;
    std::uint64_t fail_at = 0;  // the N-th call from now on fails; 0: none
    bool fail_onwards = false;  // and all after it
    bool purge_fails = false;
    bool commit_fails = false;
    bool reserve_fails = false;
    std::size_t reserve_max = std::numeric_limits<std::size_t>::max();  // larger ones fail
    std::atomic<std::uint64_t> calls{0};
    std::atomic<std::uint64_t> reserves{0};
    std::atomic<std::uint64_t> commits{0};
    std::atomic<std::uint64_t> purges{0};  // calls, of one piece or more
    std::atomic<std::uint64_t> pieces{0};  // of them
    std::uint64_t purge_fails_at = 0;      // the piece of that number fails; 0: none
    std::atomic<std::uint64_t> resets{0};
    std::atomic<std::uint64_t> large_reserves{0};
    // Held now. No container that allocates: calls come with an arena lock held.
    struct Mapping {
      void* start = nullptr;
      std::size_t size = 0;
    };
    std::array<Mapping, 256> mappings;
    std::size_t mapping_count() const {
      std::size_t count = 0;
      for (const Mapping& mapping : mappings) {
        count += mapping.start != nullptr ? 1 : 0;
      }
      return count;
    }
    void replace(void* start, Mapping by) {
      for (Mapping& mapping : mappings) {
        if (mapping.start == start) {
          mapping = by;
          return;
        }
      }
    }
    // All that lies in a range: huge pages are mapped one by one and given back together.
    void forget(const void* start, std::size_t size) {
      for (Mapping& mapping : mappings) {
        if (address_of(mapping.start) - address_of(start) < size) {
          mapping = {};
        }
      }
    }
    std::size_t failed_releases = 0;  // each leaves a mapping that nobody can help
    void* last_hint = nullptr;
    Access last_access = Access::kNone;
    bool makes_huge_pages = false;
    bool has_large_pages = false;
    std::size_t huge_pages = 0;  // how many there still are
    std::uint64_t ms_per_huge_page = 0;
    std::uint64_t clock_ms = 1000;
    int last_huge_node = -2;
    int last_bound_node = -2;
    std::size_t huge_wanted = 0;  // bytes that were advised so
    std::size_t huge_unwanted = 0;
  };
  static inline State* state = nullptr;

  static bool fails() {
    const std::uint64_t call = state->calls.fetch_add(1, std::memory_order_relaxed) + 1;
    return state->fail_at != 0 &&
           (call == state->fail_at || (call > state->fail_at && state->fail_onwards));
  }

  static std::size_t page_size() { return state->page_size; }
  static void expect_whole_pages(const void* start, std::size_t size, const char* call) {
    EXPECT_EQ(address_of(start) % page_size(), 0u) << call;
    EXPECT_EQ(size % page_size(), 0u) << call;
  }
  static void* map(void* hint, std::size_t size, std::size_t at_multiple_of, Access access) {
    const std::size_t alignment =
        at_multiple_of < state->page_size ? state->page_size : at_multiple_of;
    if (state->beyond_map) {
      return reinterpret_cast<void*>(std::uintptr_t{1} << 50);
    }
    if (state->addresses_end == 0) {
      return Linux::reserve(hint, size, alignment, access);
    }
    void* const below = reinterpret_cast<void*>(align_up(state->next_address, kArenaAlignment));
    void* const start = Linux::reserve(below, size, alignment, access);
    if (start != nullptr && address_of(start) + size > state->addresses_end) {
      Linux::release(start, size);
      return nullptr;
    }
    state->next_address = address_of(start) + size;
    return start;
  }
  static bool overcommits() { return state->overcommits; }
  static void* reserve(void* hint, std::size_t size, std::size_t alignment, Access access) {
    state->reserves.fetch_add(1, std::memory_order_relaxed);
    state->last_hint = hint;
    state->last_access = access;
    if (fails() || state->reserve_fails || size > state->reserve_max) {
      return nullptr;
    }
    expect_whole_pages(nullptr, size, "reserve");
    void* const start = map(hint, size, alignment, access);
    if (start != nullptr) {
      state->replace(nullptr, {start, size});
    }
    return start;
  }
  static bool release(void* start, std::size_t size) {
    expect_whole_pages(start, size, "release");
    if (fails() || (!state->beyond_map && !Linux::release(start, size))) {
      ++state->failed_releases;
      return false;
    }
    state->forget(start, size);
    return true;
  }
  static bool commit(void* start, std::size_t size) {
    expect_whole_pages(start, size, "commit");
    state->commits.fetch_add(1, std::memory_order_relaxed);
    return !fails() && !state->commit_fails && Linux::commit(start, size);
  }
  static bool populate(void*, std::size_t) { return true; }
  static bool purge(void* start, std::size_t size) {
    const MemoryPiece piece{start, size};
    return purge_pieces(&piece, 1) != 0;
  }
  static std::uint64_t purge_pieces(const MemoryPiece* pieces, std::uint32_t count) {
    EXPECT_LE(count, kPiecesMax);
    state->purges.fetch_add(1, std::memory_order_relaxed);
    const bool failed = fails() || state->purge_fails;
    std::uint64_t purged = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      expect_whole_pages(pieces[i].start, pieces[i].size, "purge");
      const std::uint64_t number = state->pieces.fetch_add(1, std::memory_order_relaxed) + 1;
      if (!failed && number != state->purge_fails_at &&
          Linux::purge(pieces[i].start, pieces[i].size)) {
        purged |= std::uint64_t{1} << i;
      }
    }
    return purged;
  }
  static bool reset(void* start, std::size_t size) {
    expect_whole_pages(start, size, "reset");
    state->resets.fetch_add(1, std::memory_order_relaxed);
    return !fails() && Linux::reset(start, size);
  }
  static bool protect(void* start, std::size_t size, Access access) {
    expect_whole_pages(start, size, "protect");
    return !fails() && Linux::protect(start, size, access);
  }
  static bool remap(void* start, std::size_t old_size, void* target, std::size_t new_size) {
    expect_whole_pages(start, old_size, "remap");
    expect_whole_pages(target, new_size, "remap");
    return !fails() && Linux::remap(start, old_size, target, new_size);
  }
  // Ordinary memory plays the large and huge pages.
  static void* reserve_large(void* hint, std::size_t size, std::size_t alignment) {
    state->large_reserves.fetch_add(1, std::memory_order_relaxed);
    return state->has_large_pages ? reserve(hint, size, alignment, Access::kReadWrite) : nullptr;
  }
  static int map_huge_page(void* at, int numa_node) {
    state->clock_ms += state->ms_per_huge_page;
    state->last_huge_node = numa_node;
    if (fails() || state->huge_pages == 0) {
      return ENOMEM;
    }
    void* const start = Linux::reserve(at, kHugeOsPage, kHugeOsPage, Access::kReadWrite);
    if (start != at) {
      Linux::release(start, kHugeOsPage);
      return EEXIST;
    }
    --state->huge_pages;
    state->replace(nullptr, {start, kHugeOsPage});
    return 0;
  }
  static bool advise_huge_pages(void* start, std::size_t size, HugeAdvice advice) {
    expect_whole_pages(start, size, "advise_huge_pages");
    (advice == HugeAdvice::kWanted ? state->huge_wanted : state->huge_unwanted) += size;
    return !fails();
  }
  static bool makes_huge_pages() { return state->makes_huge_pages; }
  static bool bind_to_node(void*, std::size_t, int numa_node) {
    state->last_bound_node = numa_node;
    return !fails();
  }
};
static_assert(OsMemory<FakeOs>);

// A clean FakeOs as long as it lives; what was not given back by then is given back.
class FakeOsScope {
 public:
  FakeOsScope() : before_(FakeOs::state) { FakeOs::state = &state_; }
  ~FakeOsScope() {
    for (const FakeOs::State::Mapping& mapping : state_.mappings) {
      if (mapping.start != nullptr) {
        Linux::release(mapping.start, mapping.size);
      }
    }
    FakeOs::state = before_;
  }
  FakeOsScope(const FakeOsScope&) = delete;
  FakeOsScope& operator=(const FakeOsScope&) = delete;

 private:
  FakeOs::State state_;
  FakeOs::State* const before_;
};

class FakeOsTest : public testing::Test {
 protected:
  FakeOs::State& os() { return *FakeOs::state; }

 private:
  FakeOsScope scope_;
};

}  // namespace ashlar

#endif  // ASHLAR_TEST_FAKE_OS_H
