// Arenas by hand: reserved in advance, or made of memory that the program brings; named by number.
#pragma once

#include <cstddef>

#include "heap/process.h"
#include "page/page.h"

namespace ashlar {

struct Realm;

// Reserves an arena for the calling thread's realm, of at least `size` bytes; its number, or 0
// where there is no memory for it.
int reserve_arena(std::size_t size, const ArenaRequest& request);

// Makes an arena of the aligned part of this memory; its number, or 0 where that is too small or
// can't be committed. Its NUMA node may be any number; a commit hook may be called.
int manage_arena(const ArenaMemory& memory);

// Makes an arena of memory that is aligned, and ready in front; its number, or 0.
int add_arena(const ArenaMemory& memory);

// The least aligned memory that an arena can be made of, in bytes.
std::size_t smallest_arena();

// The number of an arena of the realm; 0 for any other.
int id_of_arena(const Realm* realm, const SystemArena* arena);

// The arena of this number, of any realm; nullptr where there is none.
SystemArena* arena_of_id(int id);

// Whether an address lies in an arena of any realm.
bool is_in_arena(const void* pointer);

}  // namespace ashlar
