// How wide the addresses are that the system gives to programs: a matter of the processor, of how
// the kernel was built, and of what runs it.
#pragma once

namespace ashlar {

// Bits of the highest address of the process, as it was started; 0 where that is unknown. Calls
// nobody.
unsigned address_width();

}  // namespace ashlar
