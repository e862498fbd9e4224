// The C interface to memory limits.
#include <errno.h>

#include "ashlar/limits.h"
#include "base/compiler.h"
#include "heap/limits.h"

namespace ashlar {
namespace {

static_assert(kLimitAsItIs == SIZE_MAX);

// Function pointers of one type travel as another and back.
void call_program(const Pressure& pressure, void (*function)(), void* arg) {
  const ashlar_pressure_t told{.size = sizeof(ashlar_pressure_t),
                               .stage = pressure.stage,
                               .touched = pressure.touched,
                               .soft = pressure.soft,
                               .hard = pressure.hard,
                               .waiting = pressure.waiting,
                               .requested = pressure.requested};
  reinterpret_cast<ashlar_pressure_fun*>(function)(&told, arg);
}

}  // namespace
}  // namespace ashlar

extern "C" {

ASHLAR_EXPORT bool ashlar_memory_use(ashlar_memory_use_t* use) noexcept {
  if (use == nullptr || use->size < 2 * sizeof(std::size_t)) {
    return false;
  }
  const ashlar_memory_use_t now{.size = use->size,
                                .touched = ashlar::touched_bytes.now(),
                                .peak = ashlar::touched_bytes.peak(),
                                .waiting = ashlar::waiting_touched(),
                                .soft = ashlar::soft_limit(),
                                .hard = ashlar::touched_bytes.hard()};
  __builtin_memcpy(use, &now, use->size < sizeof now ? use->size : sizeof now);
  return true;
}

ASHLAR_EXPORT bool ashlar_limit_memory(std::size_t soft, std::size_t hard) noexcept {
  if (ashlar::set_limits(soft, hard)) {
    return true;
  }
  errno = EINVAL;
  return false;
}

ASHLAR_EXPORT bool ashlar_limit_from_cgroup(void) noexcept {
  const ashlar::FromCgroup result = ashlar::set_limits_from_cgroup();
  if (result != ashlar::FromCgroup::kSet) {
    errno = result == ashlar::FromCgroup::kNone ? ENOENT : EINVAL;
  }
  return result == ashlar::FromCgroup::kSet;
}

ASHLAR_EXPORT void ashlar_register_pressure(ashlar_pressure_fun* fun, void* arg) noexcept {
  ashlar::register_pressure(fun != nullptr ? ashlar::call_program : nullptr,
                            reinterpret_cast<void (*)()>(fun), arg);
}

}  // extern "C"
