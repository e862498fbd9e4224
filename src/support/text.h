// Text without allocation and without stdio: a small printf-like formatter and a buffer that is
// filled piece by piece and cut cleanly at its end. Not a replacement for printf: messages only.
#pragma once

#include <stdarg.h>

#include <cstddef>

#include "base/compiler.h"

namespace ashlar {

// Writes `format` with its arguments to `out`, at most capacity - 1 bytes and a final NUL, and
// returns the number of bytes before the NUL. Text that does not fit is cut, never in the middle
// of a UTF-8 sequence. A capacity of 0 writes nothing.
//
// Knows %c %s %d %i %u %x %X %p %% with the length modifiers l, ll and z, the flags '-' and '0',
// a width (a number or *), and a precision for %s (how many bytes to read at most; elsewhere it is
// ignored). A null string is "(null)". Anything else is copied as it stands.
ASHLAR_PRINTF(3, 0)
std::size_t format_text(char* out, std::size_t capacity, const char* format, va_list arguments);

// Text in an array of the caller's, always ended by a NUL. Once something did not fit, the text
// is truncated and later pieces are dropped, so that it never ends in a piece out of its place.
class TextBuffer {
 public:
  // `out` outlives the buffer; `capacity` counts the NUL and is not 0.
  TextBuffer(char* out, std::size_t capacity) : out_(out), capacity_(capacity) { clear(); }
  TextBuffer(const TextBuffer&) = delete;
  TextBuffer& operator=(const TextBuffer&) = delete;

  TextBuffer& append(const char* text);
  TextBuffer& append(const char* text, std::size_t length);
  TextBuffer& append(char character) { return append(&character, 1); }
  ASHLAR_PRINTF(2, 3) TextBuffer& append_format(const char* format, ...);
  ASHLAR_PRINTF(2, 0) TextBuffer& append_format_list(const char* format, va_list arguments);

  void clear();

  const char* text() const { return out_; }
  std::size_t length() const { return length_; }
  std::size_t capacity() const { return capacity_; }
  bool truncated() const { return truncated_; }

 private:
  friend class TextFormatter;
  void put(char character);

  char* const out_;
  const std::size_t capacity_;
  std::size_t length_ = 0;
  bool truncated_ = false;
};

// A TextBuffer with its array: for locals on the stack.
template <std::size_t kCapacity>
class FixedText {
 public:
  static_assert(kCapacity > 0);
  FixedText() : buffer_(storage_, kCapacity) {}
  TextBuffer& operator*() { return buffer_; }
  TextBuffer* operator->() { return &buffer_; }

 private:
  char storage_[kCapacity];
  TextBuffer buffer_;
};

}  // namespace ashlar
