// Public interface: how much memory the library may have touched, limits of that, and what the
// program is told when they come near. docs/limits.md says what is counted.
#ifndef ASHLAR_LIMITS_H
#define ASHLAR_LIMITS_H

#include <stddef.h>
#if !defined(__cplusplus)
#include <stdbool.h>
#endif

#include "ashlar/attributes.h"

#if defined(__cplusplus)
extern "C" {
#endif

/// @name Memory limits
/// For the whole process, all realms together. Sizes are bytes. Threads: any, at any time; figures
/// that are read together may be of different moments.
/// @{

/// What the library uses. Later versions may add fields at the end.
typedef struct ashlar_memory_use_s {
  size_t size;     ///< of this structure, set by the caller: fields beyond it are not written
  size_t touched;  ///< bytes that may be resident
  size_t peak;     ///< the most of them so far
  size_t waiting;  ///< the part of them that is free and waits to be purged
  size_t soft;     ///< the soft limit; 0: none
  size_t hard;     ///< the hard limit; 0: none
} ashlar_memory_use_t;

/**
 * Reads the figures.
 * @param use its `size` is set, to sizeof(ashlar_memory_use_t)
 * @return false, and nothing written, for NULL or a `size` of less than two fields
 * Linear in the address space reserved (for `waiting`): a load for each 4 MiB.
 */
mi_decl_export bool ashlar_memory_use(ashlar_memory_use_t* use) mi_attr_noexcept;

/**
 * Sets the limits of touched bytes.
 * @param soft where free memory is given back at once and the pressure function is called; 0: no
 *             such limit; SIZE_MAX: as it is
 * @param hard where requests fail: NULL and ENOMEM; 0: no such limit; SIZE_MAX: as it is
 * @return false with errno EINVAL, a warning and nothing changed where `hard` is below 1 MiB or
 *         below `soft`
 * A limit below what is touched already is accepted: free memory is purged at once, and growth
 * fails until enough was freed. Existing blocks stay usable, and can be freed. All stages of
 * pressure may be passed anew. May be called from the pressure function. Linear in what waits to be
 * purged.
 */
mi_decl_export bool ashlar_limit_memory(size_t soft, size_t hard) mi_attr_noexcept;

/**
 * Sets the limits from the memory limits of the process's control group (cgroup, version 2 or 1)
 * and those above it, the smallest of each kind: hard := the limit; soft := memory.high where it is
 * set, else seven eighths of the limit.
 * @return false, and nothing changed, where there is none (errno ENOENT) or it is no possible limit
 *         (EINVAL, and a warning)
 * Reads a few files for each level of the hierarchy.
 */
mi_decl_export bool ashlar_limit_from_cgroup(void) mi_attr_noexcept;

/// What the pressure function is told. Later versions may add fields at the end.
typedef struct ashlar_pressure_s {
  size_t size;       ///< of this structure, as the library knows it
  int stage;         ///< 1 to 4, see ashlar_register_pressure()
  size_t touched;    ///< as in ashlar_memory_use_t
  size_t soft;       ///< the limits; 0: none
  size_t hard;       ///< ...
  size_t waiting;    ///< free memory that waits to be purged: what purging left
  size_t requested;  ///< bytes of the request at hand
} ashlar_pressure_t;

/// Frees memory, stops taking more, or writes it down.
typedef void(mi_cdecl ashlar_pressure_fun)(const ashlar_pressure_t* pressure, void* arg);

/**
 * Has `fun` called when the request at hand would make touched bytes pass a threshold, and purging
 * all that is free has not helped:
 * stage 1: the soft limit; 2: half of the way from the soft limit (0 without one) to the hard one;
 * 3: seven eighths of that way; 4: a request is about to fail at the hard limit. It is tried once
 * more afterwards.
 * @param fun NULL: none. Another thread may still be in the earlier one when this returns
 * @param arg given to `fun`
 * Each stage is called once, and again only after touched bytes were seen below fifteen sixteenths
 * of its threshold (stage 4: of the hard limit), or new limits were set; stage 4 also after a call
 * that helped. Requests that pass several thresholds call them in turn.
 *
 * The function is called by the thread that allocates, from slow paths of allocation alone, never
 * from a free, with no lock of the library held, never from inside itself or a deferred free
 * function of the same thread, never while a thread ends. It may allocate and free, collect, and
 * set limits; what it allocates calls no function again and fails at the hard limit without a
 * wait. It may delete and destroy heaps but the one that the thread allocates from. It must return:
 * where it leaves by longjmp, nothing is lost, but neither it nor a deferred free function is
 * called in that thread any more; an exception may end the program. Constant time.
 */
mi_decl_export void ashlar_register_pressure(ashlar_pressure_fun* fun, void* arg) mi_attr_noexcept;

/// @}

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_LIMITS_H
