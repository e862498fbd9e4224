// Telling one tool or another.
#include "support/tracker.h"

#include "base/integer.h"
#include "os/asan.h"
#include "os/tsan.h"
#include "os/valgrind.h"

namespace ashlar {

constinit RelaxedNumber<Tool> watching_tool;

namespace {

// Whether the tool's run time has begun. It is part of the program and begins with it, after the
// loader may have allocated.
constinit RelaxedNumber<bool> listens;

// Whether it was told of an arena.
constinit RelaxedNumber<bool> knows_arena;

Tool listening_tool() { return listens.get() ? watching_tool.get() : Tool::kNone; }

}  // namespace

void find_watching_tool() {
  watching_tool.set(find_tool());
  listens.set(is_watched_by(Tool::kValgrind));
}

void begin_telling() { listens.set(true); }

void note_arena(void* start, std::size_t bytes) {
  if (listening_tool() == Tool::kThreadSanitizer && knows_arena.replace(false, true)) {
    tsan::begin(start, bytes);
  }
}

void note_block(void* block, std::size_t bytes, Contents contents, CallSite site) {
  switch (listening_tool()) {
    case Tool::kAddressSanitizer:
      asan::allow(block, bytes);
      break;
    case Tool::kThreadSanitizer:
      tsan::begin_block(block, bytes, site.function, site.caller);
      break;
    case Tool::kValgrind:
      valgrind::begin_block(block, bytes, contents == Contents::kZero);
      break;
    case Tool::kNone:
      break;
  }
}

void note_block_gone(void* block, std::size_t bytes, CallSite site) {
  switch (listening_tool()) {
    case Tool::kAddressSanitizer:
      asan::forbid(block, bytes, asan::Kind::kFreed);
      break;
    case Tool::kThreadSanitizer:
      tsan::end_block(block, bytes, site.function, site.caller);
      break;
    case Tool::kValgrind:
      valgrind::end_block(block);
      break;
    case Tool::kNone:
      break;
  }
}

void note_block_shrunk(void* block, std::size_t old_bytes, std::size_t bytes, CallSite site) {
  void* const rest = at_offset(block, bytes);
  switch (listening_tool()) {
    case Tool::kAddressSanitizer:
      asan::forbid(rest, old_bytes - bytes, asan::Kind::kOverflow);
      break;
    case Tool::kThreadSanitizer:
      tsan::write(rest, old_bytes - bytes, site.function, site.caller);
      break;
    case Tool::kValgrind:
      valgrind::resize_block(block, old_bytes, bytes);
      break;
    case Tool::kNone:
      break;
  }
}

void note_surroundings(void* start, std::size_t bytes) {
  if (listening_tool() == Tool::kAddressSanitizer) {
    asan::forbid(start, bytes, asan::Kind::kOverflow);
  }
}

void note_page_memory(void* start, std::size_t bytes) {
  switch (listening_tool()) {
    case Tool::kAddressSanitizer:
      asan::forbid(start, bytes, asan::Kind::kOverflow);
      break;
    case Tool::kValgrind:
      valgrind::forbid(start, bytes);
      break;
    case Tool::kThreadSanitizer:
    case Tool::kNone:
      break;
  }
  note_page_roots(start, bytes);
}

void note_page_roots(void* start, std::size_t bytes) {
  switch (listening_tool()) {
    case Tool::kAddressSanitizer:
      asan::add_roots(start, bytes);
      break;
    case Tool::kThreadSanitizer:
      tsan::begin_page(start);
      break;
    case Tool::kValgrind:
    case Tool::kNone:
      break;
  }
}

void note_page_memory_gone(void* start, std::size_t bytes) {
  if (listening_tool() == Tool::kAddressSanitizer) {
    asan::remove_roots(start, bytes);
  }
}

void note_memory_free(void* start, std::size_t bytes) {
  switch (listening_tool()) {
    case Tool::kAddressSanitizer:
      asan::allow(start, bytes);
      break;
    case Tool::kValgrind:
      valgrind::allow(start, bytes);
      break;
    case Tool::kThreadSanitizer:
    case Tool::kNone:
      break;
  }
}

void note_bad_free(void* pointer) {
  switch (listening_tool()) {
    case Tool::kAddressSanitizer:
      asan::report_access(pointer);
      break;
    case Tool::kValgrind:
      valgrind::end_block(pointer);
      break;
    case Tool::kThreadSanitizer:
    case Tool::kNone:
      break;
  }
}

void QuietScope::begin_slow(Tool tool) {
  if (tool == Tool::kValgrind) {
    valgrind::ignore();
  } else if (tool == Tool::kThreadSanitizer && listens.get()) {
    tsan::ignore();
  }
}

void QuietScope::end_slow(Tool tool) {
  if (tool == Tool::kValgrind) {
    valgrind::mind();
  } else if (tool == Tool::kThreadSanitizer && listens.get()) {
    tsan::mind();
  }
}

void fill_unseen(void* start, unsigned char byte, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    *at_offset<unsigned char>(start, i) = byte;
    asm volatile("" ::: "memory");  // or the compiler makes a call of memset of it
  }
}

}  // namespace ashlar
