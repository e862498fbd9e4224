// What the library calls, or looks up every pointer by: of most use to whoever gets a program to
// write where it should not. In profiles that seal it can only be written while it is changed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/compiler.h"
#include "base/units.h"
#include "os/system.h"
#include "policy/config.h"
#include "policy/layout.h"
#include "support/messages.h"

namespace ashlar {

struct Page;

using DeferredFreeFunction = void(bool force, unsigned long long heartbeat, void* arg);

// As large as an OS page of most systems. Where they are larger nothing is sealed.
inline constexpr std::size_t kSealBytes = kActive.seal ? 4 * kKiB : kCacheLine;

// Owner:       messages_lock(), but for the window, which is placed before there is a second thread
// Shared:      deferred_free and its arg are read by all; the window too
// Life:        written as it is until seal(), then by change_sealed() only
struct alignas(kSealBytes) Sealed {
  // Of the page map: entries from this address on, one a slice.
  std::uintptr_t window_base;
  std::size_t window_entries;
  std::atomic<Page*>* window;
  // The program's functions, each with what is passed to it; nullptr: none.
  OutputFunction* output;
  void* output_arg;
  ErrorFunction* error;
  void* error_arg;
  std::atomic<DeferredFreeFunction*> deferred_free;
  std::atomic<void*> deferred_free_arg;
};

ASHLAR_HIDDEN extern constinit Sealed sealed;

// From now on nobody writes to it by accident. The caller holds messages_lock().
void seal();

// Runs change() while it may be written. False, and nothing is changed, where the system does not
// allow that. The caller holds messages_lock().
bool open_seal();
void close_seal();
template <class Change>
[[nodiscard]] bool change_sealed(Change change) {
  if (!open_seal()) {
    return false;
  }
  change();
  close_seal();
  return true;
}

}  // namespace ashlar
