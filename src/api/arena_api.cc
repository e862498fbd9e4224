// The C interface to arenas.
#include <errno.h>

#include "heap/arenas.h"
#include "mimalloc.h"
#include "observe/arena_picture.h"

using ashlar::arena_of_id;
using ashlar::Purging;

extern "C" {

ASHLAR_EXPORT int mi_reserve_os_memory_ex(std::size_t size, bool commit, bool, bool exclusive,
                                          mi_arena_id_t* arena_id) noexcept {
  const int id = ashlar::reserve_arena(size, commit, exclusive);
  if (id == 0) {
    return ENOMEM;
  }
  if (arena_id != nullptr) {
    *arena_id = id;
  }
  return 0;
}
ASHLAR_EXPORT int mi_reserve_os_memory(std::size_t size, bool commit, bool allow_large) noexcept {
  return mi_reserve_os_memory_ex(size, commit, allow_large, false, nullptr);
}

ASHLAR_EXPORT bool mi_manage_os_memory_ex(void* start, std::size_t size, bool is_committed,
                                          bool is_pinned, bool is_zero, int, bool exclusive,
                                          mi_arena_id_t* arena_id) noexcept {
  const int id =
      ashlar::manage_arena({.start = start,
                            .size = size,
                            .committed = is_committed,
                            .zero = is_zero,
                            .purging = is_pinned ? Purging::kNever : Purging::kLeavesUnknown,
                            .exclusive = exclusive});
  if (id != 0 && arena_id != nullptr) {
    *arena_id = id;
  }
  return id != 0;
}
ASHLAR_EXPORT bool mi_manage_os_memory(void* start, std::size_t size, bool is_committed,
                                       bool is_pinned, bool is_zero, int numa_node) noexcept {
  return mi_manage_os_memory_ex(start, size, is_committed, is_pinned, is_zero, numa_node, false,
                                nullptr);
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
