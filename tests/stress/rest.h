// What the allocator still holds when a stress program is at rest: a page that nobody finds again,
// or memory that is never given back, shows there whatever the timing was.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <set>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include "arena/page_map.h"
#include "heap/process.h"
#include "heap/realm.h"
#include "page/ownership.h"
#include "policy/layout.h"
#include "stress.h"
#include "support/stats.h"

namespace stress {

// Resident bytes of all arenas, their metadata included. Unlike the process's resident size it
// knows nothing of stacks, and of a sanitizer's shadow.
inline std::size_t arena_bytes_resident() {
  const auto os_page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::size_t resident = 0;
  ashlar::main_realm.arenas.for_each_arena([&](const auto& arena) {
    // A piece at a time, since the answer takes a byte for each OS page.
    static unsigned char answer[4096];
    const std::size_t step = sizeof answer * os_page;
    for (std::size_t at = 0; at < arena.size(); at += step) {
      const std::size_t length = arena.size() - at < step ? arena.size() - at : step;
      if (mincore(static_cast<char*>(arena.start()) + at, length, answer) != 0)
        fail("mincore: %s", std::strerror(errno));
      for (std::size_t i = 0; i < length / os_page; i++) resident += (answer[i] & 1) * os_page;
    }
  });
  return resident;
}

// Bytes of slices that pages hold, at least: small pages have one slice.
inline std::size_t bytes_in_pages() {
  return static_cast<std::size_t>(ashlar::main_realm.stats.pages.current()) * ashlar::kSliceSize;
}

// When every block that the program allocated was freed: what the main thread keeps for itself
// and what the program's own containers hold.
inline constexpr std::size_t kPagesAtRest = std::size_t{512} << 10;
inline constexpr std::size_t kResidentAtRest = std::size_t{8} << 20;

inline void check_held(std::size_t pages_allowed, std::size_t resident_allowed, const char* when) {
  mi_collect(true);
  const std::size_t in_pages = bytes_in_pages();
  const std::size_t resident = arena_bytes_resident();
  if (in_pages > pages_allowed)
    fail("%s, and %zu KiB are still in pages (at most %zu): pages were lost", when, in_pages >> 10,
         pages_allowed >> 10);
  if (resident > resident_allowed)
    fail("%s, and %zu KiB are still resident (at most %zu)", when, resident >> 10,
         resident_allowed >> 10);
}

// All hints of one size class in an arena, found as a thread in need finds them.
template <class Arena>
std::set<std::uint32_t> hints_of(const Arena& arena, ashlar::SizeClass size_class) {
  std::set<std::uint32_t> hints;
  ashlar::HintBitmap bitmap = arena.orphans(size_class);
  for (ashlar::SliceIndex slice{0}; bitmap.take(&slice); slice.value++) hints.insert(slice.value);
  for (const std::uint32_t slice : hints) bitmap.set({slice});
  return hints;
}

// While no other thread is at work: each orphan that is at least half free has a hint that leads to
// it (less room than that is not always published). Returns how many orphans there are.
inline std::size_t check_orphans() {
  std::size_t orphans = 0;
  ashlar::main_realm.arenas.for_each_arena([&](const auto& arena) {
    std::vector<std::set<std::uint32_t>> hints;
    for (ashlar::SizeClass c = 0; c < ashlar::kSizeClassCount; c++)
      hints.push_back(hints_of(arena, c));
    for (std::uint32_t slice = 0; slice < arena.slice_total(); slice++) {
      const ashlar::Page* const page = ashlar::page_map.find(arena.address({slice}));
      if (page == nullptr || page != arena.page_entry({slice}) || page->is_huge()) continue;
      // relaxed: no other thread is at work.
      if (page->remote.word.load(std::memory_order_relaxed) != ashlar::RemoteWord::kOrphan)
        continue;
      orphans++;
      if (page->room() >= page->reserved / 2 && hints[page->size_class].count(slice) == 0)
        fail(
            "no hint leads to an orphan page at %p, of which %u of %u blocks of %zu bytes are free",
            page->start, page->room(), page->reserved, page->block_size);
    }
  });
  return orphans;
}

inline void check_at_rest(const char* when) {
  check_held(kPagesAtRest, kResidentAtRest, when);
  std::printf("%s: %s: %zu KiB in pages, %zu KiB resident\n", program_name, when,
              bytes_in_pages() >> 10, arena_bytes_resident() >> 10);
}

}  // namespace stress
