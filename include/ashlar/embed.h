// Public interface for language runtimes: heaps of tagged blocks for threads that the host
// attaches, rules that make lock-free readers of freed blocks safe, and walks over all that lives.
// For C11 and C++11 or later; stands alone. docs/embedding.md is the guide.
#ifndef ASHLAR_EMBED_H
#define ASHLAR_EMBED_H

#include <stddef.h>
#include <stdint.h>
#if !defined(__cplusplus)
#include <stdbool.h>
#endif

#include "ashlar/attributes.h"
#include "ashlar/embed_names.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * @name Words
 *
 * The *host* is the runtime that embeds the library. A *realm* is what one interpreter allocates:
 * memory never crosses realms while it holds blocks. A host's thread is *attached* to a realm by
 * storage of the host's; the same OS thread may be attached to several realms at once, and more
 * than once to one. Being attached, it has a *heap* for each *tag* that it named: a number of the
 * host's for a kind of blocks, say those its collector looks at. A *page* is what blocks of one
 * size, tag and realm lie in; one attached thread owns it, or nobody: then it is an *orphan*, and
 * the next thread of its realm that needs one takes it.
 *
 * ### Rules that make lock-free readers safe
 * A reader may still hold a pointer to a block that another thread has just freed.
 *
 * *Prefix:* of a free block no more than word 0 is written, by a relaxed atomic store of the size
 * of a pointer, and never with a value that can be the id of a thread alive. Bytes sizeof(void*) to
 * prefix - 1 keep what they held, as long as the page has blocks in use and in each profile; when
 * the block is handed out again they are the new holder's (calloc and realloc write them by relaxed
 * atomic stores, malloc does not write them). A block that is smaller than the prefix has all of
 * its bytes in it.
 *
 * *Hold:* a page that became empty stays mapped, readable and writable until a *goal* is reached
 * that the host named after the last free. Until then it serves requests of its own size class, tag
 * and realm only, at once, and of another thread too where its owner abandoned it. A block handed
 * out from it cancels the goal; when the page empties again, the host is asked again. What a held
 * page holds is kept, or reads as zero.
 *
 * *Goals* are 64-bit sequence numbers of the host's; a is before b where (int64_t)(a - b) < 0.
 *
 * *Stable owners:* ashlar_rt_owner() says which thread owns the page of a block. It is not 0 as
 * long as the thread is attached and has not abandoned its heaps, since pages of attached threads
 * change hands by ashlar_rt_thread_abandon() alone.
 *
 * ### Profiles
 * "Reported" means: debug and secure builds stop the program with a message unless an error
 * function is registered; release builds say nothing (unless the option show_errors is set), and do
 * what the text says.
 */

/// What a host keeps for a realm, and for a thread's heap in it.
typedef struct ashlar_rt_realm_s ashlar_rt_realm_t;
typedef struct ashlar_rt_heap_s ashlar_rt_heap_t;

/// Tags are 0 to ASHLAR_RT_TAGS - 1; a mask of tags has bit t set for tag t.
#define ASHLAR_RT_TAGS 16
#define ASHLAR_RT_ALL_TAGS 0xFFFFu

/// Bytes and alignment of the storage of an attached thread.
#define ASHLAR_RT_THREAD_SIZE 256
#define ASHLAR_RT_THREAD_ALIGNMENT 16

/// The largest prefix.
#define ASHLAR_RT_PREFIX_MAX 64

/// The storage. The host zeroes it before the first use and keeps it where it is while attached.
typedef struct ashlar_rt_thread_s {
  ASHLAR_ATTRIBUTE(aligned(ASHLAR_RT_THREAD_ALIGNMENT))
  uintptr_t reserved[ASHLAR_RT_THREAD_SIZE / sizeof(uintptr_t)];  ///< the library's own
} ashlar_rt_thread_t;

/**
 * @name Realms
 * Threads: any; making and destroying takes a lock.
 */
/// @{

