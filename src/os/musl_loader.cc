// What musl's loader is asked for, and not asked.
#include "os/loaded_object.h"
#include "os/thread.h"

namespace ashlar {
namespace {

// musl aligns thread pointers as the most demanding thread-local asks, and without one to 8 bytes.
// Thread ids need room for flags.
[[gnu::used, gnu::retain]] alignas(64) ASHLAR_THREAD_LOCAL char aligned_thread[64] = {};

}  // namespace

// There is no way to ask without the loader's lock, which a thread that was interrupted may hold.
// So frame pointers are all there is to walk stacks by.
bool find_loaded_object(std::uintptr_t, LoadedObject*) { return false; }

}  // namespace ashlar
