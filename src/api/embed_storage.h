// What stands in the storage of an attached thread: names of records, and where the storage is, so
// that one that was moved or never attached is told apart. Nothing of the library leads back to it.
#pragma once

#include <cstdint>

#include "ashlar/embed.h"
#include "base/compiler.h"
#include "base/integer.h"
#include "heap/attachment.h"

namespace ashlar {

// Owner:       the host; written by who attaches or detaches
// Invariants:  mark = 0: not attached, and all else is 0; mark = mark_of(this): attached; parts are
// those
//              of the attachment
// Life:        zero -> attached -> zero
struct Storage {
  std::uintptr_t mark;
  Attachment* attachment;
  ThreadHeap* parts[kTags];
};

static_assert(sizeof(Storage) <= sizeof(ashlar_rt_thread_t));
static_assert(sizeof(ashlar_rt_thread_t) == ASHLAR_RT_THREAD_SIZE &&
              alignof(ashlar_rt_thread_t) == ASHLAR_RT_THREAD_ALIGNMENT);
static_assert(kTags == ASHLAR_RT_TAGS);

inline std::uintptr_t mark_of(const Storage* storage) {
  return address_of(storage) ^ std::uintptr_t{0xA77A'C4ED'5708'A6ED};
}

inline Storage* storage_of(ashlar_rt_thread_t* thread) {
  return reinterpret_cast<Storage*>(thread);
}
inline const Storage* storage_of(const ashlar_rt_thread_t* thread) {
  return reinterpret_cast<const Storage*>(thread);
}

// Whether it is attached, and where it was. Where not, errno is EINVAL, and `call` is reported.
bool check_attached(const Storage* storage, const char* call);

// Whether a host's realm is meant. The same.
bool check_realm(const ashlar_rt_realm_t* realm, const char* call);

inline Realm* realm_of(ashlar_rt_realm_t* realm) { return reinterpret_cast<Realm*>(realm); }

}  // namespace ashlar
