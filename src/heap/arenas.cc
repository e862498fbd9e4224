// Arenas by hand: numbers are places in the list of arenas, plus one.
#include "heap/arenas.h"

#include "heap/process.h"

namespace ashlar {
namespace {

int id_of(const SystemArena* arena) {
  const std::uint32_t count = arenas.count_arenas();
  for (std::uint32_t i = 0; arena != nullptr && i < count; ++i) {
    if (arenas.arena(i) == arena) {
      return static_cast<int>(i) + 1;
    }
  }
  return 0;
}

}  // namespace

int reserve_arena(std::size_t size, bool committed, bool exclusive) {
  start_process();
  if (size > kRequestMax) {
    return 0;
  }
  return id_of(arenas.add_reserved(size, committed, exclusive));
}

int manage_arena(const ArenaMemory& memory) {
  start_process();
  ArenaMemory whole = memory;
  const std::size_t skipped =
      align_up(address_of(memory.start), kArenaAlignment) - address_of(memory.start);
  if (memory.start == nullptr || memory.size < skipped) {
    return 0;
  }
  whole.start = at_offset(memory.start, skipped);
  whole.size = align_down(memory.size - skipped, kSliceSize);
  return id_of(arenas.add_memory(whole));
}

std::size_t smallest_arena() {
  std::size_t size = kArenaAlignment;
  while (!SystemArena::can_be_made_of(size)) {
    size += kSliceSize;
  }
  return size;
}

SystemArena* arena_of_id(int id) {
  return id > 0 && static_cast<std::uint32_t>(id) <= arenas.count_arenas()
             ? arenas.arena(static_cast<std::uint32_t>(id) - 1)
             : nullptr;
}

}  // namespace ashlar
