// The C interface to what concerns the thread, the process and the library as a whole.
#include "base/compiler.h"
#include "heap/allocate.h"
#include "heap/process.h"
#include "heap/process_end.h"
#include "heap/thread_life.h"
#include "mimalloc.h"

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

}  // extern "C"
