// The end of the process, and of a library that is unloaded before it.
#pragma once

namespace ashlar {

// Has the end noticed; once, when the process starts.
void watch_end();

// Does what is to be done when the process ends, once. Allocation goes on to work.
void end_process();

}  // namespace ashlar
