// The C interface to trimming.
#include "ashlar/trim.h"

#include "base/compiler.h"
#include "heap/trim.h"

extern "C" ASHLAR_EXPORT std::size_t ashlar_trim(int level) noexcept {
  using ashlar::TrimLevel;
  return ashlar::trim(level <= ASHLAR_TRIM_WAITING   ? TrimLevel::kWaiting
                      : level == ASHLAR_TRIM_COLLECT ? TrimLevel::kCollect
                                                     : TrimLevel::kLetGo);
}
