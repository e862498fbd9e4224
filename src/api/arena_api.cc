// The C interface to arenas.
#include <errno.h>

#include "heap/arenas.h"
#include "heap/huge_arenas.h"
#include "mimalloc.h"
#include "observe/arena_picture.h"

namespace ashlar {
namespace {

// Writes an arena's name where the caller wants it; untouched where there is none.
void hand_over(int id, mi_arena_id_t* arena_id) {
  if (id != 0 && arena_id != nullptr) {
    *arena_id = id;
  }
}

// Milliseconds; what is not above 0 is no limit.
std::uint64_t milliseconds_of(double seconds) {
  constexpr double kMost = 1e12;
  if (!(seconds > 0)) {
    return 0;
  }
  const double milliseconds = (seconds < kMost ? seconds : kMost) * 1000;
  return milliseconds < 1 ? 1 : static_cast<std::uint64_t>(milliseconds);
}

}  // namespace
}  // namespace ashlar

using ashlar::arena_of_id;
using ashlar::Purging;

extern "C" {

ASHLAR_EXPORT int mi_reserve_os_memory_ex(std::size_t size, bool commit, bool allow_large,
                                          bool exclusive, mi_arena_id_t* arena_id) noexcept {
  const int id = ashlar::reserve_arena(
      size, {.committed = commit, .exclusive = exclusive, .allow_large = allow_large});
  ashlar::hand_over(id, arena_id);
  return id == 0 ? ENOMEM : 0;
}
ASHLAR_EXPORT int mi_reserve_os_memory(std::size_t size, bool commit, bool allow_large) noexcept {
  return mi_reserve_os_memory_ex(size, commit, allow_large, false, nullptr);
}

ASHLAR_EXPORT bool mi_manage_memory(void* start, std::size_t size, bool is_committed,
                                    bool is_pinned, bool is_zero, int numa_node, bool exclusive,
                                    mi_commit_fun_t* commit_fun, void* commit_fun_arg,
                                    mi_arena_id_t* arena_id) noexcept {
  const int id =
      ashlar::manage_arena({.start = start,
                            .size = size,
                            .committed = is_committed,
                            .zero = is_zero,
                            .purging = is_pinned ? Purging::kNever : Purging::kLeavesUnknown,
                            .exclusive = exclusive,
                            .numa_node = numa_node,
                            .hook = {.function = commit_fun, .arg = commit_fun_arg}});
  ashlar::hand_over(id, arena_id);
  return id != 0;
}
ASHLAR_EXPORT bool mi_manage_os_memory_ex(void* start, std::size_t size, bool is_committed,
                                          bool is_pinned, bool is_zero, int numa_node,
                                          bool exclusive, mi_arena_id_t* arena_id) noexcept {
  return mi_manage_memory(start, size, is_committed, is_pinned, is_zero, numa_node, exclusive,
                          nullptr, nullptr, arena_id);
}
ASHLAR_EXPORT bool mi_manage_os_memory(void* start, std::size_t size, bool is_committed,
                                       bool is_pinned, bool is_zero, int numa_node) noexcept {
  return mi_manage_os_memory_ex(start, size, is_committed, is_pinned, is_zero, numa_node, false,
                                nullptr);
}

ASHLAR_EXPORT int mi_reserve_huge_os_pages_at_ex(std::size_t pages, int numa_node,
                                                 std::size_t timeout_msecs, bool exclusive,
                                                 mi_arena_id_t* arena_id) noexcept {
  int id = 0;
  const std::size_t got = ashlar::reserve_huge_arena(
      {.pages = pages, .numa_node = numa_node, .timeout_ms = timeout_msecs, .exclusive = exclusive},
      &id);
  ashlar::hand_over(id, arena_id);
  return got != 0 || pages == 0 ? 0 : ENOMEM;
}
ASHLAR_EXPORT int mi_reserve_huge_os_pages_at(std::size_t pages, int numa_node,
                                              std::size_t timeout_msecs) noexcept {
  return mi_reserve_huge_os_pages_at_ex(pages, numa_node, timeout_msecs, false, nullptr);
}
ASHLAR_EXPORT int mi_reserve_huge_os_pages_interleave(std::size_t pages, std::size_t numa_nodes,
                                                      std::size_t timeout_msecs) noexcept {
  const std::size_t got = ashlar::reserve_huge_arenas_interleaved(pages, numa_nodes, timeout_msecs);
  return got != 0 || pages == 0 ? 0 : ENOMEM;
}
ASHLAR_EXPORT int mi_reserve_huge_os_pages(std::size_t pages, double max_secs,
                                           std::size_t* pages_reserved) noexcept {
  const std::size_t got =
      ashlar::reserve_huge_arenas_interleaved(pages, 0, ashlar::milliseconds_of(max_secs));
  if (pages_reserved != nullptr) {
    *pages_reserved = got;
  }
  return got != 0 || pages == 0 ? 0 : ENOMEM;
}

ASHLAR_EXPORT std::size_t mi_arena_min_alignment(void) noexcept { return ashlar::kArenaAlignment; }
ASHLAR_EXPORT std::size_t mi_arena_min_size(void) noexcept { return ashlar::smallest_arena(); }

ASHLAR_EXPORT void mi_arenas_print(void) noexcept { ashlar::print_arenas(nullptr, nullptr); }
ASHLAR_EXPORT void mi_debug_show_arenas(void) noexcept { ashlar::print_arenas(nullptr, nullptr); }

ASHLAR_EXPORT void* mi_arena_area(mi_arena_id_t arena_id, std::size_t* size) noexcept {
  const ashlar::SystemArena* const arena = arena_of_id(arena_id);
  if (size != nullptr) {
    *size = arena == nullptr ? 0 : arena->size();
  }
  return arena == nullptr ? nullptr : arena->start();
}
ASHLAR_EXPORT bool mi_arena_contains(mi_arena_id_t arena_id, const void* p) noexcept {
  const ashlar::SystemArena* const arena = arena_of_id(arena_id);
  return arena != nullptr && arena->contains(p);
}

}  // extern "C"
