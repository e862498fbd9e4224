// Public interface: version, messages and errors, and the life of threads and of the process.
// Not for use alone: mimalloc.h includes it.
#ifndef ASHLAR_PROCESS_H
#define ASHLAR_PROCESS_H

#include <stddef.h>
#if !defined(__cplusplus)
#include <stdbool.h>
#endif

#include "ashlar/attributes.h"
#include "ashlar/output.h"

#if defined(__cplusplus)
extern "C" {
#endif

/// @name The library itself
/// Threads: any, at any time.
/// @{

/// The version of the interface that was linked: MI_MALLOC_VERSION of its header. Any thread,
/// constant time.
mi_decl_nodiscard mi_decl_export int mi_version(void) mi_attr_noexcept;

/// Whether the plain malloc and free of the process were redirected to this library when it was
/// loaded. Only Windows redirects in that way; elsewhere this is false, also where the library
/// overrides malloc at link or load time. Any thread, constant time.
mi_decl_nodiscard mi_decl_export bool mi_is_redirected(void) mi_attr_noexcept;

/// @}
/// @name Messages and errors
/// A message starts with `ashlar: `, then in all threads but the first `[thread N]`, N as the
/// system counts threads. Printing allocates nothing and uses no stdio. Threads: any, at any time;
/// registering takes a lock. Another thread may still be in an earlier function, or just about to
/// call it with its argument, when a registering call returns: what these use must stay. No
/// function is called while it is registered but for the earlier messages.
/// @{

/**
 * Sends all messages to `out` instead of stderr.
 * @param out the function; NULL: stderr, unbuffered. What was printed before the first call of
 *            this function (up to 32 KiB of it) is handed to `out` at once
 * @param arg given to `out` with each message
 */
mi_decl_export void mi_register_output(mi_output_fun* out, void* arg) mi_attr_noexcept;

/**
 * Hears of errors.
 * @param err EAGAIN: a block freed twice; EFAULT: a corrupted block or list; ENOMEM: out of
 *            memory; EOVERFLOW: a request over PTRDIFF_MAX or an overflowing product; EINVAL: an
 *            invalid pointer
 * @param arg what was given when it was registered
 * Called by the thread that met the error, after the message, holding no lock: it may allocate. An
 * error that it meets itself does not call it again. It must return, or end the program.
 */
typedef void(mi_cdecl mi_error_fun)(int err, void* arg);

/// Calls `fun` with `arg` for every error; NULL: as without a function (debug and secure builds
/// stop the program on EFAULT, EINVAL and EAGAIN). A library that was built with ASHLAR_XMALLOC
/// stops the program on ENOMEM and EOVERFLOW, after calling `fun`.
mi_decl_export void mi_register_error(mi_error_fun* fun, void* arg) mi_attr_noexcept;

/// @}
/// @name Threads and the process
/// Threads: any, at any time; what is said of a thread is done by and for the calling one, and
/// needs no care of others. What the whole process shares says so.
/// @{

/**
 * Called now and then from inside allocation, so that a program can free what it has put aside.
 * @param force     whether memory is being collected by force: free all there is
 * @param heartbeat a number that grows from call to call
 * @param arg       what was given when it was registered
 */
typedef void(mi_cdecl mi_deferred_free_fun)(bool force, unsigned long long heartbeat, void* arg);

/// Has `deferred_free` called on the slow paths of allocation, by the allocating thread, never
/// from inside itself; NULL: no longer. A loop that allocates and frees one block reaches it too.
/// The function may allocate and free, make heaps, and delete or destroy any but the one that the
/// calling thread is allocating from. There is one for the process: what other threads are calling
/// may still be the earlier one when this returns.
mi_decl_export void mi_register_deferred_free(mi_deferred_free_fun* deferred_free,
                                              void* arg) mi_attr_noexcept;

/**
 * Gives memory back: takes in what other threads have freed of the calling thread's blocks and
 * releases its empty pages.
 * @param force true: all of it, and the free memory of all arenas is given to the system at once,
 * as are OS pages without a block in use of pages that the thread or nobody owns
 * @note Any thread, for itself. Time linear in the pages of the thread; with `force` in the free
 * blocks of its pages and of orphans as well.
 */
mi_decl_export void mi_collect(bool force) mi_attr_noexcept;

/// Prepares the calling thread. Happens by itself at its first allocation; a second call does
/// nothing. Constant time.
mi_decl_export void mi_thread_init(void) mi_attr_noexcept;

/// Orphans the calling thread's pages, as its end does by itself: its blocks stay valid. A later
/// allocation prepares the thread again, with the main heap as its default. Does nothing in a
/// thread that never allocated, or a second time. Time linear in the pages of the thread.
mi_decl_export void mi_thread_done(void) mi_attr_noexcept;

/**
 * Lets go of all memory of the calling thread, which is about to sleep for long: what is free in
 * its pages can be used by other threads, and empty pages are released. Its blocks stay valid, and
 * the thread may allocate and free as before whenever it wakes. Time linear in the pages of the
 * thread; without effect in a thread that never allocated.
 */
mi_decl_export void ashlar_thread_park(void) mi_attr_noexcept;

/// Says that the calling thread belongs to a pool and sleeps between tasks: from now on it keeps no
/// empty page, and does not take over pages by freeing into them. Constant time.
mi_decl_export void mi_thread_set_in_threadpool(void) mi_attr_noexcept;

/**
 * Has the calling thread own little memory: collects, and then lets go of pages, the full ones
 * first, until those that it owns are at most `target_thread_owned` bytes. Blocks in them stay
 * valid; other threads may use what is free in them. 0: all, as ashlar_thread_park() does. Time
 * linear in the pages of the thread.
 */
mi_decl_export void mi_collect_reduce(size_t target_thread_owned) mi_attr_noexcept;

/// Prepares the process. Happens by itself before the first allocation; a second call does
/// nothing. Any thread.
mi_decl_export void mi_process_init(void) mi_attr_noexcept;

/**
 * Ends the use of the library in this process. Happens by itself when the process exits; a second
 * call does nothing. Allocating and freeing goes on to work afterwards, since destructors and
 * libraries may still do so. With the option destroy_on_exit, memory is given back: all heaps but
 * the main one are destroyed and, where the library does not override malloc (then libc itself may
 * still hold blocks), so is the main heap; no other thread may use the library then.
 */
mi_decl_export void mi_process_done(void) mi_attr_noexcept;

/// @}
/// @name What the process uses
/// From the system, for the whole process, whatever its memory is used for; a few system calls
/// each. What the system does not tell is 0. Threads: any, at any time; figures that are read
/// together may be of different moments.
/// @{

/**
 * Reads the figures of the process. A pointer that is NULL is left alone.
 * @param elapsed_msecs  milliseconds since the library started
 * @param user_msecs     milliseconds of processor time in the program, all threads together
 * @param system_msecs   the same in the kernel
 * @param current_rss    bytes of resident memory
 * @param peak_rss       the most bytes of resident memory so far
 * @param current_commit bytes that the library holds from the system for blocks, resident or not;
 *                       what was reserved ahead is part of it, what metadata takes is not
 * @param peak_commit    the most bytes of that so far
 * @param page_faults    page faults that had to wait for a device
 */
mi_decl_export void mi_process_info(size_t* elapsed_msecs, size_t* user_msecs, size_t* system_msecs,
                                    size_t* current_rss, size_t* peak_rss, size_t* current_commit,
                                    size_t* peak_commit, size_t* page_faults) mi_attr_noexcept;

/// Prints the figures of mi_process_info() where messages go: to the function of
/// mi_register_output(), else to stderr. Allocates nothing.
mi_decl_export void mi_process_info_print(void) mi_attr_noexcept;
/// Prints them to `out`, one call a line; NULL: as mi_process_info_print().
mi_decl_export void mi_process_info_print_out(mi_output_fun* out, void* arg) mi_attr_noexcept;

/// @}

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_PROCESS_H
