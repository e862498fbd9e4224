// Linux puts the name of the program and its first stack at the upper end of what it gives.
#include <sys/auxv.h>

#include <bit>

#include "os/address_width.h"

namespace ashlar {

unsigned address_width() { return static_cast<unsigned>(std::bit_width(getauxval(AT_EXECFN))); }

}  // namespace ashlar
