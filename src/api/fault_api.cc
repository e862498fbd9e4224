// The switch of builds for fault injection: which OS call fails. Not compiled into any other.
#include "os/system.h"

extern "C" {

// Makes the n-th call for memory from now on fail (0: none), and with `onwards` all after it.
ASHLAR_EXPORT void ashlar_test_fail_os_call_at(unsigned long long n, bool onwards) noexcept {
  ashlar::fault_plan.start(n, onwards);
}

// Calls made since then.
ASHLAR_EXPORT unsigned long long ashlar_test_os_calls() noexcept {
  return ashlar::fault_plan.calls_made();
}

}  // extern "C"
