// Arenas by hand: numbers are places in a realm's list of arenas, plus one, a block of numbers for
// each realm.
#include "heap/arenas.h"

#include "heap/process.h"
#include "heap/realm.h"

namespace ashlar {

int id_of_arena(const Realm* realm, const SystemArena* arena) {
  const std::uint32_t count = realm->arenas.count_arenas();
  for (std::uint32_t i = 0; arena != nullptr && i < count; ++i) {
    if (realm->arenas.arena(i) == arena) {
      return static_cast<int>(realm->slot * kArenaCountMax + i) + 1;
    }
  }
  return 0;
}

namespace {

SystemArena* arena_at(const Realm& realm, std::uint32_t place) {
  return place < realm.arenas.count_arenas() ? realm.arenas.arena(place) : nullptr;
}

}  // namespace

int reserve_arena(std::size_t size, bool committed, bool exclusive) {
  start_process();
  if (size > kRequestMax) {
    return 0;
  }
  Realm* const realm = current_realm();
  return id_of_arena(realm, realm->arenas.add_reserved(size, committed, exclusive));
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
  Realm* const realm = current_realm();
  return id_of_arena(realm, realm->arenas.add_memory(whole));
}

std::size_t smallest_arena() {
  std::size_t size = kArenaAlignment;
  while (!SystemArena::can_be_made_of(size)) {
    size += kSliceSize;
  }
  return size;
}

SystemArena* arena_of_id(int id) {
  if (id <= 0) {
    return nullptr;
  }
  const std::uint32_t number = static_cast<std::uint32_t>(id) - 1;
  const std::uint32_t slot = number / kArenaCountMax;
  SystemArena* found = nullptr;
  for_each_realm([&](const Realm& realm) {
    if (realm.slot == slot) {
      found = arena_at(realm, number % kArenaCountMax);
    }
  });
  return found;
}

bool is_in_arena(const void* pointer) {
  bool found = false;
  for_each_realm(
      [&](const Realm& realm) { found = found || realm.arenas.arena_of(pointer) != nullptr; });
  return found;
}

}  // namespace ashlar
