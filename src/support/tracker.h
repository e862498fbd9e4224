// What a tool that watches the process is told of the program's memory, whichever tool it is. Who
// tells it, and what surrounds a block then, is src/heap/tracked.h's business.
#pragma once

#include <cstddef>

#include "base/compiler.h"
#include "base/relaxed.h"
#include "base/units.h"
#include "os/tool.h"

namespace ashlar {

// The tool, found when the process starts and the same ever after. Told by no fast path.
ASHLAR_HIDDEN extern constinit RelaxedNumber<Tool> watching_tool;

inline bool is_watched() { return watching_tool.get() != Tool::kNone; }
inline bool is_watched_by(Tool tool) { return watching_tool.get() == tool; }

// Looks for a tool. Once, before the process has a page.
void find_watching_tool();

// From now on the tool is told: its own run time has begun.
void begin_telling();

// Blocks lie here. A tool that describes those of one range only hears of the first.
void note_arena(void* start, std::size_t bytes);

// Where a call came from, for reports: a function of ours and the place in the program.
struct CallSite {
  void* function = nullptr;
  void* caller = nullptr;
};

// For all of these the process is watched. A block is what the program sees of it.

// The program may touch these bytes from now on. Where `contents` are zero they may be read before
// they are written.
void note_block(void* block, std::size_t bytes, Contents contents, CallSite site);

// A block ends; no byte of it may be touched. And: it ends `bytes` behind its start now.
void note_block_gone(void* block, std::size_t bytes, CallSite site);
void note_block_shrunk(void* block, std::size_t old_bytes, std::size_t bytes, CallSite site);

// What lies round a block, in [start, block) and behind it, is nobody's.
void note_surroundings(void* start, std::size_t bytes);

// The memory of a page is ours: only blocks in it may be touched. The page is gone; what was in it
// stays as it is until the memory serves another purpose. Where the tool did not listen when the
// page was made: that there is one.
void note_page_memory(void* start, std::size_t bytes);
void note_page_roots(void* start, std::size_t bytes);
void note_page_memory_gone(void* start, std::size_t bytes);

// The memory may be anything from now on.
void note_memory_free(void* start, std::size_t bytes);

// The program gave a pointer back that begins no block in use: the tool may describe it.
void note_bad_free(void* pointer);

// memset for memory that the program may not touch: tools look at what libc's function is given.
void fill_unseen(void* start, unsigned char byte, std::size_t bytes);
ASHLAR_ALWAYS_INLINE void fill_bytes(void* start, unsigned char byte, std::size_t bytes) {
  unlikely(is_watched()) ? fill_unseen(start, byte, bytes)
                         : static_cast<void>(__builtin_memset(start, byte, bytes));
}

// While one lives, what the calling thread does to memory of ours is not reported: it reads and
// writes links in free blocks and what stands before blocks in use. They nest.
class QuietScope {
 public:
  QuietScope() : tool_(watching_tool.get()) {
    if (tool_ != Tool::kNone) {
      begin_slow(tool_);
    }
  }
  ~QuietScope() {
    if (tool_ != Tool::kNone) {
      end_slow(tool_);
    }
  }
  QuietScope(const QuietScope&) = delete;
  QuietScope& operator=(const QuietScope&) = delete;

 private:
  static void begin_slow(Tool tool);
  static void end_slow(Tool tool);

  Tool tool_;
};

}  // namespace ashlar
