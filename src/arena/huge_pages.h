// Reserving huge OS pages (1 GiB), one at a time, side by side. Where they are put, and what is
// made of them, is decided by the caller.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/integer.h"
#include "os/memory.h"

namespace ashlar {

struct HugePageRequest {
  void* start = nullptr;  // where the first is put; the others follow
  std::size_t pages = 0;
  int numa_node = -1;            // whose memory is preferred; -1: any
  std::uint64_t timeout_ms = 0;  // 0: none
};

// What a request that is spread over nodes comes to for one of them: an equal part, of the rest a
// page more for the first nodes; an equal part of the time, and a little for what comes besides.
inline constexpr std::uint64_t kSpareMsPerNode = 50;
constexpr HugePageRequest part_of_node(std::size_t pages, std::uint64_t timeout_ms,
                                       std::size_t node, std::size_t nodes) {
  return {.pages = pages / nodes + (node < pages % nodes ? 1 : 0),
          .numa_node = static_cast<int>(node),
          .timeout_ms = timeout_ms == 0 ? 0 : timeout_ms / nodes + kSpareMsPerNode};
}

enum class HugePageEnd : std::uint8_t { kDone, kRefused, kTimeout };

// What there is now: the first `pages` of what was asked for, and why there are no more.
struct HugePages {
  std::size_t pages = 0;
  HugePageEnd end = HugePageEnd::kDone;
  int error = 0;  // the system's number where it refused; EEXIST: the address is in use
};

// Reserves pages until all are there, the system refuses one, or the time is over: that is looked
// at after each page, and also ends it if at this pace the whole would take longer. now_ms() is a
// clock in milliseconds.
template <OsMemory Os, class Clock>
HugePages reserve_huge_pages(const HugePageRequest& request, Clock now_ms) {
  HugePages got;
  const std::uint64_t begin = now_ms();
  while (got.pages < request.pages) {
    void* const at = at_offset(request.start, got.pages * kHugeOsPage);
    got.error = Os::map_huge_page(at, request.numa_node);
    if (got.error != 0) {
      got.end = HugePageEnd::kRefused;
      return got;
    }
    ++got.pages;
    const std::uint64_t elapsed = now_ms() - begin;
    const std::uint64_t whole = elapsed * request.pages / got.pages;
    if (request.timeout_ms != 0 && got.pages < request.pages &&
        (elapsed > request.timeout_ms || whole > request.timeout_ms)) {
      got.end = HugePageEnd::kTimeout;
      return got;
    }
  }
  return got;
}

}  // namespace ashlar
