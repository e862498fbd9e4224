// The end of a program whose invariants are broken: one line, then stop.
#include "support/check.h"

#include <cstddef>

#include "os/system.h"
#include "support/text.h"

namespace ashlar {

void check_failed(const char* law, const char* file, unsigned line) {
  FixedText<512> text;
  text->append_format("ashlar: error: invariant broken: %s (%s:%u)\n", law, file, line);
  System::write_error(text->text(), text->length());
  System::stop();
}

}  // namespace ashlar
