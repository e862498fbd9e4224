// Fuzz target: sequences of calls of the C interface, by several threads, with heaps, options,
// limits and failing calls of the system, checked against what the program knows.
#include <fuzzer/FuzzedDataProvider.h>

#include "session.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)fuzz::Process::get();
  FuzzedDataProvider input(data, size);
  fuzz::Session session;
  fuzz::Step step;
  while (input.ConsumeData(&step, sizeof step) == sizeof step) {
    session.run(step);
  }
  return 0;
}
