// Counting by formatting: a piece is made on the stack in either pass.
#include "support/measured_text.h"

#include <stdarg.h>

#include "support/check.h"

namespace ashlar {

MeasuredText& MeasuredText::append_format(const char* format, ...) {
  FixedText<kPieceMax + 1> piece;
  va_list arguments;
  va_start(arguments, format);
  piece->append_format_list(format, arguments);
  va_end(arguments);
  check(!piece->truncated(), "a piece of measured text is at most kPieceMax bytes");
  length_ += piece->length();
  if (out_ != nullptr) {
    out_->append(piece->text(), piece->length());
  }
  return *this;
}

}  // namespace ashlar
