// Has reports printed when the process ends, if the options say so. Included by the files of
// which every program that is linked with the library takes at least one.
#pragma once

namespace ashlar {

// Statistics of every realm, and live blocks, where messages go.
void print_at_exit();

// Registers that; any number of times.
void register_reports_at_exit();

namespace {

// With the library's other constructors: before those of the program.
[[gnu::constructor(101)]] void register_with_library() { register_reports_at_exit(); }

}  // namespace
}  // namespace ashlar
