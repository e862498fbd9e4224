// Public interface: the function that receives text. Not for use alone: mimalloc.h includes it.
#ifndef ASHLAR_OUTPUT_H
#define ASHLAR_OUTPUT_H

#include "ashlar/attributes.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * Receives a message, or a part of one.
 * @param msg text that ends in a zero byte; valid during the call only
 * @param arg what was given when it was registered
 * The function may be called from inside any call of this interface, by several threads at once.
 * It may allocate; a message that the library has for the same thread meanwhile is dropped.
 */
typedef void(mi_cdecl mi_output_fun)(const char* msg, void* arg);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_OUTPUT_H
