// Public interface: giving free memory back to the system now, rather than after a delay.
#ifndef ASHLAR_TRIM_H
#define ASHLAR_TRIM_H

#include <stddef.h>

#include "ashlar/attributes.h"

#if defined(__cplusplus)
extern "C" {
#endif

/// @name Trimming
/// Threads: any, at any time, also from the functions that the library calls (deferred free,
/// pressure, output); only not from a visitor of blocks, whose pages it might release.
/// @{

/// How far ashlar_trim() goes; each level includes those before it.
typedef enum ashlar_trim_level_e {
  ASHLAR_TRIM_WAITING = 0,  ///< memory that is free and waits for its delay to pass
  ASHLAR_TRIM_COLLECT = 1,  ///< and pages that are empty when all was collected, OS pages in others
  ASHLAR_TRIM_LET_GO = 2,   ///< and pages with room are let go of, for other threads to use
} ashlar_trim_level_t;

/**
 * Gives free memory back to the system, of all realms and of memory in which no thread has a part.
 * What a thread owns only it can take apart: the calling thread does so now, every other one at its
 * next allocation that is not served by the fast path, and what becomes free then waits for the
 * usual delay. What a thread holds that never calls again is small: it has let go of its full
 * pages, and keeps one with room for each size that it used, and up to eight empty ones (see
 * ashlar_thread_park() for none at all).
 * @param level ASHLAR_TRIM_WAITING to ASHLAR_TRIM_LET_GO; other values count as the nearest
 * @return bytes given back during the call, those of other threads that did so meanwhile included
 * Memory that the program mapped for arenas is decommitted by its own functions. Dense huge OS
 * pages stay whole. From ASHLAR_TRIM_COLLECT on the OS pages in which no block is in use go back as
 * well, from among the blocks in use: some microseconds each, and a page fault when they are needed
 * again. Linear in the free blocks of the pages that the calling thread or nobody owns, in the
 * slices in use, and in what waits.
 */
mi_decl_export size_t ashlar_trim(int level) mi_attr_noexcept;

/// @}

#if defined(__cplusplus)
}
#endif

#endif  // ASHLAR_TRIM_H
