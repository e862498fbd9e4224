// Where a report goes, line by line: to a function of the caller's, else where messages go.
#pragma once

#include "support/messages.h"
#include "support/noted_stacks.h"

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

  // The stack of a site, a line a frame.
  void write_stack(const char* what, NotedStack site) const {
    print_stack(function_, arg_, what, site);
  }

 private:
  OutputFunction* const function_;
  void* const arg_;
};

}  // namespace ashlar
