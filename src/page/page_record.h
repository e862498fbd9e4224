// Whether the record of a page can be right, in profiles that check blocks: what was written over
// by a stray pointer of the program's would lead the allocator anywhere. Looked at on slow paths.
#pragma once

#include "base/compiler.h"
#include "page/page.h"

namespace ashlar {

// What is wrong with the record of a page in use, in a word or two; nullptr: nothing that shows.
// Owner only. Constant time.
const char* find_record_damage(const Page* page);

// Tells of it and stops the program, whatever its error handler would say: nothing that the record
// names can be relied on.
[[noreturn]] ASHLAR_COLD void stop_at_damaged_record(const Page* page, const char* damage);

inline void check_record([[maybe_unused]] const Page* page) {
  if constexpr (kActive.check_blocks) {
    if (const char* const damage = find_record_damage(page); unlikely(damage != nullptr)) {
      stop_at_damaged_record(page, damage);
    }
  }
}

}  // namespace ashlar
