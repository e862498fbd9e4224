// Reading and setting options. A value comes from the last call that set it, else from the
// environment, else from the table; the environment is read at the first use of each option.
#pragma once

#include <cstddef>

#include "support/option_table.h"

namespace ashlar {

// All of these may be called at any time by any thread, before any constructor ran and from
// inside malloc: they allocate nothing and take no lock (a bad value in the environment is
// reported, though, which may run an output function of the program's).
// A value that is not an option reads as 0 and is ignored when set.

// The value; in KiB for sizes.
long option_get(Option option);

// The value, but at least `min` and at most `max`.
long option_get_clamp(Option option, long min, long max);

// The value of a size in bytes; of any other option the value itself, 0 if that is negative.
std::size_t option_get_size(Option option);

// Whether the value is not 0.
bool option_is_enabled(Option option);

// Sets the value; in KiB for sizes. What is out of the option's range becomes its nearest end.
void option_set(Option option, long value);

// The same unless the environment or an earlier call has set the option.
void option_set_default(Option option, long value);

void option_enable(Option option);
void option_disable(Option option);

// True where the environment or a call has set the option, false while it has its default.
bool option_was_set(Option option);

}  // namespace ashlar
