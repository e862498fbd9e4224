// The end of the process, and of a library that is unloaded before it.
#pragma once

namespace ashlar {

// Has the end noticed; once, when the process starts.
void watch_end();

// Has this called at the end of the process, before anything is given back. The rooms that can
// print register it when the library starts, and look at the options that ask for it.
void register_exit_report(void (*report)());

// Does what is to be done when the process ends, once. Allocation goes on to work.
void end_process();

}  // namespace ashlar
