// Text whose length is wanted before it is written: one function makes it, in a pass that only
// counts and in a pass that writes, so that the two agree.
#pragma once

#include <cstddef>

#include "base/compiler.h"
#include "support/text.h"

namespace ashlar {

class MeasuredText {
 public:
  // The most bytes of a piece.
  static constexpr std::size_t kPieceMax = 500;

  MeasuredText() = default;                              // only counts
  explicit MeasuredText(TextBuffer* out) : out_(out) {}  // writes; `out` outlives it
  MeasuredText(const MeasuredText&) = delete;
  MeasuredText& operator=(const MeasuredText&) = delete;

  // As TextBuffer's. A piece of more than kPieceMax bytes is cut, in both passes.
  ASHLAR_PRINTF(2, 3) MeasuredText& append_format(const char* format, ...);

  // Bytes so far, also those for which `out` had no room.
  std::size_t length() const { return length_; }

 private:
  TextBuffer* const out_ = nullptr;
  std::size_t length_ = 0;
};

// The bytes of the text that make(MeasuredText&) appends, its final NUL not counted.
template <class Make>
std::size_t measure_text(Make make) {
  MeasuredText text;
  make(text);
  return text.length();
}

// Writes that text with a final NUL into `size` bytes; false, and nothing written, where they are
// too few for the whole of it.
template <class Make>
bool write_whole_text(char* out, std::size_t size, Make make) {
  if (size <= measure_text(make)) {
    return false;
  }
  TextBuffer buffer(out, size);
  MeasuredText text(&buffer);
  make(text);
  return true;
}

}  // namespace ashlar
