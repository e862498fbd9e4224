// The tool that watches the process, if it is one that has to be told of blocks: found at run time,
// so that the same library serves programs with and without one.
#pragma once

#include <cstdint>

namespace ashlar {

enum class Tool : std::uint8_t { kNone, kAddressSanitizer, kThreadSanitizer, kValgrind };

// Always kNone where the library itself is built with a sanitizer: its accesses to free blocks and
// to what it keeps in them would be reported.
Tool find_tool();

// Has the tool's run time begin, should it not have yet: the constructors of a library may come
// before it, and what it stands in for in the C library does not work before.
void begin_tool();

// False from the start of a program that carries a tool until begin_tool: calls of the C library
// may lead nowhere.
bool has_tool_begun();

}  // namespace ashlar
