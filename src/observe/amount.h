// Numbers for people to read: amounts of memory in binary units, counts that stay short.
#pragma once

#include <cstdint>

#include "support/text.h"

namespace ashlar {

// Bytes, in the largest binary unit of which there is at least one, with a digit behind the point,
// cut and not rounded: "512 B", "1.5 KiB", "-3.0 MiB". At most 11 characters.
void append_amount(TextBuffer& out, std::int64_t bytes);

// A plain number; from ten thousand million on in thousands of the like: "12.3 G". At most 11
// characters.
void append_number(TextBuffer& out, std::int64_t number);

}  // namespace ashlar
