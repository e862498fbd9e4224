// From the text of an environment variable to an option's value. Knows nothing of where the text
// comes from, nor of what is said when it is bad.
#pragma once

#include "support/option_table.h"

namespace ashlar {

// True, with the value in the option's unit, where `text` is a value within the option's range:
// nothing or 1, TRUE, YES, ON; 0, FALSE, NO, OFF (any letter case); or a decimal number. A size is
// a number of bytes, or of K, M or G (also KB and KiB, ...: all of them powers of 1024), rounded
// up to KiB. Otherwise false, and *value is as it was.
bool parse_option(const OptionRow& row, const char* text, long* value);

}  // namespace ashlar
