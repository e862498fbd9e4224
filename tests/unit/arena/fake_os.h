// A system for the arena's tests: real anonymous memory, but any call can be made to fail, and
// every call is counted. Its state is that of the process: a FakeOsTest starts from a clean one.
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
    std::atomic<std::uint64_t> purges{0};
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

  static std::size_t page_size() { return Linux::page_size(); }
  static bool overcommits() { return state->overcommits; }
  static void* reserve(void* hint, std::size_t size, std::size_t alignment, Access access) {
    state->reserves.fetch_add(1, std::memory_order_relaxed);
    state->last_hint = hint;
    state->last_access = access;
    if (fails() || state->reserve_fails || size > state->reserve_max) {
      return nullptr;
    }
    void* const start = Linux::reserve(hint, size, alignment, access);
    if (start != nullptr) {
      state->replace(nullptr, {start, size});
    }
    return start;
  }
  static bool release(void* start, std::size_t size) {
    if (fails() || !Linux::release(start, size)) {
      ++state->failed_releases;
      return false;
    }
    state->forget(start, size);
    return true;
  }
  static bool commit(void* start, std::size_t size) {
    state->commits.fetch_add(1, std::memory_order_relaxed);
    return !fails() && !state->commit_fails && Linux::commit(start, size);
  }
  static bool purge(void* start, std::size_t size) {
    state->purges.fetch_add(1, std::memory_order_relaxed);
    return !fails() && !state->purge_fails && Linux::purge(start, size);
  }
  static bool reset(void* start, std::size_t size) {
    state->resets.fetch_add(1, std::memory_order_relaxed);
    return !fails() && Linux::reset(start, size);
  }
  static bool protect(void* start, std::size_t size, Access access) {
    return !fails() && Linux::protect(start, size, access);
  }
  static bool remap(void* start, std::size_t old_size, void* target, std::size_t new_size) {
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
  static bool advise_huge_pages(void*, std::size_t size, HugeAdvice advice) {
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
