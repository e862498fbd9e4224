// The bytes that fill blocks. What it does says nothing of an input, so it is compiled without
// instrumentation: with it, most of the time would be spent here.
#ifndef ASHLAR_FUZZ_CONTENTS_H
#define ASHLAR_FUZZ_CONTENTS_H

#include <cstddef>

namespace fuzz {

// Of large blocks some bytes stand for all: the first and last, and some between, so that looking
// does not take longer than the library, and does not make all of the block resident.
void fill_contents(void* p, std::size_t size, unsigned seed);

// Whether the first `kept` bytes of what was filled as a block of `filled` bytes are still there.
bool holds_contents(const void* p, std::size_t filled, std::size_t kept, unsigned seed);

// Whether the bytes from `from` up to `to` are zero; true where there are none.
bool is_zero(const void* p, std::size_t from, std::size_t to);

}  // namespace fuzz

#endif  // ASHLAR_FUZZ_CONTENTS_H
