// The calling thread's reasons not to call foreign code.
#include "arena/commit_hook.h"

namespace ashlar {

ASHLAR_THREAD_LOCAL std::uint32_t foreign_code_bars = 0;

}  // namespace ashlar
