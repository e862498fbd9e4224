// By glibc's _dl_find_object, from 2.35 on. It takes no lock and may be called from signal handlers
// (glibc manual, "Dynamic Linker Introspection"). Before that nothing is found.
#include <dlfcn.h>
#include <link.h>

#include "base/integer.h"
#include "os/loaded_object.h"

// NOLINTNEXTLINE(readability-redundant-declaration): the header's is not weak.
extern "C" [[gnu::weak]] int _dl_find_object(void* address, dl_find_object* result) noexcept;

namespace ashlar {

bool find_loaded_object(std::uintptr_t address, LoadedObject* object) {
  dl_find_object found{};
  if (_dl_find_object == nullptr ||
      _dl_find_object(reinterpret_cast<void*>(address), &found) != 0) {
    return false;
  }
  const link_map* const map = found.dlfo_link_map;
  *object = {address_of(found.dlfo_map_start), address_of(found.dlfo_map_end),
             map != nullptr ? map->l_addr : 0, map != nullptr ? map->l_name : nullptr,
             found.dlfo_eh_frame};
  return true;
}

}  // namespace ashlar
