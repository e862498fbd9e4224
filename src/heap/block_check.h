// Telling what is wrong with a block, in profiles that pad: it is none, it was freed, or it was
// written to beyond its end. What is right about one is told by the fast paths (page/padding.h).
#pragma once

#include "page/page.h"

namespace ashlar {

// Whether a block may be read and resized. Reported where not; `call` is the function's name.
bool check_live(const Page* page, const void* block, const char* call);

// Whether a huge block may be freed.
bool check_huge_free(const Page* page, const void* block);

}  // namespace ashlar
