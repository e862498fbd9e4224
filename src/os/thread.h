// Who the calling thread is, in one instruction, and the storage class of the one thread-local
// that the fast paths read. One small block a processor.
#pragma once

#include <cstdint>

#include "base/compiler.h"

namespace ashlar {

// A number that differs between all threads alive: the address in the TLS register. It is
// aligned to 64 bytes at least, so its low bits are free for flags; never 0.
ASHLAR_ALWAYS_INLINE std::uintptr_t thread_id() {
#if defined(__x86_64__) && defined(__LP64__)
  std::uintptr_t id;
  // The x86-64 psABI keeps the thread pointer itself at offset 0 of the TLS segment.
  asm("movq %%fs:0, %0" : "=r"(id));
  return id;
#else
  return reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer());
#endif
}

// Whether `id` is the calling thread's, with the comparison's operand straight from the TLS
// segment where the processor can do that.
ASHLAR_ALWAYS_INLINE bool is_thread_id(std::uintptr_t id) {
#if defined(__x86_64__) && defined(__LP64__)
  bool same;
  asm("cmpq %%fs:0, %1" : "=@ccz"(same) : "r"(id));
  return same;
#else
  return id == thread_id();
#endif
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