/// What the host says of a page that has become empty.
typedef enum {
  ASHLAR_RT_RELEASE = 0,  ///< nobody reads it any more
  ASHLAR_RT_HOLD = 1      ///< kept until the goal is reached
} ashlar_rt_answer_t;

/**
 * Asked after the last free of a page of a heap that holds.
 * @param user    of the realm
 * @param context of the thread that owned the page, not of the calling one; NULL: nobody did
 * @param page    its first block
 * @param bytes   of the page
 * @param goal    set where the answer is ASHLAR_RT_HOLD
 * A goal that comes before one which was given earlier for the same page, or for another page of
 * the thread's, is reported, and the earlier one counts.
 * ASHLAR_RT_RELEASE for a page whose earlier goal was cancelled and is not reached yet is
 * reported, and counts as ASHLAR_RT_HOLD with that goal. NULL: as if it always said
 * ASHLAR_RT_RELEASE.
 */
typedef ashlar_rt_answer_t(mi_cdecl ashlar_rt_page_empty_fun)(void* user, void* context,
                                                              const void* page, size_t bytes,
                                                              uint64_t* goal);

/**
 * Whether a goal is reached.
 * @param context of the attached thread that asks; NULL: it is not attached to the realm
 * @param scan    true: the host may look at all threads for the answer, since the caller is about
 *                to take memory from the system otherwise; false: from what it knows
 * A goal that was reached stays so. NULL: goals are reached by release calls alone.
 */
typedef bool(mi_cdecl ashlar_rt_goal_reached_fun)(void* user, void* context, uint64_t goal,
                                                  bool scan);

/**
 * The host's answers. None may allocate, free, or call anything else of this interface but
 * ashlar_rt_owner() and ashlar_rt_prefix(); none is called from a visit. They are called on the
 * thread whose call made them necessary, and may be called under a lock of the library: they must
 * not wait for another thread.
 */
typedef struct {
  size_t size;  ///< of this structure, set by the host
  ashlar_rt_page_empty_fun* page_empty;
  ashlar_rt_goal_reached_fun* goal_reached;
} ashlar_rt_ops_t;

/**
 * A new realm.
 * @param ops  copied; NULL: nothing is held
 * @param user handed to the ops
 * @return NULL with errno ENOMEM where memory is short, or EINVAL (reported) where `ops->size` is
 *         none of this interface's
 */
mi_decl_nodiscard mi_decl_export ashlar_rt_realm_t* ashlar_rt_realm_new(
    const ashlar_rt_ops_t* ops, void* user) mi_attr_noexcept;

/// What a realm left behind. Later versions may add fields at the end.
typedef struct {
  size_t size;    ///< of this structure, set by the host: fields beyond it are not written
  size_t pages;   ///< that still hold blocks in use
  size_t blocks;  ///< in use
  size_t bytes;   ///< of these blocks
} ashlar_rt_leftovers_t;

/**
 * Ends a realm. Its ops are not called any more: what is held is released at once, whatever the
 * goal. Pages with blocks in use stay valid; ashlar_rt_free() of the last one gives the page back,
 * and with the last page the realm's memory is unmapped.
 * @param leftovers NULL, or where to say what is left
 * @return false with errno EINVAL (reported), and nothing is done, where threads are attached or
 * the realm is none (any more) Frees of its blocks may go on in other threads; they are counted as
 * of one moment of the call. Linear in its pages.
 */
mi_decl_export bool ashlar_rt_realm_destroy(ashlar_rt_realm_t* realm,
                                            ashlar_rt_leftovers_t* leftovers) mi_attr_noexcept;

/// @}

/**
 * @name Attached threads
 * Each function says which threads may call it. The storage of different threads may be used at the
 * same time.
 */
/// @{

