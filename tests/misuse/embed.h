// What the programs share that misuse the embedding interface: a realm of their own, and a thread
// attached to it with one heap. No program of its own.
#ifndef ASHLAR_TEST_MISUSE_EMBED_H
#define ASHLAR_TEST_MISUSE_EMBED_H

#include <ashlar/embed.h>
#include <stdlib.h>

static const ashlar_rt_heap_spec_t kHeap = {0, 0, false};

static inline bool attach(ashlar_rt_thread_t* thread, ashlar_rt_realm_t* realm) {
  return ashlar_rt_thread_attach(thread, realm, ashlar_rt_thread_id(), NULL, &kHeap, 1);
}

// Ends the program where it can't be had: that is no misuse.
static inline ashlar_rt_realm_t* attached_realm(ashlar_rt_thread_t* thread) {
  ashlar_rt_realm_t* const realm = ashlar_rt_realm_new(NULL, NULL);
  if (!attach(thread, realm)) {
    exit(1);
  }
  return realm;
}

#endif  // ASHLAR_TEST_MISUSE_EMBED_H
