// musl has no way to ask without the loader's lock, which a thread that was interrupted may hold.
// So frame pointers are all there is to walk stacks by.
#include "os/loaded_object.h"

namespace ashlar {

bool find_loaded_object(std::uintptr_t, LoadedObject*) { return false; }

}  // namespace ashlar
