// Reserving huge OS pages: where they are put, what is said about failures, what is reserved at
// the start.
#include "heap/huge_arenas.h"

#include <errno.h>

#include <atomic>

#include "arena/huge_pages.h"
#include "heap/arenas.h"
#include "heap/numa.h"
#include "heap/process.h"
#include "os/address_width.h"
#include "os/system.h"
#include "policy/config.h"
#include "policy/hint_range.h"
#include "support/messages.h"
#include "support/options.h"
#include "support/text.h"

namespace ashlar {
namespace {

// Places tried where the addresses are in use already.
constexpr int kPlaceTries = 8;

// What a page may take at the start.
constexpr std::uint64_t kStartMsPerPage = 500;

// Where the next huge pages are put; 0: not chosen yet.
constinit std::atomic<std::uintptr_t> next_place{0};

std::uintptr_t first_place() {
  const HintRange range = huge_hints(address_width());
  const std::uint64_t steps =
      kActive.random_addresses ? random_number() >> (64 - range.random_bits) : 0;
  return range.start + static_cast<std::uintptr_t>(steps) * range.step;
}

// Addresses for so many bytes that no other call is given; 0 where there are none left.
std::uintptr_t take_place(std::size_t bytes) {
  // relaxed: addresses are numbers; the system says whether they are free.
  std::uintptr_t place = next_place.load(std::memory_order_relaxed);
  std::uintptr_t start = 0;
  do {
    start = place != 0 ? place : first_place();
    if (bytes > huge_hints(address_width()).end - start) {
      return 0;
    }
    // relaxed: as above, on failure too.
  } while (!next_place.compare_exchange_weak(place, start + bytes, std::memory_order_relaxed,
                                             std::memory_order_relaxed));
  return start;
}

// Gives back the end of a place, if nobody has taken the next one meanwhile.
void leave_place(std::uintptr_t end, std::uintptr_t used_end) {
  // relaxed: as in take_place.
  next_place.compare_exchange_strong(end, used_end, std::memory_order_relaxed,
                                     std::memory_order_relaxed);
}

// The pages, and where they begin in request->start.
HugePages map_pages(HugePageRequest* request) {
  HugePages got{.end = HugePageEnd::kRefused, .error = ENOMEM};
  const HintRange range = huge_hints(address_width());
  if (request->pages > (range.end - range.start) / kHugeOsPage) {
    return got;
  }
  const std::size_t bytes = request->pages * kHugeOsPage;
  for (int i = 0; i < kPlaceTries; ++i) {
    const std::uintptr_t place = take_place(bytes);
    if (place == 0) {
      break;
    }
    request->start = reinterpret_cast<void*>(place);
    got = reserve_huge_pages<System>(*request, System::clock_ms);
    if (got.pages != 0 || got.error != EEXIST) {
      leave_place(place + bytes, place + got.pages * kHugeOsPage);
      break;
    }
  }
  return got;
}

void report_missing(const HugePageRequest& request, const HugePages& got) {
  FixedText<60> where;
  if (request.numa_node >= 0) {
    where->append_format("at NUMA node %d", request.numa_node);
  } else {
    where->append("at any NUMA node");
  }
  if (got.end == HugePageEnd::kTimeout) {
    report_warning(
        "reserved %zu of %zu huge OS pages (1 GiB) %s: more would take longer than the %llu ms "
        "that are allowed",
        got.pages, request.pages, (*where).text(),
        static_cast<unsigned long long>(request.timeout_ms));
    return;
  }
  report_warning(
      "reserved %zu of %zu huge OS pages (1 GiB) %s: the system has no more (error %d); see "
      "/proc/sys/vm/nr_hugepages and /sys/kernel/mm/hugepages, or set some aside: hugeadm "
      "--pool-pages-min 1G:%zu",
      got.pages, request.pages, (*where).text(), got.error, request.pages);
}

}  // namespace

std::size_t reserve_huge_arena(const HugeArenaRequest& wanted, int* id) {
  start_process();
  if (wanted.pages == 0) {
    return 0;
  }
  HugePageRequest request{.pages = wanted.pages,
                          .numa_node = wrap_numa_node(wanted.numa_node),
                          .timeout_ms = wanted.timeout_ms};
  const HugePages got = map_pages(&request);
  if (got.end != HugePageEnd::kDone) {
    report_missing(request, got);
  }
  if (got.pages == 0) {
    return 0;
  }
  const std::size_t size = got.pages * kHugeOsPage;
  const int made = add_arena({.start = request.start,
                              .size = size,
                              .committed = true,
                              .zero = true,
                              .purging = Purging::kNever,
                              .exclusive = wanted.exclusive,
                              .owned = true,
                              .numa_node = request.numa_node});
  if (made == 0) {
    System::release(request.start, size);
    return 0;
  }
  *id = made;
  return got.pages;
}

std::size_t reserve_huge_arenas_interleaved(std::size_t pages, std::size_t nodes,
                                            std::uint64_t timeout_ms) {
  start_process();
  if (nodes == 0 || nodes > INT32_MAX) {
    nodes = static_cast<std::size_t>(numa_node_count());
  }
  std::size_t got = 0;
  // Nodes behind the last one that is to have a page have none.
  for (std::size_t node = 0; node < nodes && node < pages; ++node) {
    const HugePageRequest part = part_of_node(pages, timeout_ms, node, nodes);
    int id = 0;
    got += reserve_huge_arena(
        {.pages = part.pages, .numa_node = part.numa_node, .timeout_ms = part.timeout_ms}, &id);
  }
  return got;
}

void reserve_at_start() {
  const long pages = option_get(Option::kReserveHugeOsPages);
  if (pages > 0) {
    const auto count = static_cast<std::size_t>(pages);
    const long node = option_get(Option::kReserveHugeOsPagesAt);
    if (node >= 0) {
      int id = 0;
      reserve_huge_arena({.pages = count,
                          .numa_node = static_cast<int>(node),
                          .timeout_ms = count * kStartMsPerPage},
                         &id);
    } else {
      reserve_huge_arenas_interleaved(count, 0, count * kStartMsPerPage);
    }
  }
  const std::size_t size = option_get_size(Option::kReserveOsMemory);
  if (size != 0 && reserve_arena(size, {.committed = true}) == 0) {
    report_warning(
        "the option reserve_os_memory asks for %zu KiB, which could not be had from the system; "
        "raise the limit (ulimit -v, vm.overcommit_memory) or ask for less",
        size / kKiB);
  }
}

}  // namespace ashlar
