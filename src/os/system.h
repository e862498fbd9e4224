// Picks the system that the library is built for, and in builds for fault injection puts the
// failing system in front of it.
#pragma once

#include "os/faulty.h"
#include "os/linux.h"

namespace ashlar {

#if defined(ASHLAR_FAULTS)
using System = Faulty<Linux>;
#else
using System = Linux;
#endif

static_assert(OsMemory<System>);

}  // namespace ashlar