/// A heap that an attached thread is to have. Of one tag and realm it says the same for all
/// threads.
typedef struct {
  unsigned tag;   ///< less than ASHLAR_RT_TAGS
  size_t prefix;  ///< bytes, a multiple of sizeof(void*) up to ASHLAR_RT_PREFIX_MAX; 0: none
  bool hold;      ///< whether its empty pages are held
} ashlar_rt_heap_spec_t;

/**
 * The calling thread's id: the address in its TLS register, which differs between all threads
 * alive. Never 0; a multiple of 64. One instruction in the host, too. Any thread.
 */
mi_decl_nodiscard mi_decl_export uintptr_t ashlar_rt_thread_id(void) mi_attr_noexcept;

/**
 * Attaches the calling thread to a realm.
 * @param thread  storage, zeroed
 * @param id      ashlar_rt_thread_id() of the calling thread. It is what a page says of its owner:
 *                free() finds out by one compare with the TLS register whose a block is, and a
 * value that a host puts into its objects' first word is then never a link of a free list
 * @param context handed to the ops
 * @param heaps   `count` of them, of different tags
 * @return true; or false, the storage as it was, with errno ENOMEM, or EINVAL (reported): attached
 *         already, misaligned, another id, no realm, a bad tag or prefix, a tag twice, or one that
 *         the realm knows with another prefix or hold
 * When the OS thread ends while attached, its heaps are abandoned by themselves; the storage must
 * be there until then, and be detached by another thread. Takes a lock; a record of about 2 KiB
 * for the thread and for each heap. Linear in count and in the threads attached to the realm.
 */
mi_decl_export bool ashlar_rt_thread_attach(ashlar_rt_thread_t* thread, ashlar_rt_realm_t* realm,
                                            uintptr_t id, void* context,
                                            const ashlar_rt_heap_spec_t* heaps,
                                            size_t count) mi_attr_noexcept;

/**
 * The thread's heap of a tag, valid until it detaches (also across abandoning). Any thread while
 * the owner does not detach; constant time. NULL where it has none of the tag, is not attached, or
 * the storage is not where it was attached (errno EINVAL; the latter reported).
 */
mi_decl_nodiscard mi_decl_export ashlar_rt_heap_t* ashlar_rt_thread_heap(
    const ashlar_rt_thread_t* thread, unsigned tag) mi_attr_noexcept;

/**
 * Makes all pages of the thread's heaps orphans, at once. Goals of held pages are kept; empty ones
 * without are asked about. The thread stays attached and may allocate again, and abandon again.
 * Nothing that other threads may come by refers to the storage afterwards.
 * @return false with errno EINVAL (reported) where the storage is not attached, or was moved
 * The owner; or any thread while the owner is stopped or has ended, that is: makes no call that
 * allocates from this realm or frees into it (it may be running in another realm). Other threads
 * may free into the pages meanwhile. Linear in the pages.
 */
mi_decl_export bool ashlar_rt_thread_abandon(ashlar_rt_thread_t* thread) mi_attr_noexcept;

/**
 * Abandons, gives the thread's records back and zeroes the storage. The thread's heaps are no more.
 * Same threads and answers. Storage that was never attached, or is detached already (zeroed), is
 * left alone: true.
 */
mi_decl_export bool ashlar_rt_thread_detach(ashlar_rt_thread_t* thread) mi_attr_noexcept;

/// @}

/**
 * @name Blocks
 * What allocates is for the OS thread that attached the heap; ashlar_rt_free() and the questions
 * are for any thread, attached or not. Blocks are aligned to 16 bytes, those of 8 or fewer to 8.
 */
/// @{

/**
 * A block of at least `size` bytes; NULL with errno ENOMEM where memory is short or the size above
 * PTRDIFF_MAX, and with EINVAL for NULL, for a thread that is not the heap's (reported by debug
 * builds), and from within the ops (reported). Constant time, at most 14 instructions, but for a
 * slow path that is linear in the pages that it looks at, and may call the ops.
 */
