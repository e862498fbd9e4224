// Valgrind: client requests, as its header valgrind.h defines them for programs (its public
// interface: a sequence of instructions without effect that it knows when it meets it). Written
// here and not included, so that a library built without Valgrind's headers serves it too.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ashlar::valgrind {

// Whether the process runs under it.
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
