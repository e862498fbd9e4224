// The request sequence and the numbers of the requests that we make.
#include "os/valgrind.h"

#include "base/compiler.h"
#include "os/processor.h"

namespace ashlar::valgrind {
namespace {

// Asks, and answers 0 where nobody listens. Inlined, so that it is no frame of a report: it tells
// two errors apart by their first four.
ASHLAR_ALWAYS_INLINE std::uintptr_t request(Request number, std::uintptr_t a = 0,
                                            std::uintptr_t b = 0, std::uintptr_t c = 0,
                                            std::uintptr_t d = 0) {
  const volatile std::uintptr_t arguments[6] = {static_cast<std::uintptr_t>(number), a, b, c, d, 0};
  return Processor::ask_valgrind(arguments);
}

std::uintptr_t number_of(const void* address) { return reinterpret_cast<std::uintptr_t>(address); }

}  // namespace

bool is_running() { return request(Request::kIsRunning) != 0; }

// Its answer to a mark upon memory, which its other tools do not know and leave at 0: those that
// count instructions or cache misses must see the program as it runs without them.
bool is_watching() { return request(Request::kMakeDefined) != 0; }

void begin_block(const void* block, std::size_t bytes, bool zeroed) {
  request(Request::kBeginBlock, number_of(block), bytes, kRedzone, zeroed ? 1 : 0);
}

void end_block(const void* block) { request(Request::kEndBlock, number_of(block), kRedzone); }

void resize_block(const void* block, std::size_t old_bytes, std::size_t bytes) {
  request(Request::kResizeBlock, number_of(block), old_bytes, bytes, kRedzone);
}

void forbid(const void* start, std::size_t bytes) {
  request(Request::kMakeNoAccess, number_of(start), bytes);
}

void allow(const void* start, std::size_t bytes) {
  request(Request::kMakeDefined, number_of(start), bytes);
}

void ignore() { request(Request::kChangeErrorDisablement, 1); }

void mind() { request(Request::kChangeErrorDisablement, static_cast<std::uintptr_t>(-1)); }

}  // namespace ashlar::valgrind
