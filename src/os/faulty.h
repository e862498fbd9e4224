// A system whose N-th call for memory fails: the wrapper that tests put in front of a real one.
// Not part of the product: only builds with ASHLAR_FAULTS use it, and unit tests.
#pragma once

#include <errno.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "os/memory.h"

namespace ashlar {

// Which call fails. Counted over all threads, from 1; 0 means that none does.
struct FaultPlan {
  std::atomic<std::uint64_t> calls{0};
  std::atomic<std::uint64_t> fail_at{0};
  std::atomic<bool> fail_onwards{false};  // every call from fail_at on, not only that one

  // Counts from now on, and lets the n-th call fail; n = 0: none.
  void start(std::uint64_t n, bool onwards) {
    // relaxed: tests set this before they make the calls, on the same thread.
    fail_at.store(0, std::memory_order_relaxed);
    calls.store(0, std::memory_order_relaxed);
    // relaxed: as above.
    fail_onwards.store(onwards, std::memory_order_relaxed);
    fail_at.store(n, std::memory_order_relaxed);
  }

  std::uint64_t calls_made() const {
    // relaxed: a count that tests read when the threads are joined.
    return calls.load(std::memory_order_relaxed);
  }

  bool next_call_fails() {
    // relaxed: a count that tests read when the threads are joined.
    const std::uint64_t call = calls.fetch_add(1, std::memory_order_relaxed) + 1;
    // relaxed: set before the calls that it is meant for, by the thread that makes them.
    const std::uint64_t at = fail_at.load(std::memory_order_relaxed);
    if (at == 0) {
      return false;
    }
    // relaxed: as fail_at.
    return call == at || (call > at && fail_onwards.load(std::memory_order_relaxed));
  }
};

inline constinit FaultPlan fault_plan;

// Not among them: populate, which nothing but time depends on.
template <class Os>
struct Faulty : Os {
  static void* reserve(void* hint, std::size_t size, std::size_t alignment, Access access) {
    return fault_plan.next_call_fails() ? nullptr : Os::reserve(hint, size, alignment, access);
  }
  static bool release(void* start, std::size_t size) {
    return !fault_plan.next_call_fails() && Os::release(start, size);
  }
  static bool commit(void* start, std::size_t size) {
    return !fault_plan.next_call_fails() && Os::commit(start, size);
  }
  static bool purge(void* start, std::size_t size) {
    return !fault_plan.next_call_fails() && Os::purge(start, size);
  }
  // One by one, so that each may fail.
  static std::uint64_t purge_pieces(const MemoryPiece* pieces, std::uint32_t count) {
    std::uint64_t purged = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      purged |= std::uint64_t{purge(pieces[i].start, pieces[i].size)} << i;
    }
    return purged;
  }
  static bool reset(void* start, std::size_t size) {
    return !fault_plan.next_call_fails() && Os::reset(start, size);
  }
  static bool protect(void* start, std::size_t size, Access access) {
    return !fault_plan.next_call_fails() && Os::protect(start, size, access);
  }
  static bool remap(void* start, std::size_t old_size, void* target, std::size_t new_size) {
    return !fault_plan.next_call_fails() && Os::remap(start, old_size, target, new_size);
  }
  static void* reserve_large(void* hint, std::size_t size, std::size_t alignment) {
    return fault_plan.next_call_fails() ? nullptr : Os::reserve_large(hint, size, alignment);
  }
  static int map_huge_page(void* at, int numa_node) {
    return fault_plan.next_call_fails() ? ENOMEM : Os::map_huge_page(at, numa_node);
  }
  static bool advise_huge_pages(void* start, std::size_t size, HugeAdvice advice) {
    return !fault_plan.next_call_fails() && Os::advise_huge_pages(start, size, advice);
  }
  static bool start_thread(void (*run)()) {
    return !fault_plan.next_call_fails() && Os::start_thread(run);
  }
  static bool bind_to_node(void* start, std::size_t size, int numa_node) {
    return !fault_plan.next_call_fails() && Os::bind_to_node(start, size, numa_node);
  }
};

}  // namespace ashlar
