// The C interface to options and their table, to the output function and to the error handler.
#include "base/compiler.h"
#include "heap/process.h"
#include "mimalloc.h"
#include "observe/option_report.h"
#include "support/messages.h"
#include "support/options.h"

namespace ashlar {
namespace {

constexpr Option option_of(mi_option_t option) {
  return static_cast<Option>(static_cast<int>(option));
}

// The numbers are spelled out twice, once for programs and once for us.
static_assert(static_cast<std::size_t>(_mi_option_last) == kOptionCount);
static_assert(option_of(mi_option_purge_decommits) == Option::kPurgeDecommits);
static_assert(option_of(mi_option_abandoned_page_purge) == Option::kAbandonedPagePurge);
static_assert(option_of(mi_option_purge_delay) == Option::kPurgeDelay);
static_assert(option_of(mi_option_limit_os_alloc) == Option::kLimitOsAlloc);
static_assert(option_of(mi_option_arena_reserve) == Option::kArenaReserve);
static_assert(option_of(mi_option_guarded_max) == Option::kGuardedMax);
static_assert(option_of(mi_option_arena_is_numa_local) == Option::kArenaIsNumaLocal);
static_assert(option_of(mi_option_limit_from_cgroup) == Option::kLimitFromCgroup);
static_assert(option_of(mi_option_purge_thread) == Option::kPurgeThread);
static_assert(option_of(mi_option_hollow_pages) == Option::kHollowPages);
static_assert(option_of(mi_option_guarded_pool) == Option::kGuardedPool);
static_assert(option_of(mi_option_show_leaks) == Option::kShowLeaks);
static_assert(option_of(mi_option_tool_held_back) == Option::kToolHeldBack);
static_assert(option_of(mi_option_allocation_sites) == Option::kAllocationSites);

void set_option(mi_option_t option, long value) {
  option_set(option_of(option), value);
  apply_option(option_of(option));
}

void set_option_default(mi_option_t option, long value) {
  option_set_default(option_of(option), value);
  apply_option(option_of(option));
}

}  // namespace
}  // namespace ashlar

extern "C" {

ASHLAR_EXPORT bool mi_option_is_enabled(mi_option_t option) noexcept {
  return ashlar::option_is_enabled(ashlar::option_of(option));
}

ASHLAR_EXPORT void mi_option_enable(mi_option_t option) noexcept { ashlar::set_option(option, 1); }

ASHLAR_EXPORT void mi_option_disable(mi_option_t option) noexcept { ashlar::set_option(option, 0); }

ASHLAR_EXPORT void mi_option_set_enabled(mi_option_t option, bool enable) noexcept {
  ashlar::set_option(option, enable ? 1 : 0);
}

ASHLAR_EXPORT void mi_option_set_enabled_default(mi_option_t option, bool enable) noexcept {
  ashlar::set_option_default(option, enable ? 1 : 0);
}

ASHLAR_EXPORT long mi_option_get(mi_option_t option) noexcept {
  return ashlar::option_get(ashlar::option_of(option));
}

ASHLAR_EXPORT long mi_option_get_clamp(mi_option_t option, long min, long max) noexcept {
  return ashlar::option_get_clamp(ashlar::option_of(option), min, max);
}

ASHLAR_EXPORT std::size_t mi_option_get_size(mi_option_t option) noexcept {
  return ashlar::option_get_size(ashlar::option_of(option));
}

ASHLAR_EXPORT void mi_option_set(mi_option_t option, long value) noexcept {
  ashlar::set_option(option, value);
}

ASHLAR_EXPORT void mi_option_set_default(mi_option_t option, long value) noexcept {
  ashlar::set_option_default(option, value);
}

ASHLAR_EXPORT void mi_options_print(void) noexcept { ashlar::print_options(nullptr, nullptr); }

ASHLAR_EXPORT void mi_options_print_out(mi_output_fun* out, void* arg) noexcept {
  ashlar::print_options(out, arg);
}

ASHLAR_EXPORT void mi_register_output(mi_output_fun* out, void* arg) noexcept {
  ashlar::register_output(out, arg);
}

ASHLAR_EXPORT void mi_register_error(mi_error_fun* fun, void* arg) noexcept {
  ashlar::register_error(fun, arg);
}

}  // extern "C"
