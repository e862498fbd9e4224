// The program and the libraries that the loader has mapped, found by an address in them. Without
// the loader's lock, so from anywhere; on systems where that can't be, nothing is found.
#pragma once

#include <cstdint>

namespace ashlar {

struct LoadedObject {
  std::uintptr_t start = 0;
  std::uintptr_t end = 0;
  std::uintptr_t base = 0;             // what is added to the addresses in its file
  const char* path = nullptr;          // empty: the program; nullptr: unknown
  const void* frame_tables = nullptr;  // its .eh_frame_hdr; nullptr: it has none

  bool holds(std::uintptr_t address) const { return address - start < end - start; }
};

// False, and nothing is changed, where the address lies in none.
bool find_loaded_object(std::uintptr_t address, LoadedObject* object);

}  // namespace ashlar
