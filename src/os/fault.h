// Accesses to memory that may not be touched, as the system tells a program of them: by a signal.
#pragma once

#include <cstdint>

namespace ashlar {

enum class FaultAccess : std::uint8_t { kUnknown, kRead, kWrite };

struct Fault {
  std::uintptr_t address = 0;
  FaultAccess access = FaultAccess::kUnknown;
  const void* context = nullptr;  // for unwind_interrupted
};

// Told of a fault in a signal handler of the thread that made it, with that signal blocked, perhaps
// on a small stack of 8 KiB. May neither allocate nor lock.
using FaultFunction = void(const Fault& fault);

// Has `tell` called at each fault from now on; then whoever handled the signal before is called as
// if nobody had stood in front of it, or, where nobody did, the program ends by the signal. Once in
// a process: a second call does nothing. False where the system says no.
bool watch_faults(FaultFunction* tell);

// Gives the signals back to who had them before, where they still come here: the code is about to
// be unmapped.
void forget_faults();

}  // namespace ashlar
