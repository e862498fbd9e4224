// Messages of the allocator to whoever runs the program, and errors to the program itself.
// No allocation, no stdio, and no lock while foreign code runs; statistics are not printed here.
#pragma once

#include <cstddef>

#include "base/compiler.h"
#include "os/lock.h"

namespace ashlar {

using OutputFunction = void(const char* message, void* arg);
using ErrorFunction = void(int code, void* arg);

// For all of these: errno stays as it was. The caller holds no lock, since an output function or
// a handler of the program may run and may allocate. A message ends in a newline of ours.

// Tells of an error. `code` is EAGAIN (double free), EFAULT (corrupted block or list), ENOMEM,
// EOVERFLOW (request too large) or EINVAL (invalid pointer).
// Prints "ashlar: error: ..." if show_errors or verbose is on, at most max_errors times (verbose:
// without limit), then calls the error handler in any case. Without a handler, profiles that stop
// on misuse print the message whatever the options say and end the program, for EAGAIN, EFAULT
// and EINVAL, unless a sanitizer or Valgrind watches; builds with ASHLAR_XMALLOC do so for ENOMEM
// and EOVERFLOW, after a handler was called if there is one. An error from within the handler, on
// the same thread, does not call it again.
ASHLAR_COLD ASHLAR_PRINTF(2, 3) void report_error(int code, const char* format, ...);

// Prints "ashlar: warning: ..." if show_errors or verbose is on, at most max_warnings times.
ASHLAR_COLD ASHLAR_PRINTF(1, 2) void report_warning(const char* format, ...);

// The same whatever the options say: for what keeps the options themselves from being read.
ASHLAR_COLD ASHLAR_PRINTF(1, 2) void report_warning_always(const char* format, ...);

// Prints "ashlar: ..." if verbose is on.
ASHLAR_COLD ASHLAR_PRINTF(1, 2) void report_verbose(const char* format, ...);

// Sends text as it is to the output function, else to file descriptor 2: for reports. From
// within the output function, on the same thread, it does nothing.
void write_output(const char* text);

// Where text goes from now on. What was written so far (the first 32 KiB) is given to the first
// function that is registered, in one call. nullptr: file descriptor 2, as at the start, and
// nothing is kept any more. In profiles that seal, all stays as it is where the system does not let
// it be changed (support/sealed.h); so with register_error.
void register_output(OutputFunction* function, void* arg);

// Who hears of errors from now on; nullptr: nobody.
void register_error(ErrorFunction* function, void* arg);

// For fork, which takes all locks.
Lock& messages_lock();

}  // namespace ashlar
