// Whether a handle that the program passes still names a heap.
#pragma once

#include "heap/heap.h"

namespace ashlar {

// False for a heap that was deleted or destroyed, as long as its record serves no new heap.
// Profiles that stop on misuse do not read through the handle before they know it, so there this is
// false for what never was a heap, too; the first time that a thread uses a heap this costs a
// search through all heaps.
bool is_usable(const Heap* heap);

// nullptr (the default heap) or a usable heap. Else reports EINVAL, sets errno to it, and says
// false.
[[nodiscard]] bool check_heap(const Heap* heap);

}  // namespace ashlar
