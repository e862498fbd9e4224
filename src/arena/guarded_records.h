// Memory for our own records. In profiles that guard it lies between two OS pages that nobody may
// touch: what runs on past a block, or before one, ends in a fault and not in a record.
#pragma once

#include <cstddef>

#include "base/integer.h"
#include "os/memory.h"
#include "policy/config.h"
#include "policy/layout.h"

namespace ashlar {

// Bytes of such an OS page; 0 in profiles that do not guard.
template <OsMemory Os>
std::size_t record_guard_bytes() {
  return kActive.guard_pages ? Os::page_size() : 0;
}

// Zeroed memory that may be touched, aligned to a cache line at least; nullptr where the system has
// none. Where it refuses the guards there are none. Two mappings more of the process with them.
template <OsMemory Os>
[[nodiscard]] void* reserve_records(std::size_t size) {
  const std::size_t guard = record_guard_bytes<Os>();
  const std::size_t whole = align_up(size, Os::page_size()) + 2 * guard;
  void* const start = Os::reserve(nullptr, whole, kCacheLine, Access::kReadWrite);
  if (start == nullptr || guard == 0) {
    return start;
  }
  Os::protect(start, guard, Access::kNone);
  Os::protect(at_offset(start, whole - guard), guard, Access::kNone);
  return at_offset(start, guard);
}

// Gives it back; false where the system keeps it. `size` as it was reserved.
template <OsMemory Os>
bool release_records(void* records, std::size_t size) {
  const std::size_t guard = record_guard_bytes<Os>();
  void* const start = reinterpret_cast<void*>(address_of(records) - guard);
  return Os::release(start, align_up(size, Os::page_size()) + 2 * guard);
}

}  // namespace ashlar
