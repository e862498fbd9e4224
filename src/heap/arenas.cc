// Arenas by hand: numbers are places in a realm's list of arenas, plus one, a block of numbers for
// each realm.
#include "heap/arenas.h"

#include "heap/numa.h"
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

// Has a hook commit what the metadata takes, before any lock is taken.
bool prepare_front(ArenaMemory* memory) {
  if (!memory->hook) {
    return true;
  }
  const std::size_t front = SystemArena::front_bytes(memory->size);
  Contents contents = memory->zero ? Contents::kZero : Contents::kUnknown;
  if (!memory->committed && !memory->hook.commit(memory->start, front, &contents)) {
    return false;
  }
  if (contents != Contents::kZero) {
    __builtin_memset(memory->start, 0, front);
  }
  memory->front_ready = true;
  return true;
}

}  // namespace

int reserve_arena(std::size_t size, const ArenaRequest& request) {
  start_process();
  if (size > kRequestMax) {
    return 0;
  }
  Realm* const realm = current_realm();
  const int id = id_of_arena(realm, realm->arenas.add_reserved(size, request));
  report_refused_large_pages();
  return id;
}

int add_arena(const ArenaMemory& memory) {
  Realm* const realm = current_realm();
  return id_of_arena(realm, realm->arenas.add_memory(memory));
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
  whole.numa_node = wrap_numa_node(memory.numa_node);
  if (!SystemArena::can_be_made_of(whole.size) || !prepare_front(&whole)) {
    return 0;
  }
  const int id = add_arena(whole);
  if (id == 0 && whole.hook && !memory.committed) {
    whole.hook.decommit(whole.start, SystemArena::front_bytes(whole.size));
  }
  return id;
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
