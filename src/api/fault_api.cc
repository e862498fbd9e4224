// The switch of builds for fault injection: which OS call fails. Not compiled into any other.
#include "os/system.h"

extern "C" {

// Makes the n-th call for memory from now on fail (0: none), and with `onwards` all after it.
ASHLAR_EXPORT void ashlar_test_fail_os_call_at(unsigned long long n, bool onwards) noexcept {
  // relaxed, all of these: tests set this before they make the calls, on the same thread.
  ashlar::fault_plan.fail_at.store(0, std::memory_order_relaxed);
  ashlar::fault_plan.calls.store(0, std::memory_order_relaxed);
  // relaxed: as above.
  ashlar::fault_plan.fail_onwards.store(onwards, std::memory_order_relaxed);
  ashlar::fault_plan.fail_at.store(n, std::memory_order_relaxed);
}

// Calls made since then.
ASHLAR_EXPORT unsigned long long ashlar_test_os_calls() noexcept {
  // relaxed: as above.
  return ashlar::fault_plan.calls.load(std::memory_order_relaxed);
}

}  // extern "C"
