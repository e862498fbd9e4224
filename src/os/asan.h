// AddressSanitizer: which bytes the program may touch. It keeps a byte for each 8 of the program's,
// so what is forbidden begins at a multiple of 8 unless what stands before it is allowed.
// (Its public interface, sanitizer/asan_interface.h and lsan_interface.h, by weak names.)
#pragma once

#include <cstddef>
#include <cstdint>

namespace ashlar::asan {

// What a report says of an access to forbidden bytes.
enum class Kind : std::uint8_t {
  kOverflow = 0xfa,  // heap-buffer-overflow
  kFreed = 0xfd,     // heap-use-after-free
};

// Whether the program carries it.
bool is_linked();

// Where it is there and has not begun yet, it does now.
void begin_run_time();

// For all of these it is there, and has begun.
void forbid(const void* start, std::size_t bytes, Kind kind);
void allow(const void* start, std::size_t bytes);

// Reports an access to an address by the caller.
void report_access(void* address);

// The program's blocks may hold the only pointers to other memory: its search for leaks looks
// there.
void add_roots(const void* start, std::size_t bytes);
void remove_roots(const void* start, std::size_t bytes);

// Calls function(text) at the end of each report, unless the program registers another one; and the
// address that the report is about.
void on_report(void (*function)(const char* text));
void* reported_address();

}  // namespace ashlar::asan
