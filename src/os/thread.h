// Who the calling thread is, in one instruction, and the storage class of the one thread-local
// that the fast paths read.
#pragma once

#include <cstdint>

#include "base/compiler.h"
#include "os/processor.h"

namespace ashlar {

// A number that differs between all threads alive, with room for flags in its low bits; never 0.
ASHLAR_ALWAYS_INLINE std::uintptr_t thread_id() { return Processor::thread_pointer(); }

// Whether `id` is the calling thread's.
ASHLAR_ALWAYS_INLINE bool is_thread_id(std::uintptr_t id) {
  return Processor::is_thread_pointer(id);
}

// initial-exec costs one load in the preload library and none when linked into a program; a
// library that is loaded late and must not use static TLS is built with another model.
#if defined(ASHLAR_TLS_MODEL)
#define ASHLAR_THREAD_LOCAL [[gnu::tls_model(ASHLAR_TLS_MODEL)]] constinit thread_local
#define ASHLAR_EXTERN_THREAD_LOCAL \
  extern __attribute__((tls_model(ASHLAR_TLS_MODEL))) constinit thread_local
#else
#define ASHLAR_THREAD_LOCAL constinit thread_local
#define ASHLAR_EXTERN_THREAD_LOCAL extern constinit thread_local
#endif

}  // namespace ashlar
