// Valgrind: client requests, as its header valgrind.h defines them for programs (its public
// interface: a sequence of instructions without effect that it knows when it meets it). Written
// here and not included, so that a library built without Valgrind's headers serves it too.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ashlar::valgrind {

// From valgrind.h and memcheck.h of Valgrind 3.19, where they are part of the stable interface.
enum class Request : std::uintptr_t {
  kIsRunning = 0x1001,
  kBeginBlock = 0x1301,
  kEndBlock = 0x1302,
  kResizeBlock = 0x130b,
  kChangeErrorDisablement = 0x1801,
  kMakeNoAccess = 0x4d43'0000,  // 'M', 'C': memcheck's
  kMakeDefined = 0x4d43'0002,
};

// Whether the process runs under Valgrind, whichever of its tools it is.
bool is_running();

// Whether the process runs under memcheck, the one of its tools that describes blocks.
bool is_watching();

// Bytes before and behind a block that are its own and nobody's.
inline constexpr std::size_t kRedzone = 8;

// A block of the program's, found and described from now on; and its end.
void begin_block(const void* block, std::size_t bytes, bool zeroed);
void end_block(const void* block);
void resize_block(const void* block, std::size_t old_bytes, std::size_t bytes);

// What memcheck knows of a range: nobody may touch it; or anybody, and its bytes are defined.
void forbid(const void* start, std::size_t bytes);
void allow(const void* start, std::size_t bytes);

// What the calling thread does between these is not reported; they nest.
void ignore();
void mind();

}  // namespace ashlar::valgrind