mi_decl_nodiscard mi_decl_export void* ashlar_rt_malloc(ashlar_rt_heap_t* heap,
                                                        size_t size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(2);

/// The same for `count` times `size` bytes, all zero; ENOMEM too where the product does not fit.
mi_decl_nodiscard mi_decl_export void* ashlar_rt_calloc(ashlar_rt_heap_t* heap, size_t count,
                                                        size_t size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size2(2, 3);

/**
 * A block of `size` bytes with the contents of `p`, which is freed, or `p` itself where it fits.
 * The prefix of its heap is copied by relaxed atomic words, since readers may still swap words of
 * `p`.
 * @param p NULL: as ashlar_rt_malloc(). It may be of another heap, thread or realm; the new block
 * is of `heap` then On failure NULL as ashlar_rt_malloc(), and `p` is as it was. A `size` of 0 is
 * one of 1.
 */
mi_decl_nodiscard mi_decl_export void* ashlar_rt_realloc(ashlar_rt_heap_t* heap, void* p,
                                                         size_t size) mi_attr_noexcept
    mi_attr_alloc_size(3);

/**
 * Frees a block of any heap, tag and realm, those of raw allocation included; NULL: nothing
 * happens. What is no block is reported and left alone. Constant time and no lock, but for blocks
 * with a page of their own and for the last block of a page.
 */
mi_decl_export void ashlar_rt_free(void* p) mi_attr_noexcept;

/// Bytes of a block that may be used; 0 for NULL and for what is no block (reported). Any thread.
mi_decl_export size_t ashlar_rt_usable_size(const void* p) mi_attr_noexcept;

/// The usable size of a block that is asked for with `size`. Any thread, constant time.
mi_decl_export size_t ashlar_rt_good_size(size_t size) mi_attr_noexcept;

/**
 * The id of the thread that owns the page of a block.
 * @param p the block, or anywhere inside of it; of any realm
 * @return 0: nobody does, or it is no memory of the library's
 * Any thread, constant time, a few loads; for blocks of raw allocation it may be out of date as
 * soon as it returns. Sound also for a freed block of a page that is in use or held.
 */
mi_decl_nodiscard mi_decl_export uintptr_t ashlar_rt_owner(const void* p) mi_attr_noexcept;

/// The prefix of the heap that the page of a block belongs to, in bytes. As ashlar_rt_owner().
mi_decl_nodiscard mi_decl_export size_t ashlar_rt_prefix(const void* p) mi_attr_noexcept;

/**
 * Blocks of no realm of the host's, as malloc() and its relatives give: they need no attachment,
 * are in no visit, and have no prefix and no hold. Any thread, also a visitor. Only these blocks
 * may be passed to ashlar_rt_raw_realloc().
 */
mi_decl_nodiscard mi_decl_export void* ashlar_rt_raw_malloc(size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);
mi_decl_nodiscard mi_decl_export void* ashlar_rt_raw_calloc(size_t count, size_t size)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size2(1, 2);
mi_decl_nodiscard mi_decl_export void* ashlar_rt_raw_realloc(void* p, size_t size) mi_attr_noexcept
    mi_attr_alloc_size(2);
mi_decl_export void ashlar_rt_raw_free(void* p) mi_attr_noexcept;

/// @}

/**
 * @name Held pages
 * The library asks by itself whether goals are reached, oldest first: before it takes a fresh page,
 * at blocks with a page of their own, when it takes an empty orphan, and in ashlar_rt_collect().
 */
/// @{

/// Names a held page while none is released or allocated from.
typedef struct ashlar_rt_held_s ashlar_rt_held_t;

/**
 * The held pages of a thread, oldest first.
 * @param previous NULL: the first one; else the one before it
 * @param goal     NULL, or where its goal is written
 * @param bytes    NULL, or where its size is written
 * @return NULL where there are no more; and with errno EINVAL where the storage is not attached
 * The owner; or any thread while the owner is stopped. Linear in the pages passed over.
 */
mi_decl_export ashlar_rt_held_t* ashlar_rt_thread_held_next(const ashlar_rt_thread_t* thread,
                                                            const ashlar_rt_held_t* previous,
                                                            uint64_t* goal,
                                                            size_t* bytes) mi_attr_noexcept;

/// The same for those of a realm that no thread owns: orphans, and blocks that had a page of their
/// own. Any thread while no other releases, allocates or frees in the realm.
mi_decl_export ashlar_rt_held_t* ashlar_rt_realm_held_next(ashlar_rt_realm_t* realm,
                                                           const ashlar_rt_held_t* previous,
                                                           uint64_t* goal,
                                                           size_t* bytes) mi_attr_noexcept;

/**
 * Releases the held pages of a thread with this goal or one before it, which the host says are
 * reached. The ops are not asked.
 * @return bytes released. Owner only. Linear in the pages released.
 */
mi_decl_export size_t ashlar_rt_release_upto(ashlar_rt_thread_t* thread,
                                             uint64_t goal) mi_attr_noexcept;

/// The same for all of a realm: those of attached threads, which must be stopped, and those that no
/// thread owns. Any thread.
mi_decl_export size_t ashlar_rt_realm_release_upto(ashlar_rt_realm_t* realm,
                                                   uint64_t goal) mi_attr_noexcept;

/// Flags of ashlar_rt_collect().
#define ASHLAR_RT_COLLECT_ORPHANS 1u  ///< also the orphans of the realm
#define ASHLAR_RT_COLLECT_PURGE 2u    ///< and give what waits to be purged back to the system

/**
 * Collects what other threads freed into the thread's pages, releases empty pages or asks about
 * them, and releases what is held where goals are reached.
 * @return bytes of pages released. Owner only. Linear in its pages (and the realm's).
 */
mi_decl_export size_t ashlar_rt_collect(ashlar_rt_thread_t* thread,
                                        unsigned flags) mi_attr_noexcept;

/// @}

/**
 * @name Visits
 * All that lives in a realm is what the visits of its attached threads and of its orphans show,
 * each block exactly once. The caller sees to it that the realm is at rest: no thread allocates
 * from it or frees into it. What was freed by other threads before is found to be free first.
 *
 * During a visit nothing is released, no op is called and no lock is held that raw allocation
 * needs: the function may call ashlar_rt_raw_malloc() and its relatives, and the questions about
 * blocks. As long as the realm stays at rest another visit shows the same in the same order. Pages
 * that turned out to be empty wait for their owner's next slow path, or for ashlar_rt_collect().
 */
/// @{

/// A page as a visit shows it. Later versions may add fields at the end.
typedef struct {
  size_t size;        ///< of this structure, as the library knows it
  void* start;        ///< of the first block
  size_t reserved;    ///< bytes of the page
  size_t committed;   ///< bytes that blocks have been made of so far
  size_t block_size;  ///< bytes from block to block
  size_t usable;  ///< bytes of each that the host may have; what it may have less of one is told
                  ///< by ashlar_rt_usable_size()
  size_t live;    ///< blocks in use
  size_t prefix;
  uintptr_t owner;  ///< 0: an orphan
  unsigned tag;
} ashlar_rt_area_t;

/// Sees a page (block is NULL), or a block of it in use; false ends the visit.
typedef bool(mi_cdecl ashlar_rt_visit_fun)(const ashlar_rt_area_t* area, void* block, void* arg);

/**
 * Shows the pages of a thread's heaps, each followed by its blocks in use.
 * @param tags   a mask
 * @param blocks false: pages only
 * @return whether the function let it come to its end; false with errno EINVAL too where the
 * storage is not attached, or fun is NULL Any thread. Linear in the pages and blocks of the tags.
 */
mi_decl_export bool ashlar_rt_visit(const ashlar_rt_thread_t* thread, unsigned tags, bool blocks,
                                    ashlar_rt_visit_fun* fun, void* arg) mi_attr_noexcept;

/// The same for what no thread owns in a realm. Linear in the slices of 64 KiB that the realm uses.
mi_decl_export bool ashlar_rt_visit_orphans(ashlar_rt_realm_t* realm, unsigned tags, bool blocks,
                                            ashlar_rt_visit_fun* fun, void* arg) mi_attr_noexcept;

/// @}

/**
 * @name Statistics
 * Threads: any.
 */
/// @{

/// Of one realm, and some tags. Later versions may add fields at the end.
typedef struct {
  size_t size;            ///< of this structure, set by the host: fields beyond it are not written
  size_t blocks;          ///< in use
  size_t bytes;           ///< of these blocks: of each what ashlar_rt_area_t::usable says
  size_t bytes_overhead;  ///< the same with what a profile puts behind blocks
  size_t reserved;        ///< bytes of pages
  size_t committed;       ///< bytes that blocks have been made of
  size_t held_pages;      ///< empty, with a goal
  size_t held_bytes;      ///< of these
} ashlar_rt_stats_t;

/**
 * Counts what a realm holds for a mask of tags, by looking at all of its pages. The realm is at
 * rest, as for visits. Linear in the slices that the realm uses.
 * @return false with errno EINVAL for no realm, NULL or a `size` of less than two fields
 */
mi_decl_export bool ashlar_rt_stats(ashlar_rt_realm_t* realm, unsigned tags,
                                    ashlar_rt_stats_t* stats) mi_attr_noexcept;

/// Sums of what each thread counts for itself on slow paths.
typedef struct {
  size_t size;    ///< as in ashlar_rt_stats_t
  size_t blocks;  ///< in use, by and large: what changed in a page since its owner last looked at
                  ///< it by a slow path is not among it
  size_t bytes;   ///< of these blocks
  size_t pages;   ///< bytes of pages
} ashlar_rt_fast_stats_t;

/// Adds these up for all tags, at any time: for a collector that decides when to begin. Linear in
/// the attached threads, under a lock that attaching takes. Answers as ashlar_rt_stats().
mi_decl_export bool ashlar_rt_stats_fast(ashlar_rt_realm_t* realm,
                                         ashlar_rt_fast_stats_t* stats) mi_attr_noexcept;

/// @}

/**
 * @name Processes
 */
/// @{

/// Which side of a fork.
typedef enum {
  ASHLAR_RT_FORK_PREPARE = 0,  ///< before fork()
  ASHLAR_RT_FORK_PARENT = 1,   ///< after it
  ASHLAR_RT_FORK_CHILD = 2     ///< after it, in the child
} ashlar_rt_fork_t;

/**
 * Says that the process is about to be forked, or was, with all realms at rest: every attached
 * thread but the caller is stopped, outside of calls of this interface. In the child all that they
 * had is as it was then: the survivor detaches them (or abandons their heaps) before it starts a
 * thread, which might get the id of one of them, and loses nothing. Without this call what is free
 * in their pages is lost in the child until each page is empty, and their heaps are empty; their
 * storage is to be detached all the same. Locks and the purge thread are seen to by fork() itself.
 * Any thread; the same one for all three.
 * @return false with errno EINVAL (reported) where PARENT or CHILD does not follow on PREPARE
 */
mi_decl_export bool ashlar_rt_fork(ashlar_rt_fork_t side) mi_attr_noexcept;

/// What a build fills blocks with. Chosen when the library is built; see docs/embedding.md.
typedef struct {
  bool fills;               ///< whether it does: debug builds
  unsigned char allocated;  ///< what malloc returns, behind the prefix
  unsigned char freed;      ///< freed blocks, behind word 0 or the prefix
  unsigned char padding;    ///< between the end of a request and that of its block
} ashlar_rt_fill_t;

/// Any thread, constant time.
mi_decl_export ashlar_rt_fill_t ashlar_rt_fill_bytes(void) mi_attr_noexcept;

/// @}

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // ASHLAR_EMBED_H
