// Where a report goes, line by line: to a function of the caller's, else where messages go.
#pragma once

#include "support/messages.h"

namespace ashlar {

class ReportOutput {
 public:
  ReportOutput(OutputFunction* function, void* arg) : function_(function), arg_(arg) {}

  // `text` is whole lines. The caller holds no lock.
  void write(const char* text) const {
    if (function_ != nullptr) {
      function_(text, arg_);
    } else {
      write_output(text);
    }
  }

 private:
  OutputFunction* const function_;
  void* const arg_;
};

}  // namespace ashlar
