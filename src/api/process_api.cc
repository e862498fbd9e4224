// The C interface to what concerns the thread, the process and the library as a whole.
#include "base/compiler.h"
#include "heap/allocate.h"
#include "heap/process.h"
#include "heap/process_end.h"
#include "heap/thread_life.h"
#include "mimalloc.h"
#include "observe/process_report.h"

namespace ashlar {
namespace {

template <class Value>
void write_if_wanted(std::size_t* place, Value value) {
  if (place != nullptr) {
    *place = static_cast<std::size_t>(value);
  }
}

}  // namespace
}  // namespace ashlar

extern "C" {

ASHLAR_EXPORT int mi_version(void) noexcept { return MI_MALLOC_VERSION; }
ASHLAR_EXPORT bool mi_is_redirected(void) noexcept { return false; }

ASHLAR_EXPORT void mi_register_deferred_free(mi_deferred_free_fun* deferred_free,
                                             void* arg) noexcept {
  ashlar::register_deferred_free(deferred_free, arg);
}
ASHLAR_EXPORT void mi_collect(bool force) noexcept { ashlar::collect(force); }

ASHLAR_EXPORT void mi_process_init(void) noexcept { ashlar::start_process(); }
ASHLAR_EXPORT void mi_thread_init(void) noexcept {
  if (ashlar::thread_heap == &ashlar::empty_heap) {
    ashlar::start_thread();
  }
}
ASHLAR_EXPORT void mi_thread_done(void) noexcept { ashlar::end_thread(); }
ASHLAR_EXPORT void mi_thread_set_in_threadpool(void) noexcept { ashlar::note_pool_thread(); }
ASHLAR_EXPORT void ashlar_thread_park(void) noexcept { ashlar::park_thread(); }
ASHLAR_EXPORT void mi_collect_reduce(std::size_t target_thread_owned) noexcept {
  ashlar::reduce(target_thread_owned);
}
ASHLAR_EXPORT void mi_process_done(void) noexcept { ashlar::end_process(); }

ASHLAR_EXPORT void mi_process_info(std::size_t* elapsed_msecs, std::size_t* user_msecs,
                                   std::size_t* system_msecs, std::size_t* current_rss,
                                   std::size_t* peak_rss, std::size_t* current_commit,
                                   std::size_t* peak_commit, std::size_t* page_faults) noexcept {
  using ashlar::write_if_wanted;
  const ashlar::ProcessInfo info = ashlar::process_info();
  write_if_wanted(elapsed_msecs, info.elapsed_ms);
  write_if_wanted(user_msecs, info.usage.user_ms);
  write_if_wanted(system_msecs, info.usage.system_ms);
  write_if_wanted(current_rss, info.usage.resident);
  write_if_wanted(peak_rss, info.usage.peak_resident);
  write_if_wanted(current_commit, info.committed);
  write_if_wanted(peak_commit, info.peak_committed);
  write_if_wanted(page_faults, info.usage.blocking_faults);
}
ASHLAR_EXPORT void mi_process_info_print(void) noexcept {
  ashlar::print_process_info(nullptr, nullptr);
}
ASHLAR_EXPORT void mi_process_info_print_out(mi_output_fun* out, void* arg) noexcept {
  ashlar::print_process_info(out, arg);
}

}  // extern "C"
