// Public interface: realms. Not for use alone: mimalloc.h includes it.
#ifndef ASHLAR_REALMS_H
#define ASHLAR_REALMS_H

#if defined(__cplusplus)
extern "C" {
#endif

/// A realm: an isolated set of heaps, arenas and orphan pages. What it holds is the library's.
typedef struct {
  void* _mi_subproc_id;
} mi_subproc_id_t;

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_REALMS_H
